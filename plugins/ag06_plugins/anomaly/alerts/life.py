"""The life of alerts: opened, updated, closed; grouped, limited, quiet, acknowledged; pure, told the time."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from ag06_plugins.anomaly.alerts.alert import Alert, Silent
from ag06_plugins.anomaly.alerts.grouping import causes, is_unusual, one_thing, rank
from ag06_plugins.anomaly.alerts.quiet import QuietTimes
from ag06_plugins.anomaly.finding import SEVERITIES, Finding, finite
from ag06_plugins.anomaly.settings import AnomalyConfig

HOUR_S: Final = 3600.0
TAIL_S: Final = 30.0  # for which a detector may go on telling of a fault that was put in

Step = Literal["opened", "told", "updated", "closed"]


@dataclass(frozen=True, slots=True)
class Now:
    """The moment at which findings are taken in.

    position       of the end of the hop
    wall_s         of that, seconds since the epoch
    injected_from  the first sample of a fault that is being put in, None without one
    about          what else is known of the moment, such as the preset
    """

    position: int
    wall_s: float
    injected_from: int | None = None
    about: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to an alert; `told` says whether people are to hear of it.

    The step `told`: nobody was told that it opened, and now they are, for it is so grave.
    """

    step: Step
    alert: Alert
    told: bool


@dataclass(slots=True)
class _Open:
    """An alert that is not over.

    seen         position at which a detector last saw it
    told         position at which people were last told of it
    source       the first sample of the fault that was put in and opened it; None for what is real
    injected_to  position up to which that fault was at work
    """

    alert: Alert
    seen: int
    told: int
    source: int | None = None
    injected_to: int = 0
    news: bool = False
    changed: bool = False
    graver: bool = False


class Life:
    """All alerts that are not over.

    next_id  of the first alert that will open
    """

    def __init__(self, config: AnomalyConfig, rate: int, next_id: int = 1) -> None:
        self._config, self._rate = config, rate
        self._hold = round(config.hold_s * rate)
        self._quiet = QuietTimes(config.quiet.times)
        self._next_id = next_id
        self._open: list[_Open] = []
        self._told: dict[str, deque[float]] = {}  # kind to when alerts were told, within the hour
        self._snoozed: dict[str, tuple[float, float]] = {}  # kind to since when and until when
        self.limited = 0  # alerts that nobody was told of, for there were too many

    @property
    def open(self) -> list[Alert]:
        """Those that are not over."""
        return [entry.alert for entry in self._open]

    def find(self, id_: int) -> Alert | None:
        """The alert of that number, if it is not over."""
        return next((entry.alert for entry in self._open if entry.alert.id == id_), None)

    def lasting(self, kind: str, position: int) -> Alert | None:
        """The alert in which `kind` is seen at `position`, the end of the last hop."""
        return next(
            (
                entry.alert
                for entry in self._open
                if entry.seen >= position and kind in (entry.alert.kind, *entry.alert.also)
            ),
            None,
        )

    def snooze(self, kind: str, since_s: float, until_s: float) -> None:
        """Tell nobody of `kind` from now, `since_s`, until `until_s`, seconds since the epoch."""
        self._snoozed[kind] = since_s, until_s

    def snoozed(self, wall_s: float) -> dict[str, float]:
        """Kinds that nobody is told of, and until when; none before it began, for then the clock was set."""
        return {kind: until for kind, (since, until) in self._snoozed.items() if since <= wall_s < until}

    def take(self, findings: Iterable[Finding], now: Now) -> list[Event]:
        """What became of the findings of a hop, and of what was open."""
        events: list[Event] = []
        for finding in sorted(map(finite, findings), key=lambda entry: rank(entry.kind)):
            events += self._see(finding, now)
        for entry in list(self._open):
            event = self._look(entry, now)
            if event is not None:
                events.append(event)
        return events

    def end(self) -> list[Event]:
        """Close all, as when sound was lost or the daemon ends."""
        events = [self._closed(entry) for entry in self._open]
        self._open.clear()
        return events

    def _see(self, finding: Finding, now: Now) -> list[Event]:
        entry = self._match(finding, now)
        if entry is None:
            return [] if finding.ended else [self._begin(finding, now)]
        if entry.source is not None and now.injected_from is not None:
            entry.injected_to = now.position
        before = entry.alert.severity
        if finding.ended:
            entry.news |= entry.alert.see(finding)
            entry.graver |= entry.alert.severity != before
            return []
        renamed = causes(finding.kind, entry.alert.kind)
        if renamed:
            self._rename(entry.alert, finding)
        entry.seen = now.position
        entry.news |= entry.alert.see(finding) or renamed
        entry.graver |= entry.alert.severity != before
        entry.changed = True
        return []

    @staticmethod
    def _rename(alert: Alert, finding: Finding) -> None:
        alert.also = [alert.kind, *(kind for kind in alert.also if kind != finding.kind)]
        alert.kind, alert.feature, alert.unit = finding.kind, finding.feature, finding.unit
        alert.value, alert.evidence = finding.value, {}

    def _match(self, finding: Finding, now: Now) -> _Open | None:
        """The alert that this is of: of its own kind first, else of a thing that explains it."""
        reach = now.position - self._hold
        near = [entry for entry in self._open if entry.seen >= reach and self._fits(entry, finding, now)]
        own = [entry for entry in near if entry.alert.kind == finding.kind]
        kin = [entry for entry in near if one_thing(entry.alert.kind, finding.kind)]
        known = [entry for entry in kin if not is_unusual(entry.alert.kind)]
        return next(iter([*own, *known, *kin]), None)

    def _fits(self, entry: _Open, finding: Finding, now: Now) -> bool:
        """Whether both are real, or both of the same fault that was put in."""
        if now.injected_from is not None:
            return finding.start < now.injected_from or entry.source == now.injected_from
        if entry.source is None:
            return True
        tail = round(TAIL_S * self._rate)
        return finding.start < entry.injected_to and now.position < entry.injected_to + tail

    def _begin(self, finding: Finding, now: Now) -> Event:
        back_s = (now.position - finding.start) / self._rate
        alert = Alert(
            id=self._next_id,
            kind=finding.kind,
            channel=finding.channel,
            severity=finding.severity,
            start=finding.start,
            end=finding.end,
            rate=self._rate,
            start_ns=round((now.wall_s - back_s) * 1e9),
            value=finding.value,
            unit=finding.unit,
            threshold=finding.threshold,
            score=finding.score,
            feature=finding.feature,
            detectors=[finding.detector],
            evidence=dict(finding.evidence),
            about=dict(now.about),
            injected=now.injected_from is not None,
        )
        alert.silent = self._silent(alert, now.wall_s)
        self.limited += alert.silent == "rate"
        self._next_id += 1
        self._open.append(_Open(alert, now.position, now.position, now.injected_from, now.position))
        return Event("opened", alert, told=not alert.silent)

    def _silent(self, alert: Alert, wall_s: float) -> Silent:
        """Why nobody is to be told; "" if they are, which is counted."""
        grave = SEVERITIES.index(alert.severity)
        if alert.injected:
            return ""
        if alert.kind in self.snoozed(wall_s):
            return "snoozed"
        if self._quiet.at(wall_s) and grave < SEVERITIES.index(self._config.quiet.least):
            return "quiet"
        limits = self._config.limits
        for told in self._told.values():  # what is yet to come was told before the clock was set back
            while told and not wall_s - HOUR_S < told[0] <= wall_s:
                told.popleft()
        own = self._told.setdefault(alert.kind, deque())
        critical = alert.severity == SEVERITIES[-1]
        full = sum(map(len, self._told.values())) >= limits.per_hour and not critical
        if len(own) >= limits.per_kind_per_hour or full:
            return "rate"
        own.append(wall_s)
        return ""

    def _look(self, entry: _Open, now: Now) -> Event | None:
        alert = entry.alert
        if now.position - entry.seen >= self._hold:
            self._open.remove(entry)
            return self._closed(entry)
        due = entry.changed and now.position - entry.told >= self._config.update_s * self._rate
        if not (entry.news or due):
            return None
        graver, entry.graver = entry.graver, False
        entry.news = entry.changed = False
        entry.told = now.position
        if graver and alert.silent:
            alert.silent = self._silent(alert, now.wall_s)
            if not alert.silent:
                return Event("told", alert, told=True)
        return Event("updated", alert, told=not alert.silent and not alert.acknowledged_by)

    @staticmethod
    def _closed(entry: _Open) -> Event:
        entry.alert.state = "closed"
        return Event("closed", entry.alert, told=not entry.alert.silent)
