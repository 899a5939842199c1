"""Rows of a view in a range of time, out of the log and of files, in pieces that fit into memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final

import numpy as np
import numpy.typing as npt

from ag06_plugins.features.store.offline.files import File, Index
from ag06_plugins.features.store.offline.layout import DAY_NS
from ag06_plugins.features.store.offline.rows import Rows, by_time, merged
from ag06_plugins.features.store.offline.sources import Sources, Wanted

PIECE_BYTES: Final = 32 << 20
NARROWEST_NS: Final = 1_000_000  # a window that is not divided any more, whatever is in it


def pieces(sources: Sources, wanted: Wanted) -> Iterator[Rows]:
    """What is wanted, by time and entity, each row once; one piece after the other."""
    logged = sources.logged(wanted)
    # The log is read, so the days of what goes from it from here on are there.
    filed = {day for day in sources.days(wanted.view) if overlaps(day, wanted)}
    for day in sorted(filed | set((logged.times_ns // DAY_NS).tolist())):
        rest = wanted._replace(
            start_ns=max(wanted.start_ns, day * DAY_NS), end_ns=min(wanted.end_ns, (day + 1) * DAY_NS)
        )
        while rest.start_ns < rest.end_ns:
            piece, until = sources.retried(partial(_piece, sources, rest, day, logged))
            rest = rest._replace(start_ns=until)
            if len(piece):
                yield piece


def overlaps(day: int, wanted: Wanted) -> bool:
    """Whether some of a day is wanted."""
    return day * DAY_NS < wanted.end_ns and wanted.start_ns < (day + 1) * DAY_NS


def _piece(sources: Sources, wanted: Wanted, day: int, logged: Rows) -> tuple[Rows, int]:
    """Of what is wanted of a day as much as one piece may have, and to where that reaches."""
    files = sources.day(wanted.view, day)
    part = window(files, wanted, max(1, PIECE_BYTES // (24 + 8 * len(wanted.indices))))
    rows = merged([wanted.none(), *(matching(file, part) for file in files), part.of(logged)])
    return by_time(rows), part.end_ns


def window(files: Sequence[File], wanted: Wanted, most: int) -> Wanted:
    """The beginning of what is wanted, so that not many more than `most` rows of the files are in it."""
    start_ns, until = wanted.start_ns, wanted.end_ns
    touched = [(file.index, touching(file.index, wanted)) for file in files]
    low, high, rows = (
        np.concatenate([np.empty(0, dtype=np.int64), *(getattr(index, name)[of] for index, of in touched)])
        for name in ("low", "high", "rows")
    )
    while until - start_ns > NARROWEST_NS:
        # Of a group that reaches over the window, as much as if its rows were spread evenly.
        spread = np.maximum(high - low, 1).astype(float)
        inside = np.minimum(high, until - 1) - np.maximum(low, start_ns) + 1
        if (rows * np.clip(inside / spread, 0, 1)).sum() <= most:
            break
        until = start_ns + (until - start_ns) // 2
    return wanted._replace(end_ns=until)


def touching(index: Index, wanted: Wanted) -> npt.NDArray[np.int64]:
    """The row groups that may have some of what is wanted."""
    entities = wanted.entities
    chosen = (index.low < wanted.end_ns) & (index.high >= wanted.start_ns)
    if entities is not None and chosen.any():
        told = index.last != ""
        least, most = min(entities, default=""), max(entities, default="")
        chosen &= ~told | ((index.first <= most) & (index.last >= least))
        alone = told & (index.first == index.last)
        chosen &= ~alone | np.isin(index.first, list(entities))
    return np.flatnonzero(chosen)


def matching(file: File, wanted: Wanted) -> Rows:
    """What a file has of what is wanted."""
    groups = touching(file.index, wanted).tolist()
    return wanted.of(file.read(groups, wanted.columns, wanted.view.dtype))


def listed(sources: Sources, wanted: Wanted) -> set[str]:
    """The entities that have rows in a range of time."""
    found = set(sources.logged(wanted).names)
    for day in sources.days(wanted.view):
        if overlaps(day, wanted):
            found |= sources.retried(partial(_listed, sources, wanted, day))
    return found


def _listed(sources: Sources, wanted: Wanted, day: int) -> set[str]:
    names: set[str] = set()
    for file in sources.day(wanted.view, day):
        groups = touching(file.index, wanted)
        first, last = file.index.first[groups], file.index.last[groups]
        low, high = file.index.low[groups], file.index.high[groups]
        inside = (low >= wanted.start_ns) & (high < wanted.end_ns)
        sure = (first == last) & (first != "") & inside
        names.update(map(str, first[sure]))
        if (unsure := groups[~sure]).size:
            rows = wanted.of(file.read(unsure.tolist(), (), wanted.view.dtype))
            names.update(rows.names[code] for code in np.unique(rows.codes))
    return names
