"""Where a view's rows are to be found: in segments of the log that are not sealed, and in files by day.

Who reads takes the log first and the files after it: a segment goes only when its files stand.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from ag06_plugins.features.store import log
from ag06_plugins.features.store.offline import layout, precision
from ag06_plugins.features.store.offline.files import File, Footers, SpoiledError, VanishedError
from ag06_plugins.features.store.offline.rows import Rows, Times, merged
from ag06d.plugin import FeatureView

T = TypeVar("T")
Report = Callable[[str], None]
FIRST_NS: Final = int(np.iinfo(np.int64).min)
LAST_NS: Final = int(np.iinfo(np.int64).max)


class Wanted(NamedTuple):
    """What is to be read: columns of a view, of some entities or all, from a moment to before another."""

    view: FeatureView
    indices: Sequence[int]
    entities: frozenset[str] | None = None
    start_ns: int = FIRST_NS
    end_ns: int = LAST_NS

    @property
    def columns(self) -> list[str]:
        """Their names."""
        names = self.view.columns
        return [names[index] for index in self.indices]

    def none(self) -> Rows:
        """No rows, of these columns."""
        return Rows.none(self.view, len(self.indices))

    def of(self, rows: Rows) -> Rows:
        """Those of some rows that are of these entities and this time."""
        return rows.between(self.start_ns, self.end_ns, self.entities)


@dataclass(slots=True)
class Sources:
    """The folders of a store, and to whom to say what is spoiled there, a sentence each."""

    folder: Path
    log_folder: Path
    report: Report = logging.getLogger(__name__).warning
    footers: Footers = field(default_factory=Footers)

    def logged(self, wanted: Wanted) -> Rows:
        """Rows in the log, as they will be stored, by entity and time and all that was accepted for them."""
        view, entities = wanted.view, wanted.entities
        gathered = Gathered(view, wanted.indices)
        for path in log.segments(self.log_folder):
            for batch in self.batches(path, [view.key]):
                if entities is not None and batch.entity not in entities:
                    continue
                try:
                    gathered.add(batch, wanted.start_ns, wanted.end_ns)
                except ValueError as error:
                    self.report(f"a batch in segment {path.name} of the log is left out: {error}")
        return gathered.rows()

    def batches(
        self, path: Path, views: Sequence[str], spoiled: list[str] | None = None
    ) -> Iterator[log.Batch]:
        """What can be read of a segment; that the rest cannot is reported, and added to `spoiled`."""
        try:
            for _, batch in log.read_segment(path, views):
                yield batch
        except log.SPOILED as error:
            if not path.exists():  # removed meanwhile, so its files stand
                return
            if isinstance(error, sqlite3.OperationalError):
                raise
            problem = f"segment {path.name} of the log is spoiled, some of its rows are lost: {error}"
            if spoiled is not None:
                spoiled.append(problem)
            self.report(problem)

    def days(self, view: FeatureView) -> list[int]:
        """The days that have files, as numbers since the epoch, oldest first."""
        return layout.days(layout.of_view(self.folder, view))

    def day(self, view: FeatureView, day: int) -> list[File]:
        """The files of a day; a spoiled one is set aside."""
        return self.opened(layout.of_day(layout.of_view(self.folder, view), day))

    def opened(self, folder: Path) -> list[File]:
        """The files of a day's folder; a spoiled one is set aside."""
        for _ in range(layout.ATTEMPTS):
            found = []
            try:
                for path in layout.files(folder):
                    try:
                        found.append(File(path, self.footers))
                    except SpoiledError as error:
                        self.set_aside(error)
            except VanishedError:
                continue
            return found
        raise OSError(f"{folder} is changed faster than it can be read")

    def set_aside(self, error: SpoiledError) -> None:
        """Have a spoiled file read by nobody any more, and say so."""
        try:
            aside = layout.set_aside(error.path)
        except FileNotFoundError:
            return
        self.report(f"a file of features is spoiled and set aside as {aside}: {error}")

    def retried(self, attempt: Callable[[], T]) -> T:
        """The outcome of `attempt`, which lists and reads files, made anew when one goes or is spoiled."""
        for _ in range(layout.ATTEMPTS):
            try:
                return attempt()
            except VanishedError:
                continue
            except SpoiledError as error:
                self.set_aside(error)
        raise OSError(f"{self.folder} is changed faster than it can be read")


class Gathered:
    """Batches of a view that become rows together, for many of them have one row only.

    indices  of the columns that are wanted
    size     bytes that were taken
    """

    def __init__(self, view: FeatureView, indices: Sequence[int]) -> None:
        self._view, self._indices = view, indices
        self._batches: dict[str, list[tuple[Times, npt.NDArray[Any], int]]] = {}
        self.size = 0

    def add(self, batch: log.Batch, start_ns: int = FIRST_NS, end_ns: int = LAST_NS) -> None:
        """Take what a batch has in a range of time; raises ValueError for rows that are not the view's."""
        times, rows = batch.times_ns, batch.rows
        if not len(times):
            return
        if rows.shape[1] != len(self._view.columns) or rows.dtype.name != self._view.dtype:
            raise ValueError(f"it has rows of {rows.shape[1]} {rows.dtype}, and {self._view.key} has others")
        if times.min() < start_ns or times.max() >= end_ns:
            chosen = (times >= start_ns) & (times < end_ns)
            times, rows = times[chosen], rows[chosen]
        self._batches.setdefault(batch.entity, []).append((times, rows, batch.created_ns))
        self.size += times.nbytes + rows.nbytes

    def rows(self) -> Rows:
        """What was taken, as it will be stored, by entity and time and all that was accepted for them."""
        parts = [Rows.none(self._view, len(self._indices))]
        for entity, batches in self._batches.items():
            every, rows, created = zip(*batches, strict=True)
            times = np.concatenate(every)
            stored = precision.as_stored(self._view, np.concatenate(rows), self._indices)
            accepted = np.repeat(np.array(created, dtype=np.int64), [len(part) for part in every])
            parts.append(Rows((entity,), np.zeros(len(times), dtype=np.int64), times, accepted, stored))
        return merged(parts, versions=True)
