"""What a refit is: a table of rows becomes a forest in a file."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ag06d.anomaly import IsolationForest


@dataclass(frozen=True, slots=True)
class Refit:
    """What was done: rows that a forest was grown on, those left out for NaN, and how long it took."""

    rows: int
    left_out: int
    seconds: float


def refit(
    rows: npt.NDArray[np.float32],
    columns: Sequence[str],
    path: Path,
    *,
    seed: int = 0,
) -> Refit:
    """Grow a forest on `rows` of shape (n, columns) and save it to `path`, whole or not at all.

    Rows are taken as they are, for cuts of one column do not ask how large its values are. Raises ValueError
    when no row is finite, and ForestError when it cannot be saved.
    """
    began_s = time.perf_counter()
    forest = IsolationForest.fit(rows, columns=columns, seed=seed)
    forest.save(path)
    return Refit(len(rows) - forest.left_out, forest.left_out, time.perf_counter() - began_s)
