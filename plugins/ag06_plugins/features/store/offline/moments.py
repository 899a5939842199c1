"""What is asked of history: whose rows at which moments, out of whatever a caller has them in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
import pyarrow as pa

from ag06_plugins.features.store.offline.files import EVENT, MOMENT
from ag06_plugins.features.store.offline.rows import Times
from ag06d.plugin import RequestError

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)


def as_table(entity_rows: object) -> pa.Table:
    """Entity rows as an Arrow table whose `event_time` is of nanoseconds in UTC.

    `entity_rows` is an Arrow table, a pandas DataFrame, or a mapping of names to values. Moments are int64
    nanoseconds since the epoch, datetime64, timestamps, or datetimes; without a time zone they are UTC.
    Raises RequestError.
    """
    try:
        table = _table(entity_rows)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise _bad(f"the entity rows are no table: {error}") from None
    if EVENT not in table.column_names:
        raise _bad(f"the entity rows have no column {EVENT!r}")
    at = table.column_names.index(EVENT)
    return table.set_column(at, pa.field(EVENT, MOMENT), _moments(table[EVENT]))


def moments_of(table: pa.Table) -> Times:
    """Nanoseconds since the epoch of the rows of such a table."""
    times: Times = table[EVENT].cast(pa.int64()).to_numpy()
    return times


def _table(entity_rows: Any) -> pa.Table:  # noqa: ANN401 - what it is, is asked here
    if isinstance(entity_rows, pa.Table):
        return entity_rows
    if isinstance(entity_rows, pa.RecordBatch):
        return pa.Table.from_batches([entity_rows])
    if isinstance(entity_rows, Mapping):
        return pa.table({str(name): _array(name, values) for name, values in entity_rows.items()})
    if hasattr(entity_rows, "iloc"):  # a pandas DataFrame; whoever has one has pandas
        return pa.Table.from_pandas(entity_rows, preserve_index=False)
    raise TypeError(f"{type(entity_rows).__name__} is neither an Arrow table, a DataFrame nor a mapping")


def _array(name: object, values: Any) -> Any:  # noqa: ANN401 - anything with elements, as Arrow has it
    if isinstance(values, (pa.Array, pa.ChunkedArray)):
        return values
    if isinstance(values, np.ndarray) or hasattr(values, "iloc"):
        return pa.array(values)
    every = list(values)
    if name == EVENT and every and all(isinstance(value, datetime) for value in every):
        utc = [value if value.tzinfo else value.replace(tzinfo=UTC) for value in every]
        return pa.array([(value - EPOCH) // MICROSECOND * 1000 for value in utc], type=pa.int64())
    return pa.array(every)


def _moments(column: Any) -> Any:  # noqa: ANN401 - a column of an Arrow table
    if column.null_count:
        raise _bad(f"{column.null_count} of the moments in {EVENT!r} are missing")
    if not (pa.types.is_integer(column.type) or pa.types.is_timestamp(column.type)) and len(column):
        raise _bad(f"{EVENT!r} has {column.type}, which are no moments")
    try:
        if pa.types.is_timestamp(column.type):
            return column.cast(pa.timestamp("ns", column.type.tz)).cast(pa.int64()).cast(MOMENT)
        return column.cast(pa.int64()).cast(MOMENT)
    except pa.ArrowInvalid as error:
        raise _bad(f"{EVENT!r} has a moment out of range: {error}") from None


def _bad(message: str) -> RequestError:
    hint = f"{EVENT}: nanoseconds since the epoch or timestamps; and a column for each entity, such as stream"
    return RequestError("bad_request", message, hint)
