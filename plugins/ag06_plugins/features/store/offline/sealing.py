"""Sealing: finished segments of the log become files, and go once those stand.

A kill at any moment leaves the segment, and sealing it again writes files of the same names. Their names
have the segment's number and when its first rows were accepted, so that they stand for it alone.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import numpy as np

from ag06_plugins.features.store import log
from ag06_plugins.features.store.offline import layout
from ag06_plugins.features.store.offline.files import writing
from ag06_plugins.features.store.offline.layout import DAY_NS
from ag06_plugins.features.store.offline.rows import Rows
from ag06_plugins.features.store.offline.sources import Gathered, Sources
from ag06_plugins.features.store.registry import Registry
from ag06d.plugin import FeatureView

PART_BYTES: Final = 16 << 20  # of a view's rows that are in memory at once
DISK: Final = frozenset({sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN})
Progress = Callable[[str, int, int], None]


def seal(sources: Sources, registry: Registry, progress: Progress | None = None) -> int:
    """Seal every segment but the newest; how many were. Only for the one who maintains.

    A segment with rows of a view that the registry does not have is left where it is, and reported.
    `progress` is told the segment, how many are done and how many there were. Raises OSError when files
    cannot be written; the segment is then as it was.
    """
    finished = log.segments(sources.log_folder)[:-1]
    sealed = 0
    for done, path in enumerate(finished):
        try:
            sealed += _seal(sources, registry, path)
        except sqlite3.OperationalError as error:
            problem = f"segment {path.name} of the log cannot be sealed now: {error}"
            if error.sqlite_errorcode & 0xFF in DISK:
                raise OSError(problem) from error
            sources.report(problem)  # such as locked: another turn will do
        if progress is not None:
            progress(path.name, done + 1, len(finished))
    return sealed


def _seal(sources: Sources, registry: Registry, path: Path) -> bool:
    spoiled: list[str] = []
    keys, created_ns = _contents(sources, path, spoiled)
    views = [registry.views[key] for key in keys if key in registry.views]
    if len(views) < len(keys):
        missing = ", ".join(sorted(set(keys) - registry.views.keys()))
        sources.report(f"segment {path.name} of the log is not sealed: there is no feature view {missing}")
        return False
    stem = f"s{path.stem}-{created_ns:x}"
    for view in views:
        for part, rows in enumerate(_parts(sources, path, view, spoiled)):
            _write(sources.folder, view, rows, f"{stem}-{part:03}{layout.SUFFIX}")
    if spoiled:
        layout.set_aside(path)
    else:
        log.remove_segment(path)
    return True


def _contents(sources: Sources, path: Path, spoiled: list[str]) -> tuple[list[str], int]:
    """The views of which a segment has rows, and when its first ones were accepted."""
    try:
        with closing(log.open_segment(path)) as connection:
            keys = [key for (key,) in connection.execute("SELECT DISTINCT view FROM batch ORDER BY view")]
            first = connection.execute("SELECT created_ns FROM batch ORDER BY id LIMIT 1").fetchone()
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):  # killed before anything was in it
            return [], 0
        raise
    except sqlite3.DatabaseError:  # what can be read of it tells
        keys, created = [], []
        for batch in sources.batches(path, (), spoiled):
            keys.append(batch.view)
            created.append(batch.created_ns)
        return sorted(set(keys)), created[0] if created else 0
    return keys, first[0] if first else 0


def _parts(sources: Sources, path: Path, view: FeatureView, spoiled: list[str]) -> Iterator[Rows]:
    """A view's rows in a segment, each time as many as memory may hold; the same parts every time."""
    gathered = Gathered(view, range(len(view.columns)))
    for batch in sources.batches(path, [view.key], spoiled):
        try:
            gathered.add(batch)
        except ValueError as error:
            spoiled.append(f"a batch in segment {path.name} of the log is left out: {error}")
            sources.report(spoiled[-1])
        if gathered.size >= PART_BYTES:
            yield gathered.rows()
            gathered = Gathered(view, range(len(view.columns)))
    yield gathered.rows()


def _write(folder: Path, view: FeatureView, rows: Rows, name: str) -> None:
    for day in np.unique(rows.times_ns // DAY_NS).tolist():
        path = layout.of_day(layout.of_view(folder, view), day) / name
        with writing(path, view) as writer:
            writer.add(rows.between(day * DAY_NS, (day + 1) * DAY_NS))
