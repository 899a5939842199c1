"""A fault that is put in on purpose, while it lasts, and what was found of it."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ag06_plugins.anomaly.alerts.alert import Alert
from ag06_plugins.anomaly.inject import FAULTS, Fault
from ag06d.plugin import RequestError

GRACE_S: Final = 3.0  # after the fault's end, in which what is found is still of it
SECONDS_MAX: Final = 60.0

Sound = npt.NDArray[np.float32]


class Injection:
    """One fault at work.

    start  position of its first sample, None before there was a frame
    found  alerts that opened meanwhile, with the position at which that was known
    """

    def __init__(self, fault: Fault, strength: float, frames: int, rate: int, seed: int) -> None:
        self.fault, self.strength, self.frames, self.rate = fault, strength, frames, rate
        self.start: int | None = None
        self.found: list[tuple[Alert, int]] = []
        self._done = 0
        self._disturber = fault.make(rate, strength, np.random.default_rng(seed))

    @property
    def over(self) -> bool:
        """Whether all of it was put in."""
        return self._done >= self.frames

    def disturb(self, dry: Sound, wet: Sound) -> None:
        """Put the next hop of it in."""
        frames = min(len(dry), self.frames - self._done)
        if not frames:
            return
        self._disturber.disturb(dry[:frames], wet[:frames])
        self._done += frames

    def stop(self) -> None:
        """Put no more of it in."""
        self.frames = min(self.frames, self._done)

    def ends(self, position: int) -> bool:
        """Whether at `position` nothing more of it can be found."""
        return self.start is not None and position >= self.start + self.frames + GRACE_S * self.rate

    def report(self) -> dict[str, Any]:
        """Whether it was found, and how fast."""
        own = [(alert, known) for alert, known in self.found if self._is_of(alert)]
        start = self.start or 0
        return {
            "fault": self.fault.name,
            "kind": self.fault.kind,
            "strength": self.strength,
            "unit": self.fault.unit,
            "seconds": self.frames / self.rate,
            "start": start,
            "found": bool(own),
            "delay_ms": (own[0][1] - start) / self.rate * 1e3 if own else None,
            "alert": own[0][0].id if own else None,
            "severity": own[0][0].severity if own else None,
            "others": sorted({alert.kind for alert, _ in self.found if not self._is_of(alert)}),
        }

    def _is_of(self, alert: Alert) -> bool:
        return self.fault.kind == alert.kind or self.fault.kind in alert.also


def injection(
    name: str, strength: float | str | None, seconds: float | None, rate: int, *, seed: int = 0
) -> Injection:
    """The fault `name`, or that of a kind of this name; raises RequestError."""
    fault = FAULTS.get(name) or next((one for one in FAULTS.values() if one.kind == name), None)
    if fault is None:
        raise RequestError("bad_request", f"no fault is called {name!r:.100}", f"one of {', '.join(FAULTS)}")
    length_s = fault.seconds if seconds is None else seconds
    if not 0 < length_s <= SECONDS_MAX:
        raise RequestError("out_of_range", f"seconds: {length_s:g}", f"above 0, at most {SECONDS_MAX:g}")
    return Injection(fault, _strength(fault, strength), max(1, round(length_s * rate)), rate, seed)


def _strength(fault: Fault, wanted: float | str | None) -> float:
    """A strength by name or as a number; the one in the middle if nothing is said."""
    named = dict(fault.strengths)
    if wanted is None:
        return list(named.values())[len(named) // 2]
    if isinstance(wanted, str):
        if wanted not in named:
            there = ", ".join(f"{name} ({value:g} {fault.unit})" for name, value in named.items())
            raise RequestError("bad_request", f"{fault.name}: no strength {wanted!r:.100}", f"one of {there}")
        return named[wanted]
    low, high = sorted((min(named.values()), max(named.values())))
    if not low <= wanted <= high:
        raise RequestError("out_of_range", f"strength: {wanted:g}", f"{low:g} to {high:g} {fault.unit}")
    return float(wanted)
