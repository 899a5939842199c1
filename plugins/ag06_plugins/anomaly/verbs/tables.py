"""Tables of numbers from CSV, Parquet or numpy's files, whoever wrote them."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ag06d.errors import RequestError

FORMS: Final = (".csv", ".tsv", ".npy", ".parquet")
DELIMITERS: Final = ",;\t"
HEAD_BYTES: Final = 1 << 20  # of which the first line is looked for
MISSING: Final = ["", "NA", "N/A", "n/a", "NaN", "nan", "-nan", "null", "NULL", "None", "?"]
DIMENSIONS: Final = (1, 2)


@dataclass(frozen=True, slots=True)
class Table:
    """Columns of numbers: their names, values (rows, columns), and the names of those that are none."""

    path: Path
    names: tuple[str, ...]
    values: npt.NDArray[np.float64]
    others: tuple[str, ...] = ()

    def chosen(self, wanted: Sequence[str], without: Sequence[str]) -> Table:
        """Only the columns that are wanted, all if none is named, and not those in `without`.

        Raises RequestError for a name that there is not, and when nothing is left.
        """
        for name in (*wanted, *without):
            if name in self.others and name in wanted:
                raise _bad(self.path, f"the column {name!r} is not of numbers")
            if name not in (*self.names, *self.others):
                raise _bad(self.path, f"there is no column {name!r}", f"there is {listed(self.names)}")
        names = [name for name in (wanted or self.names) if name not in without]
        others = () if wanted else tuple(name for name in self.others if name not in without)
        if not names:
            columns = f": {listed(self.others)} hold none" if self.others else ""
            raise _bad(self.path, f"there is no column of numbers to score{columns}")
        return self._of(list(dict.fromkeys(names)), others)

    def like(self, other: Table) -> Table:
        """With the columns of another one, in its order; raises RequestError when it has others."""
        missing = [name for name in other.names if name not in self.names]
        more = [name for name in self.names if name not in other.names]
        if missing or more:
            lacks = f"lacks {listed(missing)}" if missing else ""
            has = f"has {listed(more)} besides" if more else ""
            raise _bad(
                self.path,
                f"{' and '.join(filter(None, (lacks, has)))}, compared with {other.path}",
                "both need the same columns of numbers; --column and --without choose among them",
            )
        return self._of(other.names, self.others)

    def _of(self, names: Sequence[str], others: Sequence[str]) -> Table:
        places = [self.names.index(name) for name in names]
        return Table(self.path, tuple(names), self.values[:, places], tuple(others))


def listed(names: Sequence[str], most: int = 8) -> str:
    """Names in words, at most so many."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return (", ".join(names[:most]) or "none") + more


def read(path: Path) -> Table:
    """The table in a file; raises RequestError, which says what is wrong with it, and OSError."""
    form = path.suffix.lower()
    if form not in FORMS:
        raise _bad(path, "what its name ends in says no format", f"one of {', '.join(FORMS)}")
    if path.is_dir():
        raise _bad(path, "is a folder")
    table = _from_numpy(path) if form == ".npy" else _from_arrow(path, _arrow(path, form))
    if not len(table.values):
        raise _bad(path, "has no rows")
    return table


def _bad(path: Path, what: str, hint: str = "") -> RequestError:
    return RequestError("bad_request", f"{path}: {what}", hint)


def _from_numpy(path: Path) -> Table:
    with path.open("rb") as file:
        try:
            found = np.load(file, allow_pickle=False)
        except (ValueError, EOFError) as error:
            raise _bad(path, f"is no array of numbers in numpy's format: {error}") from error
    if not isinstance(found, np.ndarray) or found.dtype.kind not in "biuf":
        kind = found.dtype if isinstance(found, np.ndarray) else "several arrays"
        raise _bad(path, f"holds {kind}, and not numbers")
    if found.ndim not in DIMENSIONS:
        raise _bad(path, f"is of shape {found.shape}", "(rows,) or (rows, columns)")
    values = (found[:, None] if found.ndim == 1 else found).astype(np.float64)
    return Table(path, tuple(map(str, range(values.shape[1]))), values)


def _arrow(path: Path, form: str) -> Any:  # noqa: ANN401 - Arrow's
    import pyarrow as pa  # noqa: PLC0415 - slow to import
    import pyarrow.csv  # noqa: PLC0415 - likewise
    import pyarrow.parquet as pq  # noqa: PLC0415 - likewise

    try:
        if form == ".parquet":
            return pq.read_table(path)
        delimiter, names = _first_line(path)
        headless = bool(names) and all(map(_is_number, names))
        return pa.csv.read_csv(
            path,
            pa.csv.ReadOptions(column_names=list(map(str, range(len(names)))) if headless else None),
            pa.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            pa.csv.ConvertOptions(null_values=MISSING, strings_can_be_null=True),
        )
    except pa.ArrowInvalid as error:
        raise _bad(path, str(error).strip(), "every row needs as many values as there are columns") from error
    except UnicodeDecodeError as error:
        raise _bad(path, "is no text in UTF-8") from error


def _first_line(path: Path) -> tuple[str, list[str]]:
    """The delimiter of a text, and what stands in its first line."""
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    text = head.decode("utf-8-sig", errors="strict" if len(head) < HEAD_BYTES else "ignore")
    line = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(DELIMITERS, key=line.count)
    return delimiter, next(csv.reader([line], delimiter=delimiter), [])


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _from_arrow(path: Path, found: Any) -> Table:  # noqa: ANN401 - Arrow's
    """Columns of numbers, with NaN where there is none; those of text, times or nothing are the others."""
    import pyarrow as pa  # noqa: PLC0415 - slow to import

    names = list(map(str, found.column_names))
    if twice := [name for name in dict.fromkeys(names) if names.count(name) > 1]:
        raise _bad(path, f"two columns are called {twice[0]!r}")
    numbers, others = {}, []
    for name, column in zip(names, found.columns, strict=True):
        if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
            numbers[name] = column.cast(pa.float64(), safe=False).to_numpy()
        else:
            others.append(name)
    values = np.stack(list(numbers.values()), axis=1) if numbers else np.empty((found.num_rows, 0))
    return Table(path, tuple(numbers), values, tuple(others))
