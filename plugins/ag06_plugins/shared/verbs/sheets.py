"""Tables of any length as files: Parquet, Arrow (Feather) or CSV, whole or not there."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from ag06d.cli.output import EXIT_REFUSED, fail

GROUP_CELLS: Final = 4_000_000  # that are written together
FORMS: Final = {".parquet": "parquet", ".feather": "arrow", ".arrow": "arrow", ".csv": "csv"}


def as_sheet(file: Path | None) -> Path | None:
    """`file` as it is; raises typer.BadParameter for a name that says no format."""
    if file is not None and file.suffix.lower() not in FORMS:
        raise typer.BadParameter(f"{str(file)!r}: end it in {', '.join(FORMS)}, which says the format")
    return file


Output = Annotated[
    Path,
    typer.Option(
        "--output",
        "-o",
        callback=as_sheet,
        metavar="FILE",
        help="A .parquet, .feather or .csv file; it replaces one that is there.",
    ),
]


class Sheet:
    """Takes tables one after the other, all with the columns of the first one."""

    def __init__(self, file: Any, form: str) -> None:  # noqa: ANN401 - whatever Arrow writes into
        self._file, self._form = file, form
        self._writer: Any = None
        self._waiting: list[Any] = []
        self.rows = 0

    def add(self, columns: Mapping[str, Any]) -> None:
        """Columns of equal length, arrays of numpy or Arrow."""
        import pyarrow as pa  # noqa: PLC0415 - slow to import

        found = pa.table(dict(columns))
        self.rows += found.num_rows
        self._waiting.append(found)
        if sum(part.num_rows * part.num_columns for part in self._waiting) >= GROUP_CELLS:
            self._write()

    def _write(self) -> None:
        """Write what waits as one group of rows, for small ones are slow and take much place."""
        import pyarrow as pa  # noqa: PLC0415 - likewise

        found = pa.concat_tables(self._waiting).combine_chunks()
        self._waiting.clear()
        self._writer = self._writer or self._opened(found.schema)
        if self._form == "parquet":
            self._writer.write_table(found)
        else:
            self._writer.write(found)

    def _opened(self, schema: Any) -> Any:  # noqa: ANN401 - one of three that are alike
        import pyarrow as pa  # noqa: PLC0415 - likewise

        if self._form == "parquet":
            import pyarrow.parquet as pq  # noqa: PLC0415 - likewise

            floats = [field.name for field in schema if pa.types.is_floating(field.type)]
            return pq.ParquetWriter(
                self._file, schema, compression="zstd", use_dictionary=False, use_byte_stream_split=floats
            )
        if self._form == "csv":
            import pyarrow.csv  # noqa: PLC0415 - likewise

            return pa.csv.CSVWriter(self._file, schema)
        return pa.ipc.new_file(self._file, schema, options=pa.ipc.IpcWriteOptions(compression="zstd"))

    def close(self) -> None:
        """Write the rest, and the end."""
        if self._waiting:
            self._write()
        if self._writer is not None:
            self._writer.close()


@contextmanager
def sheet(path: Path) -> Iterator[Sheet]:
    """A file that has its name once all is in it, and says why it cannot be written."""
    beside = path.with_name(f"{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        file = beside.open("xb")
    except OSError as error:
        fail(f"{path}: cannot be written: {error.strerror}", EXIT_REFUSED)
    try:
        with file:
            found = Sheet(file, FORMS[path.suffix.lower()])
            yield found
            found.close()
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
