"""Values over time, as figures take them: by name, with a unit each, NaN where there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ag06d.errors import PlotError

Curve = npt.NDArray[np.float64]
SILENCE_DB = -200.0  # told for silence, and for what was not measured: no place on an axis
STEPS = (1.0, 2.0, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Series:
    """`times_s` of shape (n,), from 0 to `seconds`; `values` of the same shape, and `units`, by name."""

    seconds: float
    times_s: Curve
    values: Mapping[str, Curve]
    units: Mapping[str, str]

    @classmethod
    def of(
        cls, seconds: float, heard: Mapping[float, Mapping[str, float]], units: Mapping[str, str]
    ) -> Series:
        """From what was `heard`, time to values; raises PlotError when there is nothing to draw."""
        rows = heard.values()
        values = {name: np.array([row.get(name, np.nan) for row in rows], dtype=np.float64) for name in units}
        for name, unit in units.items():
            if unit.startswith(("dB", "LU")):
                values[name][values[name] <= SILENCE_DB] = np.nan
        drawn = {name: curve for name, curve in values.items() if np.isfinite(curve).any()}
        if not drawn:
            raise PlotError(f"nothing to draw: {', '.join(units) or 'no field'} had no value in that time")
        return cls(seconds, np.array([*heard]), drawn, {name: units[name] for name in drawn})

    def groups(self) -> dict[str, list[str]]:
        """The names that share a unit, and so an axis."""
        groups: dict[str, list[str]] = {}
        for name in self.values:
            groups.setdefault(self.units[name], []).append(name)
        return groups

    def scale(self, names: list[str], parts: int) -> tuple[float, float, float]:
        """Lowest and highest end of an axis for `names`, and its step: 1, 2 or 5 of a power of ten."""
        finite = np.concatenate([self.values[name][np.isfinite(self.values[name])] for name in names])
        low, high = float(finite.min()), float(finite.max())
        span = max(high - low, abs(high) * 1e-6, 1e-9)
        power = 10.0 ** np.floor(np.log10(span / parts))
        step = next(power * factor for factor in STEPS if power * factor * parts >= span)
        return float(np.floor(low / step) * step), float(np.ceil(high / step) * step + step), float(step)
