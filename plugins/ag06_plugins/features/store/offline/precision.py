"""How exactly a value is stored: rounded so that little is left to compress, never further than declared."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ag06d.plugin import FeatureView

Array = npt.NDArray[Any]
EXACT: Final = "f32"
HALF: Final = "f16"


def quantum(step: float) -> float:
    """The largest power of two that is not above `step`: its multiples are short in any binary float."""
    return math.ldexp(1.0, math.frexp(step)[1] - 1)


def rounded(values: Array, precision: str | float) -> Array:
    """Float values to their declared precision, in their own dtype.

    `f32` leaves them as they are. `f16` takes the nearest float16. A step takes the nearest multiple of its
    quantum, which is at most half a step away. A value for which there is none in the dtype, such as one
    above 65504 for `f16`, stays what it is, and so does what is not finite. There is no -0.
    """
    if precision == EXACT:
        return values
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        if isinstance(precision, str):
            near = values.astype(np.float16).astype(values.dtype)
        else:
            exponent = math.frexp(precision)[1] - 1
            near = np.ldexp(np.rint(np.ldexp(values, -exponent)), exponent)
        kept: Array = np.where(np.isfinite(near), near, values) + values.dtype.type(0)
    return kept


def as_stored(view: FeatureView, rows: Array, indices: Sequence[int]) -> Array:
    """Some columns of rows of shape (n, columns) as they are once they are stored; each lies in one piece."""
    chosen = rows[:, list(indices)]
    stored = np.empty(chosen.shape[::-1], dtype=view.dtype).T
    if view.dtype == "int64":
        stored[:] = chosen
        return stored
    every = [entry.precision for entry in view.fields for _ in entry.columns]
    for precision in {every[index] for index in indices}:
        columns = [at for at, index in enumerate(indices) if every[index] == precision]
        stored[:, columns] = rounded(chosen[:, columns], precision)
    return stored


def described(view: FeatureView) -> dict[str, str | float]:
    """For each field what its values are multiples of, or `f32` or `f16`; for a file's metadata."""
    if view.dtype == "int64":
        return {}
    return {
        entry.name: entry.precision if isinstance(entry.precision, str) else quantum(entry.precision)
        for entry in view.fields
    }
