"""Point-in-time joins: features as they were at the moments of a training set, never as they were after."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv

from ag06_plugins.features.store.offline.asof import Found, asked, newest
from ag06_plugins.features.store.offline.layout import standing
from ag06_plugins.features.store.offline.moments import as_table, moments_of
from ag06_plugins.features.store.offline.sources import Sources
from ag06_plugins.features.store.registry import Registry
from ag06d.plugin import FeatureView, RequestError

Array = npt.NDArray[Any]


class OnDemand(Protocol):
    """How the views are computed that nobody stores."""

    def inputs(self, view: FeatureView) -> Iterable[str]:
        """References to what its expressions need, none of them on demand itself."""

    def compute(self, view: FeatureView, inputs: Mapping[str, Array]) -> Array:
        """Its rows (n, columns), from arrays (n,) by reference, or (n, columns) for more than one number.

        What is missing is NaN, and what cannot be computed for that is to be.
        """


@dataclass(frozen=True, slots=True)
class Joined:
    """What was asked with, and for each of its rows the features.

    rows      the entity rows, `event_time` in nanoseconds in UTC
    features  the name of each, with its values (n,); missing ones are NaN, or 0 of an integer
    missing   of each whether it is, bool (n,)
    """

    rows: pa.Table
    features: Mapping[str, Array]
    missing: Mapping[str, npt.NDArray[np.bool_]]

    def to_arrow(self) -> pa.Table:
        """All columns; an integer that is missing is null."""
        table = self.rows
        for name, values in self.features.items():
            mask = self.missing[name] if values.dtype.kind == "i" else None
            table = table.append_column(name, pa.array(values, mask=mask))
        return table

    def to_pandas(self) -> Any:  # noqa: ANN401 - a DataFrame, of a library that need not be there
        """All columns as a DataFrame; needs pandas."""
        return self.to_arrow().to_pandas()

    def to_numpy(self) -> Array:
        """The features alone, (n, features), of their common dtype; float64 if an integer is missing."""
        if not self.features:
            return np.empty((self.rows.num_rows, 0), dtype=np.float64)
        columns = [
            np.where(self.missing[name], np.nan, values)
            if values.dtype.kind == "i" and self.missing[name].any()
            else values
            for name, values in self.features.items()
        ]
        return np.stack(columns, axis=1)

    def to_csv(self, path: Path) -> None:
        """All columns, the first line their names; the file is whole or not there. Raises OSError."""
        with standing(path.absolute()) as file:
            pa.csv.write_csv(self.to_arrow(), file)


@dataclass(frozen=True, slots=True)
class _Column:
    """A feature of the answer: where its values are, and what it may be called."""

    view: FeatureView
    index: int
    pinned: bool  # whether the reference named the version

    @property
    def name(self) -> str:
        return self.view.columns[self.index]

    @property
    def full(self) -> str:
        version = f"@{self.view.version}" if self.pinned else ""
        return f"{self.view.name}{version}__{self.name}"


@dataclass(frozen=True, slots=True)
class History:
    """Answers questions about the past; `on_demand` is for views that are computed when they are read."""

    sources: Sources
    registry: Registry
    on_demand: OnDemand | None = None

    def join(
        self,
        entity_rows: object,
        features: Sequence[str] | str,
        *,
        full_names: bool = False,
        as_known: bool = False,
    ) -> Joined:
        """For each entity row the features as they were at its moment.

        entity_rows  has `event_time`, and for each entity of the features a column of its name
        features     references, or the name of a service
        full_names   VIEW__FIELD instead of FIELD; a name that two features share is always full
        as_known     leave out what had not been accepted yet at the moment

        Raises RequestError for what is no table, has no such column, or refers to nothing.
        """
        references = (
            list(self.registry.service(features).features) if isinstance(features, str) else list(features)
        )
        table = as_table(entity_rows)
        columns = self._columns(references)
        wanted: dict[str, dict[int, None]] = {}
        for column in columns:
            wanted.setdefault(column.view.key, {})[column.index] = None
        reads = _Reads(self.sources, table, as_known=as_known)
        found = {key: self._view(reads, self.registry.views[key], list(of)) for key, of in wanted.items()}
        names = _names(columns, set(table.column_names), full_names=full_names)
        values, missing = {}, {}
        for name, column in zip(names, columns, strict=True):
            of = found[column.view.key]
            place = list(wanted[column.view.key]).index(column.index)
            values[name] = of.values[:, place]
            missing[name] = ~of.there
        return Joined(table, values, missing)

    def _columns(self, references: Iterable[str]) -> list[_Column]:
        found: dict[tuple[str, int], _Column] = {}
        for text, view, indices in self.registry.select(references):
            for index in indices:
                found.setdefault((view.key, index), _Column(view, index, "@" in text))
        return list(found.values())

    def _view(self, reads: _Reads, view: FeatureView, indices: list[int]) -> Found:
        if view.source != "on_demand":
            return reads.of(view, indices)
        if self.on_demand is None:
            raise RequestError(
                "not_ready", f"{view.key} is computed on demand, and nothing here computes", "ask a daemon"
            )
        inputs: dict[str, Array] = {}
        for text, of, columns in self.registry.select(self.on_demand.inputs(view)):
            if of.source == "on_demand":
                raise RequestError(
                    "bad_request", f"{view.key} needs {text}, which is on demand itself", "use its inputs"
                )
            read = reads.of(of, list(columns))
            values = read.values
            if values.dtype.kind == "i":
                values = np.where(read.there[:, np.newaxis], values, np.nan)
            inputs[text] = values[:, 0] if len(columns) == 1 else values
        computed = np.asarray(self.on_demand.compute(view, inputs)).reshape(reads.count, len(view.columns))
        there = (
            np.isfinite(computed).any(axis=1) if computed.dtype.kind == "f" else np.ones(reads.count, bool)
        )
        if view.dtype == "int64":
            computed = np.where(np.isfinite(computed), computed, 0)
        return Found(there, reads.moments, reads.moments, computed[:, indices].astype(view.dtype))


class _Reads:
    """Reads at the moments of a table, of any views."""

    def __init__(self, sources: Sources, table: pa.Table, *, as_known: bool) -> None:
        self._sources, self._table, self._known = sources, table, as_known
        self.moments = moments_of(table)
        self.count = len(self.moments)

    def of(self, view: FeatureView, indices: list[int]) -> Found:
        """The newest rows of a view at the moments."""
        if view.entity not in self._table.column_names:
            raise RequestError(
                "bad_request",
                f"the entity rows have no column {view.entity!r}, to which {view.key} belongs",
                f"such as {view.entity} = [...]",
            )
        entities = [str(name) for name in self._table[view.entity].to_pylist()]
        what = asked(view, entities, self.moments, known=self._known)
        return newest(self._sources, view, indices, what)


def _names(columns: Sequence[_Column], taken: set[str], *, full_names: bool) -> list[str]:
    """What each is called: its field's name, if nothing else is and it may, else with the view before it."""
    short = [column.name for column in columns]
    names = [
        column.full if full_names or short.count(column.name) > 1 or column.name in taken else column.name
        for column in columns
    ]
    return [
        f"{column.view.key}__{column.name}" if names.count(name) > 1 or name in taken else name
        for name, column in zip(names, columns, strict=True)
    ]
