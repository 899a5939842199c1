"""Scanning sound for faults: blocks of it in, faults out, the same as live; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from ag06_plugins.anomaly.faults.kinds import KINDS
from ag06_plugins.anomaly.faults.rule import Rule
from ag06_plugins.anomaly.faults.watch import FaultWatch
from ag06_plugins.anomaly.finding import SEVERITIES, Finding
from ag06d.anomaly.faults import MEASURES, STEREO, Array, FaultMeter

TOGETHER_HOPS: Final = 5  # left and right that begin this close to each other are one fault of both


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of a recording.

    finding  as it was when it ended, or when the sound did
    told     position of the frame after the hop in which it was first told
    """

    finding: Finding
    told: int


class Scanner:
    """Looks at a stream for faults, and keeps what it finds.

    rate      frames per second, 8000 to 192000
    channels  1 or 2
    rules     the kinds to look for

    Raises ValueError for another rate or number of channels.
    """

    def __init__(self, rate: int, channels: int = STEREO, rules: Iterable[Rule] = KINDS) -> None:
        self._meter = FaultMeter(rate, channels)
        self._watch = FaultWatch(MEASURES, rules, self._meter.hop)
        self._found: dict[tuple[str, str, int], Fault] = {}
        self._position = 0
        self.hop = self._meter.hop

    def take(self, sound: Array) -> None:
        """Look at the next frames, float32 of shape (frames, channels); what is over is left out."""
        for row in self._meter.take(sound):
            told = self._position + self.hop
            for finding in self._watch.take(row, self._position):
                self._keep(finding, told)
            self._position = told

    def _keep(self, finding: Finding, told: int) -> None:
        key = finding.kind, finding.channel, finding.start
        known = self._found.get(key)
        if known is not None:
            self._found[key] = replace(known, finding=finding)
        elif not finding.ended:  # what was hidden while it lasted is not told when it is over
            self._found[key] = Fault(finding, told)

    @property
    def faults(self) -> list[Fault]:
        """What was found so far, by time; what is the same on both channels once."""
        return sorted(
            _together(self._found.values(), TOGETHER_HOPS * self.hop), key=lambda f: f.finding.start
        )


def _together(faults: Iterable[Fault], within: int) -> Iterator[Fault]:
    """Faults of left and right that begin at about the same time as one of both."""
    rights = [fault for fault in faults if fault.finding.channel == "right"]
    for fault in faults:
        if fault.finding.channel != "left":
            continue
        other = next((right for right in rights if _same(fault.finding, right.finding, within)), None)
        if other is None:
            yield fault
        else:
            rights.remove(other)
            yield _joined(fault, other)
    yield from rights
    yield from (fault for fault in faults if fault.finding.channel == "both")


def _same(left: Finding, right: Finding, within: int) -> bool:
    return left.kind == right.kind and abs(left.start - right.start) <= within


def _joined(left: Fault, right: Fault) -> Fault:
    one, other = left.finding, right.finding
    stronger = one if one.value >= other.value else other
    finding = replace(
        stronger,
        channel="both",
        start=min(one.start, other.start),
        end=max(one.end, other.end),
        severity=max(one.severity, other.severity, key=SEVERITIES.index),
    )
    return Fault(finding, min(left.told, right.told))


def scan(sound: Array, rate: int, rules: Iterable[Rule] = KINDS) -> list[Fault]:
    """Every fault of `sound`, float32 of shape (frames, channels); what is over whole hops is left out."""
    scanner = Scanner(rate, sound.shape[1], rules)
    scanner.take(sound)
    return scanner.faults
