"""A file of rows: how it is written as Parquet, and how parts of it are read again."""

from __future__ import annotations

import json
import os
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from ag06_plugins.features.store.offline import layout
from ag06_plugins.features.store.offline.precision import described
from ag06_plugins.features.store.offline.rows import Rows, Times
from ag06d.plugin import FeatureView

ENTITY, EVENT, CREATED = "entity", "event_time", "created_time"
VIEW: Final = "ag06d.view"
QUANTUM: Final = "ag06d.quantum"
GROUP_ROWS: Final = 16_384  # of a row group: what is decoded for one row, against what a footer weighs
ENTITY_ROWS: Final = 1_024  # so many of one entity have a row group to themselves
LEVEL: Final = 3
DICTIONARY: Any = [ENTITY]  # a list of names, of which the library's stubs know nothing
FOOTERS_BYTES: Final = 8 << 20  # of footers as they are in files; in memory each is several times as large
MOMENT: Final = pa.timestamp("ns", "UTC")


class SpoiledError(Exception):
    """A file, `path`, that cannot be read as what it is to be."""

    def __init__(self, path: Path, reason: object) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path


class VanishedError(Exception):
    """A file that is no longer there, or is another one by now: its folder has to be listed again."""


def schema(view: FeatureView) -> pa.Schema:
    """Of a file of the view's rows."""
    value = {"float32": pa.float32(), "float64": pa.float64(), "int64": pa.int64()}[view.dtype]
    return pa.schema(
        [
            pa.field(ENTITY, pa.dictionary(pa.int32(), pa.string()), nullable=False),
            pa.field(EVENT, MOMENT, nullable=False),
            pa.field(CREATED, MOMENT, nullable=False),
            *(pa.field(column, value, nullable=False) for column in view.columns),
        ]
    )


def table(view: FeatureView, rows: Rows) -> pa.Table:
    """Rows that have all of the view's columns, as a file has them."""
    names, codes = np.unique(rows.codes, return_inverse=True)
    words = pa.array([rows.names[code] for code in names], type=pa.string())
    entity = pa.DictionaryArray.from_arrays(codes.astype(np.int32), words)
    times = [pa.array(at).view(MOMENT) for at in (rows.times_ns, rows.created_ns)]
    values = [pa.array(np.ascontiguousarray(rows.values[:, i])) for i in range(len(view.columns))]
    return pa.Table.from_arrays([entity, *times, *values], schema=schema(view))


class Writer:
    """Takes rows by entity and time, in as many goes as it may be, and makes row groups of them."""

    def __init__(self, parquet: pq.ParquetWriter, view: FeatureView) -> None:
        self._parquet, self._view = parquet, view
        self._pending: list[Rows] = []

    def add(self, rows: Rows) -> None:
        """Take rows that come after all that were taken."""
        if not len(rows):
            return
        ends = np.append(np.flatnonzero(np.diff(rows.codes)) + 1, len(rows))
        start = 0
        for end in ends.tolist():
            if self._pending and not self._same(rows.names[rows.codes[start]]):
                self._write(ENTITY_ROWS)
            self._pending.append(rows.where(slice(start, end)))
            self._write(GROUP_ROWS)
            start = end

    def end(self) -> None:
        """Write what is left."""
        self._write(1)

    def _same(self, entity: str) -> bool:
        last = self._pending[-1]
        return str(last.names[last.codes[-1]]) == entity

    def _write(self, least: int) -> None:
        """Write full row groups, and the rest too if it has at least `least` rows."""
        if sum(map(len, self._pending)) < least:
            return
        rows = table(self._view, _appended(self._pending))
        full = len(rows) if least < GROUP_ROWS else len(rows) // GROUP_ROWS * GROUP_ROWS
        self._parquet.write_table(rows.slice(0, full), row_group_size=GROUP_ROWS)
        last = self._pending[-1]
        self._pending = [last.where(slice(len(last) - len(rows) + full, None))] if full < len(rows) else []


def _appended(parts: list[Rows]) -> Rows:
    """Parts one behind the other, whatever their order."""
    if len(parts) == 1:
        return parts[0]
    names = tuple(sorted({name for part in parts for name in part.names}))
    place = {name: code for code, name in enumerate(names)}
    codes = [np.array([place[name] for name in part.names], dtype=np.int64)[part.codes] for part in parts]
    return Rows(
        names,
        np.concatenate(codes),
        np.concatenate([part.times_ns for part in parts]),
        np.concatenate([part.created_ns for part in parts]),
        np.concatenate([part.values for part in parts]),
    )


@contextmanager
def writing(path: Path, view: FeatureView) -> Iterator[Writer]:
    """A writer of a file that has its name once all is in it; raises OSError, and there is then no file."""
    value = "DELTA_BINARY_PACKED" if view.dtype == "int64" else "BYTE_STREAM_SPLIT"
    moments = dict.fromkeys((EVENT, CREATED), "DELTA_BINARY_PACKED")
    with layout.standing(path) as file:
        parquet = pq.ParquetWriter(
            file,
            schema(view),
            compression="zstd",
            compression_level=LEVEL,
            use_dictionary=DICTIONARY,
            column_encoding=moments | dict.fromkeys(view.columns, value),
            write_statistics=[ENTITY, EVENT, CREATED],
            write_page_checksum=True,
        )
        with ended(parquet):
            writer = Writer(parquet, view)
            yield writer
            writer.end()
            # Not of the schema, which a footer has a second time, in base64.
            document = view.model_dump_json(exclude_defaults=True)
            parquet.add_key_value_metadata({VIEW: document, QUANTUM: json.dumps(described(view))})


@contextmanager
def ended(parquet: pq.ParquetWriter) -> Iterator[pq.ParquetWriter]:
    """Close a writer of Parquet at the end; after an error for good, or it tries again when it is freed."""
    try:
        yield parquet
        parquet.close()
    except BaseException:
        parquet.is_open = False
        raise


@dataclass(frozen=True, slots=True)
class Index:
    """What the footer of a file says of its row groups, each array (groups,).

    first, last  the entities between which those of the group are; empty: it does not say
    low, high    the first and the last moment, nanoseconds since the epoch
    created      when the first of its rows was accepted
    rows         how many it has
    """

    first: npt.NDArray[np.str_]
    last: npt.NDArray[np.str_]
    low: Times
    high: Times
    created: Times
    rows: Times

    @classmethod
    def of(cls, footer: pq.FileMetaData) -> Self:
        """From a footer; raises AttributeError or ValueError for one that has no statistics."""
        found = []
        for number in range(footer.num_row_groups):
            group = footer.row_group(number)
            statistics: list[Any] = [group.column(column).statistics for column in range(3)]
            entity, event, created = statistics
            told = entity is not None and entity.has_min_max
            between = (entity.min, entity.max) if told else ("", "")
            found.append((*between, event.min_raw, event.max_raw, created.min_raw, group.num_rows))
        first, last, *numbers = zip(*found, strict=True) if found else ((),) * 6
        low, high, accepted, rows = (np.array(column, dtype=np.int64) for column in numbers)
        return cls(np.array(first, dtype=np.str_), np.array(last, dtype=np.str_), low, high, accepted, rows)


class Footers:
    """Footers of files that were read already, for a file is never changed; for several threads."""

    def __init__(self, most: int = FOOTERS_BYTES) -> None:
        self._most = most
        self._lock = Lock()
        self._bytes = 0
        self._known: OrderedDict[tuple[int, ...], tuple[pq.FileMetaData, Index]] = OrderedDict()

    def of(self, file: pa.OSFile) -> tuple[tuple[int, ...], pq.FileMetaData, Index]:
        """What identifies an open file, its footer and what that says."""
        status = os.fstat(file.fileno())
        identity = (status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size)
        with self._lock:
            if (known := self._known.get(identity)) is not None:
                self._known.move_to_end(identity)
                return identity, *known
        footer = pq.read_metadata(file)
        index = Index.of(footer)
        with self._lock:
            if identity not in self._known:
                self._bytes += footer.serialized_size
            self._known[identity] = footer, index
            while self._bytes > self._most and len(self._known) > 1:
                _, (oldest, _) = self._known.popitem(last=False)
                self._bytes -= oldest.serialized_size
        return identity, footer, index


class File:
    """A file of a view's rows. Raises VanishedError or SpoiledError, here and wherever it is read."""

    def __init__(self, path: Path, footers: Footers) -> None:
        self.path = path
        self._footers = footers
        with _fences(path), _opened(path) as file:
            self._identity, footer, self.index = footers.of(file)
        self.size = self._identity[-1]
        self.rows = footer.num_rows

    def unchanged(self) -> bool:
        """Whether the file is still the one that it was."""
        with _fences(self.path), _opened(self.path) as file:
            return self._footers.of(file)[0] == self._identity

    def view(self) -> FeatureView:
        """What the file says that its rows are."""
        with _fences(self.path), self._parquet() as parquet:
            return FeatureView.model_validate_json((parquet.metadata.metadata or {})[VIEW.encode()])

    def read(self, groups: Sequence[int], columns: Sequence[str], dtype: str) -> Rows:
        """The rows of some row groups, in the file's order, with their values in `columns`."""
        if not groups:
            nothing = np.empty(0, dtype=np.int64)
            return Rows((), nothing, nothing, nothing, np.empty((0, len(columns)), dtype=dtype))
        first, last = self.index.first[list(groups)], self.index.last[list(groups)]
        alone = bool(len(first) and np.all(first == last) and np.all(first != ""))
        keys = [EVENT, CREATED] if alone else [ENTITY, EVENT, CREATED]
        with _fences(self.path), self._parquet() as parquet:
            found = parquet.read_row_groups(list(groups), columns=[*keys, *columns])
            if alone:
                names, order = np.unique(first, return_inverse=True)
                codes = np.zeros(len(found), dtype=np.int64)
                if len(names) > 1:
                    codes = np.repeat(order.astype(np.int64), self.index.rows[list(groups)])
            else:
                entity: Any = found[ENTITY].unify_dictionaries().combine_chunks()
                names, codes = entity.dictionary.to_pylist(), entity.indices.to_numpy().astype(np.int64)
            times, created = (found[key].cast(pa.int64()).to_numpy() for key in (EVENT, CREATED))
            values = np.empty((len(columns), len(found)), dtype=dtype)
            for row, column in zip(values, columns, strict=True):
                row[:] = found[column].to_numpy()
        return Rows(tuple(map(str, names)), codes, times, created, values.T)

    def take(self, group: int, rows: Times, columns: Sequence[str]) -> npt.NDArray[Any]:
        """The values of some rows of one row group, (columns, rows)."""
        with _fences(self.path), self._parquet() as parquet:
            found = parquet.read_row_group(group, columns=list(columns), use_threads=False)
            return np.stack([found[column].to_numpy()[rows] for column in columns])

    @contextmanager
    def _parquet(self) -> Iterator[pq.ParquetFile]:
        with _opened(self.path) as file:
            identity, footer, _ = self._footers.of(file)
            if identity != self._identity:
                raise VanishedError(str(self.path))
            yield pq.ParquetFile(file, metadata=footer, page_checksum_verification=True)


@contextmanager
def _opened(path: Path) -> Iterator[pa.OSFile]:
    with pa.OSFile(str(path), "rb") as file:
        yield file


@contextmanager
def _fences(path: Path) -> Iterator[None]:
    """Say of what goes wrong with a file whether it is gone or spoiled; raise as it is what is neither."""
    try:
        yield
    except FileNotFoundError as error:
        raise VanishedError(str(path)) from error
    except (pa.ArrowException, KeyError, AttributeError, ValueError) as error:
        raise SpoiledError(path, error) from error
    except OSError as error:
        if error.errno is not None:  # the system's: the file may be in order
            raise
        raise SpoiledError(path, error) from error
