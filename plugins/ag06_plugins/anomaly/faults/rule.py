"""A rule: from when on a measure of the sound is a fault, how grave it is, and when it is over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ag06_plugins.anomaly.finding import SEVERITIES, Severity


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of fault.

    kind        what it is called, such as `clipping`
    doc         what it is, what it sounds like, and what to do, in a sentence or two
    measure     the measure that it goes by; `PART.NAME` of both channels together, or NAME of each channel
    unit        of the measure
    threshold   above which it is a fault
    release     at or below which it is none any more; lower than `threshold`
    bounds      within which the threshold may be set or learn
    severe      the measure from which on it is medium, high, critical
    lasting_s   seconds after which it is one step graver; 0: never
    open_hops   hops in a row above the threshold before it is told
    close_hops  hops in a row at or below `release` before it is over
    began       a measure: frames before the hop's end at which what is told began; "": one hop
    feature     the feature of the store that shows it best, with `{channel}` where it is of one
    evidence    further measures that are told, with a unit each
    hides       kinds that are no news while this one lasts
    """

    kind: str
    doc: str
    measure: str
    unit: str
    threshold: float
    release: float
    bounds: tuple[float, float]
    severe: tuple[float, float, float]
    lasting_s: float = 0.0
    open_hops: int = 1
    close_hops: int = 20
    began: str = ""
    feature: str = ""
    evidence: tuple[tuple[str, str], ...] = ()
    hides: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        low, high = self.bounds
        if not self.release < self.threshold or not low <= self.threshold <= high:
            raise ValueError(f"{self.kind}: release < threshold, and low <= threshold <= high of its bounds")
        if list(self.severe) != sorted(self.severe):
            raise ValueError(f"{self.kind}: severe rises")

    @property
    def paired(self) -> bool:
        """Whether it is of both channels together."""
        return "." in self.measure

    def severity(self, value: float, seconds: float) -> Severity:
        """How grave a fault is whose measure was `value` at most, and that lasts for `seconds`."""
        step = sum(value >= least for least in self.severe)
        if self.lasting_s and seconds >= self.lasting_s:
            step += 1
        return SEVERITIES[min(step, len(SEVERITIES) - 1)]


HOP_S: Final = 0.01
