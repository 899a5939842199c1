"""Compaction: many small files of a day become a large one, row by row the same.

The large one stands before the small ones go: a kill leaves rows twice, which readers see once. Files are
merged with others of about their size, so that a row is written again a few times and not at every turn.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from ag06_plugins.features.store.offline import layout
from ag06_plugins.features.store.offline.files import File, SpoiledError, VanishedError, writing
from ag06_plugins.features.store.offline.layout import DAY_NS
from ag06_plugins.features.store.offline.reading import matching, window
from ag06_plugins.features.store.offline.rows import Rows, merged
from ag06_plugins.features.store.offline.sealing import Progress
from ag06_plugins.features.store.offline.sources import Sources, Wanted
from ag06d.plugin import FeatureView

FILES: Final = 12  # of about one size that a day may have while it lasts
SMALL_BYTES: Final = 1 << 20  # below this one size is as another
GRACE_NS: Final = 3_600_000_000_000  # after its end a day is still expected to get rows
MERGE_BYTES: Final = 16 << 20  # of rows that are in memory at once, several times over


def compact(sources: Sources, now_ns: int, progress: Progress | None = None, files: int = FILES) -> int:
    """Merge what is worth it in all views; how many files went into others. Only for the one who maintains.

    files     of about one size that a day that is not over may have
    progress  is told the day, how many days are done and how many there are

    Raises OSError when the large file cannot be written; the small ones are then as they were.
    """
    folders = [
        (key, layout.of_day(folder, day), (day + 1) * DAY_NS + GRACE_NS < now_ns)
        for key, folder in layout.views(sources.folder).items()
        for day in layout.days(folder)
    ]
    count = 0
    for done, (key, folder, over) in enumerate(folders):
        if len(paths := layout.files(folder)) > 1:
            sizes = sorted((path.stat().st_size, path) for path in paths if path.exists())
            chosen = due(sizes, over=over, files=files)
            count += _compact(sources, folder, chosen) if chosen else 0
        if progress is not None:
            progress(f"{key} {folder.name}", done + 1, len(folders))
    return count


def due(sizes: Sequence[tuple[int, Path]], *, over: bool, files: int = FILES) -> list[Path]:
    """Which of a day's files, smallest first, are to be merged: those of about one size, if they are many.

    Of a day that is over two are many, and one may be eight times as large as those below it together.
    """
    chosen: list[Path] = []
    total = 0
    for size, path in sizes:
        if chosen and size > max(SMALL_BYTES, (8 if over else 1) * total):
            break
        chosen.append(path)
        total += size
    return chosen if len(chosen) >= (2 if over else files) else []


def _compact(sources: Sources, folder: Path, paths: Sequence[Path]) -> int:
    files = []
    for path in paths:
        try:
            files.append(File(path, sources.footers))
        except VanishedError:
            continue
        except SpoiledError as error:
            sources.set_aside(error)
    if len(files) < 2:  # noqa: PLR2004 - one is merged already
        return 0
    files.sort(key=lambda file: file.path.name)
    generations = [name[1:7] for path in layout.files(folder) if (name := path.name).startswith("m")]
    number = max((int(text) for text in generations if text.isdigit()), default=0) + 1
    try:
        view = files[-1].view()
        with writing(folder / f"m{number:06}{layout.SUFFIX}", view) as writer:
            for rows in _ordered(files, view):
                writer.add(rows)
    except VanishedError:
        return 0
    except SpoiledError as error:  # the next turn merges the others
        sources.set_aside(error)
        return 0
    for file in files:
        _remove_same(file)
    layout.synced(folder)
    return len(files)


def _remove_same(file: File) -> None:
    """Remove what was merged, unless something was added under its name meanwhile."""
    try:
        unchanged = file.unchanged()
    except VanishedError:
        return
    if unchanged:
        file.path.unlink(missing_ok=True)


def _ordered(files: Sequence[File], view: FeatureView) -> Iterator[Rows]:
    """All rows by entity and time, some megabytes at once."""
    most = max(1, MERGE_BYTES // (24 + 8 * len(view.columns)))
    count: Counter[str] = Counter()
    for file in files:
        count.update(_counted(file, view))
    names: list[str] = []
    total = 0
    for name in sorted(count):
        if names and total + count[name] > most:
            yield from _windows(files, view, frozenset(names), most)
            names, total = [], 0
        names.append(name)
        total += count[name]
    yield from _windows(files, view, frozenset(names), most)


def _counted(file: File, view: FeatureView) -> dict[str, int]:
    found: Counter[str] = Counter()
    for group in range(len(file.index.low)):
        rows = file.read([group], (), view.dtype)
        counts = np.bincount(rows.codes, minlength=len(rows.names)).tolist()
        found.update(dict(zip(rows.names, counts, strict=True)))
    return found


def _windows(files: Sequence[File], view: FeatureView, entities: frozenset[str], most: int) -> Iterator[Rows]:
    low = min((int(file.index.low.min()) for file in files if len(file.index.low)), default=0)
    end = max((int(file.index.high.max()) for file in files if len(file.index.low)), default=-1) + 1
    rest = Wanted(view, range(len(view.columns)), entities, low, end)
    while rest.start_ns < end:
        part = window(files, rest, most)
        yield merged([part.none(), *(matching(file, part) for file in files)], versions=True)
        rest = rest._replace(start_ns=part.end_ns)
