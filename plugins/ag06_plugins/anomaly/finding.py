"""What one detector sees in the sound at one moment, before it is an alert."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal

Severity = Literal["low", "medium", "high", "critical"]
SEVERITIES: Final[tuple[Severity, ...]] = ("low", "medium", "high", "critical")


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault or an oddity, told again at every hop while it lasts, and once more with `ended`.

    detector   which one, such as `clipping`, `zscore`, `forest`
    kind       what is wrong, such as `clipping`, `hum`, `unusual`
    channel    `left`, `right` or `both`
    start      position of its first sample
    end        position after its last sample so far
    value      the strongest so far of the measure that the detector goes by, in `unit`
    threshold  beyond which it counts, in the same unit
    score      0 to 1: how far beyond; a probability of being no chance for what was calibrated
    severity   from how far, how long, how audible
    feature    the feature of the store that shows it, such as `level:left.rms_db`; "" without one
    evidence   numbers and words a person can check
    ended      it is over
    """

    detector: str
    kind: str
    channel: str
    start: int
    end: int
    value: float
    unit: str
    threshold: float
    score: float
    severity: Severity
    feature: str = ""
    evidence: Mapping[str, float | str] = field(default_factory=dict)
    ended: bool = False


def finite(finding: Finding) -> Finding:
    """The same, with numbers that can be kept and compared: NaN is 0, infinity the largest there is."""
    numbers = (finding.value, finding.threshold, finding.score)
    odd = {name: str(said) for name, said in finding.evidence.items() if not _kept(said)}
    if not odd and all(map(math.isfinite, numbers)):
        return finding
    value, threshold, score = map(_finite, numbers)
    return replace(
        finding, value=value, threshold=threshold, score=score, evidence={**finding.evidence, **odd}
    )


def _kept(said: float | str) -> bool:
    return isinstance(said, str) or math.isfinite(said)


def _finite(number: float) -> float:
    if math.isnan(number):
        return 0.0
    return min(max(number, -sys.float_info.max), sys.float_info.max)
