"""How well faults are found: recall, false alarms, delay and place, of ours and of other detectors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from bench.rig.faults_corpus import RATE, Clip
from bench.rig.faults_essentia import Detect
from bench.rig.faults_inject import Case

from ag06_plugins.anomaly.scanning import scan

BEFORE: Final = RATE // 50  # frames before a fault at which it may be said to begin
AFTER: Final = RATE // 10  # behind its end
ONE_ALARM_S: Final = 0.5  # of another detector: what is as close together is one


@dataclass(slots=True)
class Score:
    """Of a detector, on faults of one kind or strength."""

    cases: int = 0
    found: int = 0
    delays_ms: list[float] = field(default_factory=list)
    off_frames: list[int] = field(default_factory=list)

    @property
    def recall(self) -> float:
        """The share that was found."""
        return self.found / self.cases if self.cases else 0.0

    def figures(self) -> dict[str, float]:
        """What there is to say of it."""
        result = {"cases": float(self.cases), "recall": self.recall}
        if self.delays_ms:
            result["delay_p50_ms"] = float(np.median(self.delays_ms))
            result["delay_p95_ms"] = float(np.quantile(self.delays_ms, 0.95))
        if self.off_frames:
            result["off_p50_frames"] = float(np.median(self.off_frames))
        return result


Scores = dict[tuple[str, str], Score]  # by fault and strength


def ours(case: Case, scores: Scores) -> bool:
    """Put into `scores` whether we find it."""
    score = scores.setdefault((case.fault.name, case.strength), Score())
    score.cases += 1
    found = [
        fault
        for fault in scan(case.sound, RATE)
        if fault.finding.kind == case.fault.kind
        and case.start - BEFORE <= fault.finding.start <= case.end + AFTER
    ]
    if not found:
        return False
    first = min(found, key=lambda fault: fault.told)
    score.found += 1
    score.delays_ms.append(1000 * max(0, first.told - case.start) / RATE)
    score.off_frames.append(abs(first.finding.start - case.start))
    return True


def theirs(case: Case, detect: Detect, scores: Scores) -> None:
    """Put into `scores` whether another detector finds it."""
    score = scores.setdefault((case.fault.name, case.strength), Score())
    score.cases += 1
    after = (case.end + AFTER) / RATE
    score.found += any((case.start - BEFORE) / RATE <= at <= after for at in detect(case.sound[:, 0].copy()))


def our_alarms(clips: Iterable[Clip]) -> list[tuple[str, str, float]]:
    """What we find where there is nothing: clip, kind, seconds."""
    return [
        (clip.name, fault.finding.kind, fault.finding.start / RATE)
        for clip in clips
        for fault in scan(clip.sound, RATE)
    ]


def their_alarms(clips: Iterable[Clip], detect: Detect) -> int:
    """How often another detector finds something where there is nothing."""
    alarms = 0
    for clip in clips:
        last = -ONE_ALARM_S
        for at in sorted(detect(clip.sound[:, 0].copy())):
            alarms += at - last >= ONE_ALARM_S
            last = at
    return alarms


def together(scores: Mapping[tuple[str, str], Score], names: Sequence[str]) -> Score:
    """Of all strengths of some faults."""
    total = Score()
    for (name, _), score in scores.items():
        if name in names:
            total.cases += score.cases
            total.found += score.found
            total.delays_ms += score.delays_ms
            total.off_frames += score.off_frames
    return total
