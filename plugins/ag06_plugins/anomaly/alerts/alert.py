"""An alert: what was wrong, from when to when, how grave, why, and what people said of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from ag06_plugins.anomaly.finding import SEVERITIES, Finding, Severity

State = Literal["open", "closed"]
Label = Literal["", "right", "wrong"]
Silent = Literal["", "rate", "quiet", "snoozed"]
EMPTY: Final = np.empty(0, dtype=np.float32)


@dataclass(slots=True)
class Alert:
    """One alert, from its first finding on.

    id             rises, also over restarts
    kind, channel  of what opened it, or of the graver cause that came to light
    also           other kinds that were seen together with it
    detectors      which saw it
    start, end     positions: the first sample, and after the last so far
    start_ns       nanoseconds since the epoch of `start`; `end_ns` likewise
    value          the strongest measure of the detector that `kind` is of, in `unit`
    silent         why nobody was told: `rate`, `quiet`, `snoozed`; "": all were
    injected       it was put in on purpose
    raised         share of the way to the highest threshold that its label "wrong" raised it by
    trace          its measure at each hop around its start, float32 (n,); `trace_start_s` from `start`
    """

    id: int
    kind: str
    channel: str
    severity: Severity
    start: int
    end: int
    rate: int
    start_ns: int
    value: float
    unit: str
    threshold: float
    score: float
    feature: str = ""
    state: State = "open"
    detectors: list[str] = field(default_factory=list)
    also: list[str] = field(default_factory=list)
    evidence: dict[str, float | str] = field(default_factory=dict)
    about: dict[str, str] = field(default_factory=dict)
    silent: Silent = ""
    injected: bool = False
    acknowledged_by: str = ""
    acknowledged_ns: int = 0
    note: str = ""
    label: Label = ""
    label_by: str = ""
    raised: float = 0.0
    clip: str = ""
    trace: npt.NDArray[np.float32] = field(default_factory=lambda: EMPTY)
    trace_start_s: float = 0.0

    @property
    def seconds(self) -> float:
        """How long it lasted, or has lasted so far."""
        return (self.end - self.start) / self.rate

    @property
    def end_ns(self) -> int:
        """When its last sample came, nanoseconds since the epoch."""
        return self.start_ns + (self.end - self.start) * 1_000_000_000 // self.rate

    def see(self, finding: Finding) -> bool:
        """Take in one more finding; whether something changed that people would want to know at once."""
        news = False
        self.start_ns -= max(0, self.start - finding.start) * 1_000_000_000 // self.rate
        self.start, self.end = min(self.start, finding.start), max(self.end, finding.end)
        if finding.detector not in self.detectors:
            self.detectors.append(finding.detector)
        if finding.channel != self.channel:
            self.channel, news = "both", self.channel != "both"
        if finding.kind != self.kind:
            if finding.kind not in self.also:
                self.also.append(finding.kind)
                news = True
        elif finding.value >= self.value or not self.evidence:
            self.value = finding.value
            self.threshold, self.score = finding.threshold, finding.score
            self.evidence = dict(finding.evidence)
        if SEVERITIES.index(finding.severity) > SEVERITIES.index(self.severity):
            self.severity, news = finding.severity, True
        return news

    def document(self) -> dict[str, Any]:
        """As clients are told, without the trace."""
        return {
            "id": self.id,
            "state": self.state,
            "kind": self.kind,
            "channel": self.channel,
            "severity": self.severity,
            "start_s": round(self.start / self.rate, 6),
            "seconds": round(self.seconds, 6),
            "start": self.start,
            "end": self.end,
            "start_ns": self.start_ns,
            "end_ns": self.end_ns,
            "value": self.value,
            "unit": self.unit,
            "threshold": self.threshold,
            "score": self.score,
            "feature": self.feature,
            "detectors": self.detectors,
            "also": self.also,
            "evidence": self.evidence,
            "about": self.about,
            "silent": self.silent,
            "injected": self.injected,
            "acknowledged_by": self.acknowledged_by,
            "acknowledged_ns": self.acknowledged_ns,
            "note": self.note,
            "label": self.label,
            "label_by": self.label_by,
            "clip": self.clip,
            "text": self.text(),
        }

    def text(self) -> str:
        """In one line, for people."""
        where = {"both": "", "left": " left", "right": " right"}[self.channel]
        measure = f"{self.value:.4g} {self.unit}".strip()
        with_ = f", with {', '.join(self.also)}" if self.also else ""
        return f"{self.kind}{where}, {self.seconds:.2f} s: {measure} (beyond {self.threshold:.4g}){with_}"
