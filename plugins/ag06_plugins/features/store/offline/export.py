"""A range of time of a view or a service, as a file for other tools; of any length, in little memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from ag06_plugins.features.store.offline.files import CREATED, ENTITY, EVENT, MOMENT, ended
from ag06_plugins.features.store.offline.history import History
from ag06_plugins.features.store.offline.layout import standing
from ag06_plugins.features.store.offline.reading import pieces
from ag06_plugins.features.store.offline.rows import Rows, Times
from ag06_plugins.features.store.offline.sources import FIRST_NS, LAST_NS, Wanted
from ag06d.plugin import FeatureView, RequestError

Form = Literal["parquet", "arrow", "csv"]
Progress = Callable[[int, int, int], None]
FORMS: Final[dict[str, Form]] = {
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
    ".csv": "csv",
}
MOMENTS: Final = 65_536  # of a service at once


class Asking(NamedTuple):
    """What is to be exported; see `Offline.export`."""

    what: str
    start_ns: int
    end_ns: int
    entities: Mapping[str, str] | None
    every_ns: int | None


def export(history: History, asking: Asking, path: Path, form: Form | None, progress: Progress | None) -> int:
    """Write the file; how many rows it has."""
    form = form or FORMS.get(path.suffix)
    if form is None:
        raise RequestError("bad_request", f"{path.name} does not say in what form", "parquet, arrow or csv")
    if asking.what in history.registry.services:
        tables = _service(history, asking)
    elif asking.every_ns is not None:
        raise RequestError("bad_request", f"{asking.what} is no service", "only one can be had on a grid")
    else:
        tables = _view(history, asking)
    empty = next(tables)  # of its columns, which there are even if there are no rows
    count = 0
    with standing(path.absolute()) as file, _writer(file, empty.schema, form) as write:
        for table in tables:
            write(table)
            count += table.num_rows
            if progress is not None and table.num_rows:
                at = int(table[EVENT].cast(pa.int64())[-1].as_py())
                progress(at, asking.start_ns, asking.end_ns)
    return count


@contextmanager
def _writer(file: Any, schema: pa.Schema, form: Form) -> Iterator[Callable[[pa.Table], None]]:  # noqa: ANN401
    if form == "parquet":
        with ended(pq.ParquetWriter(file, schema, compression="zstd")) as parquet:
            yield parquet.write_table
    elif form == "csv":
        with pa.csv.CSVWriter(file, schema) as lines:
            yield lines.write
    else:
        options = pa.ipc.IpcWriteOptions(compression="zstd")
        with pa.ipc.new_file(file, schema, options=options) as batches:
            yield batches.write


def _view(history: History, asking: Asking) -> Iterator[pa.Table]:
    view = history.registry.view(asking.what)
    if view.source == "on_demand":
        raise RequestError("bad_request", f"{view.key} is not stored", "make a service of it and its inputs")
    entity = (asking.entities or {}).get(view.entity)
    entities = None if entity is None else frozenset([entity])
    wanted = Wanted(view, range(len(view.columns)), entities, asking.start_ns, asking.end_ns)
    yield _table(view, Rows.none(view, len(view.columns)))
    for rows in pieces(history.sources, wanted):
        yield _table(view, rows)


def _table(view: FeatureView, rows: Rows) -> pa.Table:
    entity = pa.array(rows.entities, type=pa.string())
    times = [pa.array(at).view(MOMENT) for at in (rows.times_ns, rows.created_ns)]
    values = [pa.array(np.ascontiguousarray(rows.values[:, i])) for i in range(len(view.columns))]
    return pa.table([entity, *times, *values], names=[ENTITY, EVENT, CREATED, *view.columns])


def _service(history: History, asking: Asking) -> Iterator[pa.Table]:
    service = history.registry.service(asking.what)
    entities = asking.entities if asking.entities is not None else service.entities
    for moments in _moments(history, asking, entities):
        rows: dict[str, Any] = {EVENT: moments}
        rows |= {name: [value] * len(moments) for name, value in entities.items()}
        if not len(moments):
            rows |= {name: pa.array([], type=pa.string()) for name in entities}
        yield history.join(rows, asking.what).to_arrow()


def _moments(history: History, asking: Asking, entities: Mapping[str, str]) -> Iterator[Times]:
    yield np.empty(0, dtype=np.int64)
    if asking.every_ns is not None:
        if asking.start_ns == FIRST_NS or asking.end_ns == LAST_NS or asking.every_ns <= 0:
            raise RequestError(
                "bad_request", "a grid has a beginning, an end and a step above 0", "give them"
            )
        for start in range(asking.start_ns, asking.end_ns, asking.every_ns * MOMENTS):
            end = min(asking.end_ns, start + asking.every_ns * MOMENTS)
            yield np.arange(start, end, asking.every_ns, dtype=np.int64)
        return
    selected = history.registry.select(history.registry.service(asking.what).features)
    view = next((view for _, view, _ in selected if view.source != "on_demand"), None)
    if view is None:
        raise RequestError("bad_request", f"{asking.what} has nothing that is stored", "ask on a grid")
    if view.entity not in entities:
        raise RequestError("bad_request", f"it is not said of which {view.entity}", f"{view.entity}=...")
    of = frozenset([entities[view.entity]])
    for rows in pieces(history.sources, Wanted(view, (), of, asking.start_ns, asking.end_ns)):
        for start in range(0, len(rows), MOMENTS):
            yield rows.times_ns[start : start + MOMENTS]
