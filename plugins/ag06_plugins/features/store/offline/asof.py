"""The newest row at or before a moment: of one view, for many entities and moments at once.

Days are taken from the newest one back, for a row of an earlier day is older than any of a later one; a
day is left once nobody can find anything newer in it. In a day only the keys of row groups are read that
may hold an answer, and of the values only the groups that hold one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from ag06_plugins.features.store.offline.files import File
from ag06_plugins.features.store.offline.layout import DAY_NS
from ag06_plugins.features.store.offline.reading import touching
from ag06_plugins.features.store.offline.rows import Rows, Times
from ag06_plugins.features.store.offline.sources import FIRST_NS, LAST_NS, Sources, Wanted
from ag06d.plugin import FeatureView

THREADS: Final = min(4, os.cpu_count() or 1)
KEYS: Final = 128  # row groups whose keys are in memory at once


@dataclass(slots=True)
class Found:
    """For each moment what was found.

    there       bool (n,): whether anything was
    times_ns    int64 (n,): when it was true, and `created_ns` when it was accepted
    values      (n, columns): of the view's dtype; where nothing is, NaN, or 0 of an integer
    """

    there: npt.NDArray[np.bool_]
    times_ns: Times
    created_ns: Times
    values: npt.NDArray[Any]

    @classmethod
    def nothing(cls, view: FeatureView, count: int, columns: int) -> Found:
        """Nothing, for so many moments."""
        empty = 0 if view.dtype == "int64" else np.nan
        return cls(
            np.zeros(count, dtype=bool),
            np.full(count, FIRST_NS, dtype=np.int64),
            np.full(count, FIRST_NS, dtype=np.int64),
            np.full((columns, count), empty, dtype=view.dtype).T,
        )

    def copy(self) -> Found:
        """One that may be changed alone."""
        return replace(
            self,
            there=self.there.copy(),
            times_ns=self.times_ns.copy(),
            created_ns=self.created_ns.copy(),
            values=self.values.copy(order="K"),
        )


class Asked(NamedTuple):
    """What is looked for: for each of `names` the places in `moments` that ask for it.

    moments  int64 (n,): nothing after it counts
    floors   int64 (n,): nothing before it counts
    known    whether what was accepted after the moment does not count
    """

    places: dict[str, Times]
    moments: Times
    floors: Times
    known: bool

    def open_at(self, day: int, found: Found) -> npt.NDArray[np.bool_]:
        """For which moments a day may have something newer than what was found in those after it."""
        least = np.maximum(found.times_ns, self.floors)
        still: npt.NDArray[np.bool_] = (self.moments >= day * DAY_NS) & (least < (day + 1) * DAY_NS)
        return still


def asked(view: FeatureView, entities: Sequence[str], moments: Times, *, known: bool) -> Asked:
    """For each moment the entity at the same place, not older than the view's time to live."""
    names, codes = np.unique(np.asarray(entities, dtype=np.str_), return_inverse=True)
    order = np.argsort(codes, kind="stable")
    ends = np.cumsum(np.bincount(codes, minlength=len(names)))
    places = dict(zip(map(str, names), np.split(order, ends[:-1]), strict=True)) if len(names) else {}
    floors = np.full(len(moments), FIRST_NS, dtype=np.int64)
    if view.ttl_s is not None and (ttl_ns := round(view.ttl_s * 1e9)) < LAST_NS:
        reached = moments >= FIRST_NS + ttl_ns
        floors[reached] = moments[reached] - ttl_ns
    return Asked(places, moments, floors, known)


def newest(sources: Sources, view: FeatureView, indices: Sequence[int], what: Asked) -> Found:
    """The newest row for each moment, out of the log and of the files."""
    found = Found.nothing(view, len(what.moments), len(indices))
    if not len(what.moments):
        return found
    last, first = int(what.moments.max()), int(what.floors.min())
    wanted = Wanted(view, indices, frozenset(what.places), first, min(last, LAST_NS - 1) + 1)
    logged = sources.logged(wanted)
    for name, (low, high) in _runs(logged).items():
        places = what.places[name]
        rows, taken = _probed(logged, low, high, what, places)
        _take(found, places[taken], rows[taken], logged)
    for day in reversed(sources.days(view)):
        if what.open_at(day, found).any():
            found = sources.retried(partial(_day, sources, wanted, day, what, found))
    return found


def _runs(rows: Rows) -> dict[str, tuple[int, int]]:
    """From where to where the rows of each entity are."""
    if not len(rows):
        return {}
    ends = [*(np.flatnonzero(np.diff(rows.codes)) + 1).tolist(), len(rows)]
    starts = [0, *ends[:-1]]
    return {rows.names[rows.codes[start]]: (start, end) for start, end in zip(starts, ends, strict=True)}


def _probed(
    rows: Rows, low: int, high: int, what: Asked, places: Times
) -> tuple[Times, npt.NDArray[np.bool_]]:
    """For each place the newest row of `rows[low:high]`, and whether there is one that counts."""
    times, created = rows.times_ns[low:high], rows.created_ns[low:high]
    moments = what.moments[places]
    at = np.searchsorted(times, moments, side="right") - 1
    if what.known:
        if np.all(created[:-1] <= created[1:]):
            at = np.minimum(at, np.searchsorted(created, moments, side="right") - 1)
        late = (at >= 0) & (created[at] > moments)
        while late.any():
            at[late] -= 1
            late = (at >= 0) & (created[at] > moments)
    counts: npt.NDArray[np.bool_] = (at >= 0) & (times[at] >= what.floors[places])
    return at + low, counts


def _take(found: Found, places: Times, rows: Times, of: Rows) -> npt.NDArray[np.bool_]:
    """Have those that are newer than what was found before; which ones they are."""
    times, created = of.times_ns[rows], of.created_ns[rows]
    before, accepted = found.times_ns[places], found.created_ns[places]
    newer: npt.NDArray[np.bool_] = (
        ~found.there[places] | (times > before) | ((times == before) & (created >= accepted))
    )
    to = places[newer]
    found.there[to], found.times_ns[to], found.created_ns[to] = True, times[newer], created[newer]
    if of.values.shape[1] == found.values.shape[1]:
        found.values[to] = of.values[rows[newer]]
    return newer


class _Day:
    """The row groups of a day's files, and where in them the answers are."""

    def __init__(self, files: Sequence[File], wanted: Wanted, count: int) -> None:
        self._files, self._wanted = files, wanted
        groups = [len(file.index.low) for file in files]
        self.file = np.repeat(np.arange(len(files)), groups)
        self.group = np.concatenate([np.empty(0, dtype=np.int64), *map(np.arange, groups)])
        none = np.empty(0, dtype=np.int64)
        self.low, self.high, self.created = (
            np.concatenate([none, *(getattr(file.index, name) for file in files)])
            for name in ("low", "high", "created")
        )
        self.where = np.full((2, count), -1, dtype=np.int64)  # of each moment its row group, and row in that
        self._keys: dict[int, tuple[Rows, dict[str, tuple[int, int]]]] = {}

    def of(self, name: str) -> Times:
        """The row groups that may have rows of an entity, by their first moment."""
        starts = np.cumsum([0, *(len(file.index.low) for file in self._files)])
        chosen = [
            touching(file.index, self._wanted._replace(entities=frozenset([name]))) + start
            for file, start in zip(self._files, starts, strict=False)
        ]
        groups = np.concatenate([np.empty(0, dtype=np.int64), *chosen])
        return groups[np.argsort(self.low[groups], kind="stable")]

    def keys(self, numbers: Times) -> Iterator[tuple[int, Rows, dict[str, tuple[int, int]]]]:
        """Of each of some row groups whose and when its rows are, without values; many are read at once."""
        for start in range(0, len(numbers), KEYS):
            some = numbers[start : start + KEYS]
            missing = [number for number in some.tolist() if number not in self._keys]
            if len(self._keys) + len(missing) > KEYS:
                self._keys.clear()
                missing = some.tolist()
            for of in np.unique(self.file[missing]).tolist():
                self._read([number for number in missing if self.file[number] == of], self._files[of])
            for number in some.tolist():
                yield (number, *self._keys[number])

    def _read(self, numbers: list[int], file: File) -> None:
        groups = self.group[numbers].tolist()
        rows = file.read(groups, (), self._wanted.view.dtype)
        ends = np.cumsum(file.index.rows[groups]).tolist()
        for number, start, end in zip(numbers, [0, *ends[:-1]], ends, strict=True):
            part = rows.where(slice(start, end))
            self._keys[number] = part, _runs(part)

    def search(self, name: str, places: Times, what: Asked, found: Found) -> None:
        """Look for one entity's rows, from the last row group that begins before a moment back."""
        groups = self.of(name)
        if not len(groups):
            return
        reach = np.maximum.accumulate(self.high[groups])
        at = np.searchsorted(self.low[groups], what.moments[places], side="right") - 1
        while len(places):
            least = np.maximum(found.times_ns[places], what.floors[places])
            alive = (at >= 0) & (reach[at] >= least)
            places, at, least = places[alive], at[alive], least[alive]
            wanted = self.high[groups[at]] >= least
            if what.known:
                wanted &= self.created[groups[at]] <= what.moments[places]
            numbers, asking = groups[at[wanted]], places[wanted]
            for number, rows, runs in self.keys(np.unique(numbers)):
                if name in runs:
                    self._look(number, rows, runs[name], asking[numbers == number], what, found)
            at -= 1

    def _look(  # noqa: PLR0913, PLR0917 - a step of the search, with all that it has at hand
        self, number: int, rows: Rows, run: tuple[int, int], places: Times, what: Asked, found: Found
    ) -> None:
        chosen, taken = _probed(rows, *run, what, places)
        places, chosen = places[taken], chosen[taken]
        newer = _take(found, places, chosen, rows)
        self.where[0, places[newer]] = number
        self.where[1, places[newer]] = chosen[newer]

    def gather(self, found: Found) -> None:
        """Read the values of what was found, each row group once."""
        places = np.flatnonzero(self.where[0] >= 0)
        places = places[np.argsort(self.where[0, places], kind="stable")]
        columns = self._wanted.columns
        if not len(places) or not columns:
            return
        numbers, starts = np.unique(self.where[0, places], return_index=True)
        tasks = list(zip(numbers.tolist(), np.split(places, starts[1:]), strict=True))

        def fetch(task: tuple[int, Times]) -> None:
            number, answered = task
            file = self._files[self.file[number]]
            found.values[answered] = file.take(int(self.group[number]), self.where[1, answered], columns).T

        if len(tasks) < THREADS:
            for task in tasks:
                fetch(task)
            return
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(fetch, tasks))


def _day(sources: Sources, wanted: Wanted, day: int, what: Asked, before: Found) -> Found:
    """What was found before, or what a day has that is newer."""
    found = before.copy()
    still = what.open_at(day, before)
    looking = _Day(sources.day(wanted.view, day), wanted, len(what.moments))
    for name, places in what.places.items():
        if (wanting := places[still[places]]).size:
            looking.search(name, wanting, what, found)
    looking.gather(found)
    return found
