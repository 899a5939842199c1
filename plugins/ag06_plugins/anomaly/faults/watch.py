"""From the measures of each hop to findings: thresholds, hysteresis, severity; the same live and offline."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from ag06_plugins.anomaly.faults.rule import HOP_S, Rule
from ag06_plugins.anomaly.finding import Finding

CHANNELS: Final = ("left", "right")
SCORE_AT_THRESHOLD: Final = 0.5

Row = npt.NDArray[np.float32]


@dataclass(slots=True)
class _Line:
    """A rule at work on one channel, or on the pair."""

    rule: Rule
    channel: str
    column: int
    began: int | None
    evidence: tuple[tuple[str, str, int], ...]
    threshold: float = 0.0  # as it was at the last hop
    over_hops: int = 0
    quiet_hops: int = 0
    start: int = 0
    end: int = 0
    value: float = 0.0
    veiled: bool = False  # it was no news when it was last above its threshold
    shown: dict[str, float | str] | None = None  # evidence of the strongest hop while it lasts


class FaultWatch:
    """Watches rows of measures.

    measures  the name of each element of a row
    rules     the kinds to watch for

    Raises ValueError for a rule whose measures are not among them.
    """

    def __init__(self, measures: Sequence[str], rules: Iterable[Rule], hop_frames: int) -> None:
        self._hop = hop_frames
        self._at = {name: index for index, name in enumerate(measures)}
        rules = tuple(rules)
        self._hides = {rule.kind: rule.hides for rule in rules}
        self._lines = [
            self._line(rule, channel)
            for rule in rules
            for channel in (("both",) if rule.paired else CHANNELS)
        ]
        self._columns = np.array([line.column for line in self._lines], dtype=np.intp)
        self._thresholds = np.array([line.rule.threshold for line in self._lines], dtype=np.float32)
        self._live: set[int] = set()  # lines that are open, or on their way

    def _line(self, rule: Rule, channel: str) -> _Line:
        evidence = tuple((name, unit, self._column(rule, name, channel)) for name, unit in rule.evidence)
        began = self._column(rule, rule.began, channel) if rule.began else None
        return _Line(rule, channel, self._column(rule, rule.measure, channel), began, evidence)

    def _column(self, rule: Rule, measure: str, channel: str) -> int:
        name = measure if "." in measure else f"{channel}.{measure}"
        if name not in self._at:
            raise ValueError(f"{rule.kind}: there is no measure {name}")
        return self._at[name]

    @property
    def thresholds(self) -> dict[str, float]:
        """The threshold of each kind, as it is now."""
        return {line.rule.kind: float(self._thresholds[i]) for i, line in enumerate(self._lines)}

    def set_threshold(self, kind: str, threshold: float) -> float:
        """Have `kind` begin beyond `threshold`, within its bounds; what it is then."""
        for i, line in enumerate(self._lines):
            if line.rule.kind == kind:
                low, high = line.rule.bounds
                self._thresholds[i] = min(max(threshold, low), high)
        return self.thresholds[kind]

    def reset(self, position: int) -> list[Finding]:
        """Forget what was before `position`, as after frames were lost; what was open ends there."""
        open_ = [self._lines[i] for i in sorted(self._live) if self._lines[i].shown is not None]
        ended = [self._finding(line, ended=True) for line in open_ if line.end <= position]
        for i in self._live:
            self._close(self._lines[i])
        self._live.clear()
        return ended

    def take(self, row: Row, position: int) -> list[Finding]:
        """What is wrong in the hop that begins at `position`: a finding of each fault that is open."""
        values = row[self._columns]
        over = np.flatnonzero(values > self._thresholds)
        if not over.size and not self._live:
            return []
        self._live.update(int(i) for i in over)
        found: list[tuple[_Line, Finding]] = []
        for i in sorted(self._live):
            line = self._lines[i]
            line.threshold = float(self._thresholds[i])
            finding = self._step(line, row, float(values[i]), position)
            if finding is not None:
                found.append((line, finding))
            if line.shown is None and not line.over_hops:
                self._live.discard(i)
        return self._visible(found)

    def _step(self, line: _Line, row: Row, value: float, position: int) -> Finding | None:
        rule, threshold, hop_end = line.rule, line.threshold, position + self._hop
        release = threshold * rule.release / rule.threshold if rule.threshold else rule.release
        if value > threshold:
            line.over_hops += 1
            if line.over_hops == 1 and line.shown is None:
                line.start = max(0, hop_end - self._back(line, row))
                line.value = value
        elif line.shown is None:
            line.over_hops = 0
        if line.shown is None:
            if line.over_hops < rule.open_hops:
                line.value = max(line.value, value)
                return None
            line.shown = {}
        if value > release:
            line.quiet_hops, line.end = 0, hop_end
            if value >= line.value or not line.shown:
                line.value = max(line.value, value)
                line.shown = {name: float(row[column]) for name, _, column in line.evidence}
            return self._finding(line)
        line.quiet_hops += 1
        if line.quiet_hops < rule.close_hops:
            return self._finding(line)
        finding = self._finding(line, ended=True)
        self._close(line)
        return finding

    def _back(self, line: _Line, row: Row) -> int:
        """Frames before the hop's end at which what is above its threshold began."""
        if line.began is None:
            return self._hop
        return max(1, round(float(row[line.began])))

    def _close(self, line: _Line) -> None:
        line.over_hops = line.quiet_hops = 0
        line.shown, line.value = None, 0.0

    def _finding(self, line: _Line, *, ended: bool = False) -> Finding:
        rule = line.rule
        seconds = (line.end - line.start) / self._hop * HOP_S
        return Finding(
            detector=rule.kind,
            kind=rule.kind,
            channel=line.channel,
            start=line.start,
            end=line.end,
            value=line.value,
            unit=rule.unit,
            threshold=line.threshold,
            score=score(line.value, line.threshold),
            severity=rule.severity(line.value, seconds),
            feature=rule.feature.format(channel=line.channel),
            evidence=line.shown or {},
            ended=ended,
        )

    def _visible(self, found: list[tuple[_Line, Finding]]) -> list[Finding]:
        """Without what is no news beside a graver thing, or after it; the end of one is told all the same."""
        hidden = {
            (kind, channel)
            for _, finding in found
            if not finding.ended
            for kind in self._hides[finding.kind]
            for channel in ({finding.channel} if finding.channel != "both" else {*CHANNELS, "both"})
        }
        for line, finding in found:
            line.veiled = (finding.kind, finding.channel) in hidden or (line.veiled and line.quiet_hops > 0)
        return [finding for line, finding in found if finding.ended or not line.veiled]


def score(value: float, threshold: float) -> float:
    """0 to 1: a half at the threshold, and 1 far beyond it."""
    if threshold <= 0 or value <= 0:
        return SCORE_AT_THRESHOLD if value > threshold else 0.0
    return value / (value + threshold)
