"""What the reader answers about the past: values over time, what was known at moments, the newest rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ag06_plugins.features.store.database import load_declared
from ag06_plugins.features.store.offline import open_offline
from ag06_plugins.features.store.registry import Selection
from ag06_plugins.workers.channel import Note
from ag06d.plugin import FeatureView, RequestError

EVENT: Final = "event_time"


@dataclass(slots=True)
class Means:
    """Means of values over equal parts of a range of time, from rows that come in any pieces.

    Rows at most as many as there are parts are given as they are.
    """

    start_ns: int
    end_ns: int
    parts: int
    columns: int
    _few: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]] = field(default_factory=list)
    _rows: int = 0
    _sums: npt.NDArray[np.float64] | None = None
    _counts: npt.NDArray[np.int64] | None = None
    _times: npt.NDArray[np.float64] | None = None

    def add(self, times_ns: npt.NDArray[np.int64], values: npt.NDArray[Any]) -> None:
        """Take in rows: times (n,) within the range, values (n, columns); NaN is left out."""
        self._few.append((times_ns, values.astype(np.float64)))
        self._rows += len(times_ns)
        if self._rows > self.parts:
            self._sum_up()

    @property
    def _part_ns(self) -> int:
        """How long a part is: rounded up, for times by parts would be more than int64 has."""
        return max(1, -(-(self.end_ns - self.start_ns) // self.parts))

    def _sum_up(self) -> None:
        if self._sums is None or self._counts is None or self._times is None:
            self._sums = np.zeros((self.parts, self.columns))
            self._counts = np.zeros((self.parts, self.columns), dtype=np.int64)
            self._times = np.zeros((self.parts, 2))
        for times_ns, values in self._few:
            offset = times_ns - self.start_ns
            part = np.minimum(offset // self._part_ns, self.parts - 1)
            there = np.isfinite(values)
            np.add.at(self._sums, part, np.where(there, values, 0))
            np.add.at(self._counts, part, there)
            np.add.at(self._times, part, np.stack([offset, np.ones(len(offset))], axis=1))
        self._few.clear()

    def result(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """Times (n,) and values (n, columns), of the rows or of the parts that had any."""
        if self._sums is None or self._counts is None or self._times is None:
            times = [times for times, _ in self._few] or [np.empty(0, np.int64)]
            values = [values for _, values in self._few] or [np.empty((0, self.columns))]
            return np.concatenate(times), np.concatenate(values)
        self._sum_up()
        some = self._times[:, 1] > 0
        with np.errstate(invalid="ignore"):
            means = self._sums[some] / self._counts[some]
        middle = self._times[some, 0] / self._times[some, 1]
        return self.start_ns + middle.astype(np.int64), means


class Reader:
    """Answers questions about the store in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._questions: dict[str, Callable[[Mapping[str, Any], Note], Note]] = {
            "history": self._history,
            "join": self._join,
            "materialize": self._materialize,
        }
        self._offline = open_offline(folder)

    def answer(self, note: Note) -> Note:
        """The answer to a question; raises RequestError, OSError or sqlite3.Error."""
        # Views may have been declared since, by a process that this one does not hear.
        self._offline.registry.apply_all(load_declared(self._folder))
        return self._questions[str(note.body["question"])](note.body["body"], note)

    def _history(self, body: Mapping[str, Any], _: Note) -> Note:
        series, arrays = [], []
        for selection in self._offline.registry.selections(body["features"]):
            entity = body["entities"].get(selection.view.entity)
            if entity is None:
                needed = selection.view.entity
                raise RequestError("bad_request", f"which {needed}?", f'entities = {{"{needed}": ...}}')
            times_ns, values = self._over_time(selection, str(entity), body)
            series.append({"view": selection.view.key, "entity": entity, "names": list(selection.columns)})
            arrays += [times_ns, values]
        return Note({"series": series, "start_ns": body["start_ns"], "end_ns": body["end_ns"]}, arrays)

    def _over_time(
        self, selection: Selection, entity: str, body: Mapping[str, Any]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        start_ns, end_ns, points = int(body["start_ns"]), int(body["end_ns"]), int(body["points"])
        if selection.view.source == "on_demand":
            return self._computed_over_time(selection, body)
        means = Means(start_ns, end_ns, points, len(selection.columns))
        pieces = self._offline.pieces(selection.view.key, selection.columns, entity, start_ns, end_ns)
        for rows in pieces:
            means.add(rows.times_ns, rows.values)
        return means.result()

    def _computed_over_time(
        self, selection: Selection, body: Mapping[str, Any]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """At evenly spaced moments, as a read would have found them."""
        moments = np.linspace(body["start_ns"], body["end_ns"], int(body["points"]) + 1).astype(np.int64)[1:]
        references = [f"{selection.view.key}:{column}" for column in selection.columns]
        joined = self._offline.get_historical_features(self._rows(moments, body["entities"]), references)
        values = joined.to_numpy().astype(np.float64)
        known = np.isfinite(values).any(axis=1)
        return moments[known], values[known]

    @staticmethod
    def _rows(moments: npt.NDArray[np.int64], entities: Mapping[str, Any]) -> dict[str, Any]:
        return {
            EVENT: moments,
            **{
                name: [which] * len(moments) if isinstance(which, str) else which
                for name, which in entities.items()
            },
        }

    def _join(self, body: Mapping[str, Any], note: Note) -> Note:
        rows = self._rows(note.arrays[0], body["entities"])
        joined = self._offline.get_historical_features(rows, body["features"], as_known=body["as_known"])
        return Note({"names": list(joined.features)}, [joined.to_numpy().astype(np.float64)])

    def _materialize(self, body: Mapping[str, Any], _: Note) -> Note:
        view: FeatureView = self._offline.registry.view(body["view"])
        rows = self._offline.materialize(view.key, body["start_ns"], body["end_ns"])
        return Note({"entities": list(rows.entities)}, [rows.times_ns, rows.created_ns, rows.values])
