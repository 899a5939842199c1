"""Rows of a view as arrays: side by side whose they are, when they were true and when they were accepted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from ag06d.plugin import FeatureView

Times = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows of a view.

    names       of the entities, in order
    codes       int64 (n,): whose a row is, as an index into `names`
    times_ns    int64 (n,): when it was true, nanoseconds since the epoch
    created_ns  int64 (n,): when it was accepted
    values      (n, columns), of the view's dtype
    """

    names: tuple[str, ...]
    codes: Times
    times_ns: Times
    created_ns: Times
    values: npt.NDArray[Any]

    @classmethod
    def none(cls, view: FeatureView, columns: int) -> Self:
        """No rows of so many columns."""
        nothing = np.empty(0, dtype=np.int64)
        return cls((), nothing, nothing, nothing, np.empty((0, columns), dtype=view.dtype))

    def __len__(self) -> int:
        return len(self.times_ns)

    @property
    def entities(self) -> npt.NDArray[np.object_]:
        """Whose each row is, str (n,)."""
        return np.array(self.names, dtype=object)[self.codes]

    def where(self, chosen: Mask | Times | slice) -> Rows:
        """The rows that a mask, indices or a slice choose."""
        return Rows(
            self.names,
            self.codes[chosen],
            self.times_ns[chosen],
            self.created_ns[chosen],
            self.values[chosen],
        )

    def between(self, start_ns: int, end_ns: int, entities: frozenset[str] | None = None) -> Rows:
        """The rows of some entities, or of all, from `start_ns` to before `end_ns`."""
        if not len(self):
            return self
        chosen = (self.times_ns >= start_ns) & (self.times_ns < end_ns)
        if entities is not None:
            chosen &= np.array([name in entities for name in self.names], dtype=bool)[self.codes]
        return self if chosen.all() else self.where(chosen)


def merged(parts: Sequence[Rows], *, versions: bool = False) -> Rows:
    """Rows of several places as one, by entity and time, each row once; there must be a part, if empty.

    Of rows of the same entity and moment the one that was accepted last is taken, and of those that were
    accepted together the one in the last part. With `versions` those that were accepted at different
    moments all stay, by that moment.
    """
    filled = [part for part in parts if len(part)]
    if not filled:
        return parts[0]
    together = _joined(filled)
    code, time, created = together.codes, together.times_ns, together.created_ns
    if not _ordered(code, time, created):
        together = together.where(np.lexsort((created, time, code)))  # stable: the last part stays last
        code, time, created = together.codes, together.times_ns, together.created_ns
    same = (code[1:] == code[:-1]) & (time[1:] == time[:-1])
    if versions:
        same &= created[1:] == created[:-1]
    return together.where(np.append(~same, True)) if same.any() else together


def _joined(parts: Sequence[Rows]) -> Rows:
    names = tuple(sorted({name for part in parts for name in part.names}))
    if len(parts) == 1 and parts[0].names == names:
        return parts[0]
    place = {name: code for code, name in enumerate(names)}
    return Rows(
        names,
        np.concatenate([_places(place, part.names)[part.codes] for part in parts]),
        np.concatenate([part.times_ns for part in parts]),
        np.concatenate([part.created_ns for part in parts]),
        np.concatenate([part.values for part in parts]),
    )


def _places(place: dict[str, int], names: Iterable[str]) -> Times:
    return np.array([place[name] for name in names], dtype=np.int64)


def _ordered(code: Times, time: Times, created: Times) -> bool:
    """Whether rows are by code, then time, then when they were accepted."""
    earlier = (time[:-1] < time[1:]) | ((time[:-1] == time[1:]) & (created[:-1] <= created[1:]))
    return bool(np.all((code[:-1] < code[1:]) | ((code[:-1] == code[1:]) & earlier)))


def by_time(rows: Rows) -> Rows:
    """Rows that are by entity and time, by time and then entity."""
    if len(rows.names) < 2 or not len(rows) or rows.codes[0] == rows.codes[-1]:  # noqa: PLR2004 - a pair
        return rows
    return rows.where(np.lexsort((rows.codes, rows.times_ns)))
