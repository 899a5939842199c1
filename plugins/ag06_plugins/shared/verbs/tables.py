"""Tables, lengths of time and sizes as a terminal shows them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Final

STEPS: Final = ((0.9995, 0.001, "ms"), (120.0, 1.0, "s"), (7200.0, 60.0, "min"), (172_800.0, 3600.0, "h"))
DAY_S: Final = 86_400.0
KILO: Final = 1000.0


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], right: Collection[str] = ()) -> list[str]:
    """Lines with columns of equal width; those whose heads are in `right` end flush."""
    every = [tuple(heads), *map(tuple, rows)]
    widths = [max(map(len, column)) for column in zip(*every, strict=True)]
    flush = [head in right for head in heads]
    return [
        "  ".join(
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(row, widths, flush, strict=True)
        ).rstrip()
        for row in every
    ]


def seconds(value: float | None) -> str:
    """A length of time, a dash for None."""
    if value is None:
        return "-"
    for limit, unit_s, unit in STEPS:
        if abs(value) < limit:
            return f"{value / unit_s:.3g} {unit}"
    return f"{value / DAY_S:.3g} d"


def size(count: float) -> str:
    """Bytes."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < KILO:
            return f"{count:.3g} {unit}"
        count /= KILO
    return f"{count:.3g} TB"


def names(found: Iterable[str], most: int = 4) -> str:
    """The first few, and how many more there are."""
    every = list(found)
    more = f" +{len(every) - most}" if len(every) > most else ""
    return " ".join(every[:most]) + more or "-"


def number(value: float, unit: str = "") -> str:
    """A value with its unit."""
    return f"{value:.5g} {unit}".rstrip()
