"""On-demand views over many rows at once, as joins of the past need them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ag06_plugins.features.store.expressions import Expression, references
from ag06d.plugin import FeatureView


class Expressions:
    """Computes on-demand views by the expressions of their fields; see `store.offline.OnDemand`."""

    def __init__(self) -> None:
        self._views: dict[str, dict[str, Expression]] = {}

    def _of(self, view: FeatureView) -> dict[str, Expression]:
        if view.key not in self._views:
            self._views[view.key] = {field.name: Expression(field.expression) for field in view.fields}
        return self._views[view.key]

    def inputs(self, view: FeatureView) -> Iterable[str]:
        """References to all that it reads."""
        return references(self._of(view))

    def compute(self, view: FeatureView, inputs: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[np.float64]:
        """(n, columns) from arrays (n,) by reference; NaN where an input is missing."""
        values = {name: np.asarray(array, dtype=np.float64) for name, array in inputs.items()}
        return np.stack([expression(values) for expression in self._of(view).values()], axis=1)
