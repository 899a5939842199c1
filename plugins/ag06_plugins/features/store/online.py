"""Online features: the newest row of every entity, in memory, and what is told of it at a read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from ag06_plugins.features.store.expressions import Expression
from ag06_plugins.features.store.registry import Registry
from ag06d.plugin import FeatureView, OnlineFeatures, RequestError, Status

FUTURE_NS: Final = 5_000_000_000  # that a row may be ahead of now, for clocks differ by less
PLANS_MAX: Final = 256  # that are remembered; what is asked again and again is fewer
VALUES_MAX: Final = 1 << 20  # of one read: rows by features
ENTITIES_MAX: Final = 10_000  # of one view; more are an error of who pushes


class Newest(NamedTuple):
    """A row, when it was true and when it came; nanoseconds since the epoch."""

    event_ns: int
    created_ns: int
    row: npt.NDArray[Any]


@dataclass(slots=True)
class ViewTable:
    """The newest row of each entity of one view, and how reads found it."""

    view: FeatureView
    rows: dict[str, Newest] = field(default_factory=dict)
    ttl_ns: int = 0  # 0: for ever
    reads: int = 0
    present: int = 0  # reads that found a row within its time to live

    def put(self, entity: str, newest: Newest, now_ns: int) -> None:
        """Take in a row unless a newer one is there, in whatever order they come.

        One that is there and is of the future does not count: the clock was set back since.
        """
        there = self.rows.get(entity)
        if there is None or newest.event_ns >= there.event_ns or there.event_ns > now_ns + FUTURE_NS:
            self.rows[entity] = newest

    def find(self, entity: str, now_ns: int, *, counted: bool) -> tuple[Newest | None, Status]:
        """The newest row, and whether it counts."""
        self.reads += counted
        newest = self.rows.get(entity)
        if newest is None:
            return None, Status.NOT_FOUND
        if self.ttl_ns and now_ns - newest.event_ns > self.ttl_ns:
            return newest, Status.OUTSIDE_MAX_AGE
        self.present += counted
        return newest, Status.PRESENT


class _Part(NamedTuple):
    """Columns of one view, and where they go among the features."""

    table: ViewTable
    indices: npt.NDArray[np.intp] | slice
    places: slice


class _Computed(NamedTuple):
    """An on-demand feature, where it goes, and where its inputs are among the inputs' plan."""

    expression: Expression
    place: int
    names: tuple[str, ...]


@dataclass(slots=True)
class Plan:
    """How to read some features, worked out once. `names` of the features, `keys` of the entities."""

    names: tuple[str, ...]
    keys: tuple[str, ...]
    parts: list[_Part]
    computed: list[_Computed]
    inputs: Plan | None = None  # of the computed ones


class Online:
    """The tables of all views."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._tables: dict[str, ViewTable] = {}
        self._plans: dict[tuple[str, ...], Plan] = {}

    def changed(self) -> None:
        """The registry is another: what was worked out from it no longer holds."""
        self._plans.clear()
        for key, view in self._registry.views.items():
            table = self._tables.setdefault(key, ViewTable(view))
            table.view = view
            table.ttl_ns = round(view.ttl_s * 1e9) if view.ttl_s else 0

    def table(self, key: str) -> ViewTable:
        """The table of the view NAME@VERSION."""
        return self._tables[key]

    def tables(self) -> Iterator[ViewTable]:
        """Those of all views."""
        yield from self._tables.values()

    def plan(self, references: Sequence[str]) -> Plan:
        """How to read `references`; raises RequestError."""
        key = tuple(references)
        plan = self._plans.get(key)
        if plan is None:
            plan = self._work_out(key)
            while len(self._plans) >= PLANS_MAX:
                del self._plans[next(iter(self._plans))]
            self._plans[key] = plan
        return plan

    def _work_out(self, references: tuple[str, ...]) -> Plan:
        if not references:
            raise RequestError("bad_request", "no feature is asked for", "such as level:left.rms_db")
        plan = Plan((), (), [], [])
        names: list[str] = []
        keys: dict[str, None] = {}
        inputs: dict[str, None] = {}
        for text, view, indices in self._registry.select(references):
            start = len(names)
            columns = view.columns
            whole = len(indices) > 1 or text.rpartition(":")[2] != columns[indices[0]]
            prefix = text.partition(":")[0]
            names += [f"{prefix}:{columns[i]}" for i in indices] if whole else [text]
            keys[view.entity] = None
            if view.source == "on_demand":
                for place, i in enumerate(indices, start):
                    expression = Expression(view.fields[i].expression)
                    inputs.update(dict.fromkeys(expression.inputs))
                    plan.computed.append(_Computed(expression, place, expression.inputs))
            else:
                plan.parts.append(self._part(view, indices, start))
        if inputs:
            plan.inputs = self.plan(tuple(inputs))
            keys.update(dict.fromkeys(plan.inputs.keys))
        plan.parts = _joined(plan.parts)
        plan.names, plan.keys = tuple(names), tuple(keys)
        return plan

    def _part(self, view: FeatureView, indices: tuple[int, ...], start: int) -> _Part:
        return _Part(
            self._tables[view.key], np.array(indices, dtype=np.intp), slice(start, start + len(indices))
        )

    def read(
        self, plan: Plan, rows: Sequence[Mapping[str, str]], now_ns: int, *, counted: bool = True
    ) -> OnlineFeatures:
        """The features of `plan` for each of `rows`, entity name to which one; raises RequestError.

        `counted`: as reads that somebody made, in the account of the views.
        """
        shape = (len(rows), len(plan.names))
        if shape[0] * shape[1] > VALUES_MAX:
            message = f"{shape[1]} features of {shape[0]} entity rows are more than {VALUES_MAX} values"
            raise RequestError("out_of_range", message, "ask for less at a time")
        values = np.full(shape, np.nan)
        statuses = np.zeros(shape, dtype=np.uint8)
        event_ns = np.zeros(shape, dtype=np.int64)
        for at, row in enumerate(rows):
            for table, indices, places in plan.parts:
                entity = row.get(table.view.entity)
                if entity is None:
                    raise _unnamed(table.view.entity)
                newest, status = table.find(entity, now_ns, counted=counted)
                if newest is not None:
                    values[at, places] = newest.row[indices]
                    event_ns[at, places] = newest.event_ns
                if status:
                    statuses[at, places] = status
        result = OnlineFeatures(plan.names, values, statuses, event_ns)
        if plan.inputs is not None:
            self._compute(plan, result, self.read(plan.inputs, rows, now_ns, counted=counted))
        return result

    @staticmethod
    def _compute(plan: Plan, result: OnlineFeatures, inputs: OnlineFeatures) -> None:
        """On-demand features: as present as their least present input, as old as the oldest."""
        by_name = {name: at for at, name in enumerate(inputs.names)}
        columns = {name: inputs.values[:, at] for name, at in by_name.items()}
        for expression, place, names in plan.computed:
            at = [by_name[name] for name in names]
            result.values[:, place] = expression(columns)
            found = inputs.statuses[:, at]
            missing = (found == Status.NOT_FOUND).any(axis=1)
            result.statuses[:, place] = np.where(missing, Status.NOT_FOUND, found.max(axis=1))
            result.event_ns[:, place] = np.where(missing, 0, inputs.event_ns[:, at].min(axis=1))


def _joined(parts: list[_Part]) -> list[_Part]:
    """Neighbours of one view as one part, and indices that follow each other as a slice."""
    joined: list[_Part] = []
    for part in parts:
        before = joined[-1] if joined else None
        if before is not None and before.table is part.table:
            indices = np.concatenate([np.atleast_1d(before.indices), np.atleast_1d(part.indices)])  # type: ignore[arg-type]
            joined[-1] = _Part(part.table, indices, slice(before.places.start, part.places.stop))
        else:
            joined.append(part)
    return [_sliced(part) for part in joined]


def _sliced(part: _Part) -> _Part:
    indices = part.indices
    if isinstance(indices, slice) or (np.diff(indices) != 1).any():
        return part
    return part._replace(indices=slice(int(indices[0]), int(indices[-1]) + 1))


def _unnamed(entity: str) -> RequestError:
    return RequestError(
        "bad_request", f"the entity row does not say which {entity}", f'such as {{"{entity}": "dry"}}'
    )
