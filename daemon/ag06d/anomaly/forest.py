"""The isolation forest of native/, for arrays: grown, asked for scores, saved and loaded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ag06d._native import ffi, lib
from ag06d.anomaly import forest_file
from ag06d.anomaly.forest_file import NODE, Kept
from ag06d.errors import ForestError

FLOATS, DOUBLES = ffi.typeof("float[]"), ffi.typeof("double[]")
COUNTS, NODES = ffi.typeof("uint32_t[]"), ffi.typeof("ag06_forest_node[]")
TABLE: Final = 2  # dimensions
ROWS_MAX: Final = 0xFFFFFFFF
LIMITS: Final = {
    "trees": int(lib.AG06_FOREST_TREES_MAX),
    "sample": int(lib.AG06_FOREST_SAMPLE_MAX),
    "columns": int(lib.AG06_FOREST_COLUMNS_MAX),
}

Rows = npt.NDArray[np.float32]
Scores = npt.NDArray[np.float64]

new_doubles, from_buffer, native_score = (
    ffi.new_allocator(should_clear_after_alloc=False),
    ffi.from_buffer,
    lib.ag06_forest_score,
)


def path_length(rows: int) -> float:
    """c(n) of Liu, Ting and Zhou 2008: the mean length of a search that fails in a binary tree of `rows`."""
    return float(lib.ag06_forest_path_length(rows))


class IsolationForest:
    """How easily random cuts set a row apart from those that the forest was grown on (Liu et al., 2008).

    columns   names, in the order of a row's values
    trees     how many
    sample    rows that each tree was grown on
    left_out  rows that no tree could be grown on, for a value was NaN or infinite; 0 of a loaded one

    Made by `fit` or `load`; it never changes, so any number of threads may score with it. Rows are
    float32; others are made so, and a value too large for that is infinite.
    """

    def __init__(self, forest: Any, columns: Sequence[str]) -> None:  # noqa: ANN401 - cffi's
        self._forest = ffi.gc(forest, lib.ag06_forest_free)
        self._shape = (len(columns),)
        self.columns = tuple(columns)
        self.trees = int(lib.ag06_forest_trees(forest))
        self.sample = int(lib.ag06_forest_sample(forest))
        self.left_out = int(lib.ag06_forest_left_out(forest))

    @classmethod
    def fit(
        cls,
        rows: npt.ArrayLike,
        *,
        columns: Sequence[str] = (),
        trees: int = 100,
        sample: int = 256,
        seed: int = 0,
    ) -> IsolationForest:
        """Grow a forest on `rows` of shape (n, columns).

        columns  their names; by default "0", "1" and so on
        sample   rows that each tree is grown on, or all of them if there are fewer
        seed     of the random numbers, any int: the same rows and seed give the same forest everywhere

        Raises ValueError for numbers out of range, names that do not fit, and when no row is finite.
        """
        table = _table(rows)
        count, width = table.shape
        for name, value in (("trees", trees), ("sample", sample), ("columns", width)):
            if not 1 <= value <= LIMITS[name]:
                raise ValueError(f"a forest of {value} {name}: there are 1 to {LIMITS[name]}")
        if not 1 <= count <= ROWS_MAX:
            raise ValueError(f"a forest is grown on at least one row, and at most {ROWS_MAX}, not on {count}")
        names = [str(name) for name in columns or range(width)]
        if problem := forest_file.wrong_names(names, width):
            raise ValueError(problem)
        grown = lib.ag06_forest_grow(
            from_buffer(FLOATS, table), count, width, trees, sample, seed & 0xFFFFFFFFFFFFFFFF
        )
        if not grown:
            if np.isfinite(table).all(axis=1).any():
                raise MemoryError(f"a forest of {trees} trees on samples of {sample} rows")
            raise ValueError(f"none of {count} rows is finite, so no forest can be grown on them")
        return cls(grown, names)

    def score(self, rows: npt.ArrayLike) -> Scores:
        """A score of each of `rows`, of shape (n, columns): float64 (n,), higher is more anomalous.

        It is 2^(-E(h) / c(sample)): 0.5 is average, near 1 is set apart at once. A row with a value that
        is NaN or infinite has the score NaN. Raises ValueError for another shape.
        """
        table = _table(rows)
        if table.shape[1:] != self._shape:
            raise ValueError(f"rows of shape {table.shape}; they are to be (n, {len(self.columns)})")
        scores = np.empty(len(table))
        lib.ag06_forest_score(
            self._forest, from_buffer(FLOATS, table), len(table), from_buffer(DOUBLES, scores)
        )
        return scores

    def score_one(self, row: Rows) -> float:
        """The score of one row of shape (columns,), as `score` has it; fastest of contiguous float32."""
        if row.dtype != np.float32 or not row.flags.c_contiguous:
            row = _floats(row)
        if row.shape != self._shape:
            raise ValueError(f"a row of shape {row.shape}; it is to be {self._shape}")
        score = new_doubles("double *")
        native_score(self._forest, from_buffer(FLOATS, row), 1, score)
        return score[0]  # type: ignore[no-any-return]  # a float

    def save(self, path: Path) -> None:
        """Write the forest to `path`, whole or not at all; raises ForestError."""
        counts = np.empty(self.trees, dtype="<u4")
        nodes = np.empty(int(lib.ag06_forest_nodes(self._forest)), dtype=NODE)
        lib.ag06_forest_keep(self._forest, from_buffer(COUNTS, counts), from_buffer(NODES, nodes))
        forest_file.write(path, Kept(self.columns, self.sample, counts, nodes))

    @classmethod
    def load(cls, path: Path) -> IsolationForest:
        """The forest that was saved to `path`, with the same scores; raises ForestError, which says why."""
        kept = forest_file.read(path)
        restored = lib.ag06_forest_restore(
            len(kept.columns),
            kept.sample,
            len(kept.counts),
            from_buffer(COUNTS, kept.counts),
            from_buffer(NODES, kept.nodes),
        )
        if not restored:
            raise ForestError(f"{path}: its trees are none that could have been grown; fit and save it again")
        return cls(restored, kept.columns)


def _table(rows: npt.ArrayLike) -> Rows:
    """As C has it; raises ValueError for what is no table of numbers."""
    table = _floats(rows)
    if table.ndim != TABLE:
        raise ValueError(f"rows of shape {table.shape}; they are to be (n, columns)")
    return table


def _floats(rows: npt.ArrayLike) -> Rows:
    with np.errstate(over="ignore", invalid="ignore"):  # too large is infinite, and so it is told
        return np.ascontiguousarray(rows, dtype=np.float32)
