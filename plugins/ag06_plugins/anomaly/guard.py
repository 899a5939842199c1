"""The guard: all that watches, and all that is known of alerts, in one life of the plugin."""

from __future__ import annotations

import contextlib
import dataclasses
from collections import OrderedDict
from collections.abc import Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Final
from weakref import WeakKeyDictionary

from ag06_plugins.anomaly.alerts import learning
from ag06_plugins.anomaly.alerts.alert import Alert
from ag06_plugins.anomaly.alerts.archive import Archive
from ag06_plugins.anomaly.alerts.clips import Clips, last_number, let_go
from ag06_plugins.anomaly.alerts.grouping import UNUSUAL, is_unusual
from ag06_plugins.anomaly.alerts.life import Event, Life, Now
from ag06_plugins.anomaly.alerts.table import DAY_S, AlertTable
from ag06_plugins.anomaly.faults import frames
from ag06_plugins.anomaly.faults.kinds import KINDS
from ag06_plugins.anomaly.faults.rule import Rule
from ag06_plugins.anomaly.faults.watch import FaultWatch
from ag06_plugins.anomaly.finding import Finding
from ag06_plugins.anomaly.injection import Injection
from ag06_plugins.anomaly.oddities import ZEROS_MOST, Oddities
from ag06_plugins.anomaly.settings import AnomalyConfig
from ag06_plugins.anomaly.topics import topic_of
from ag06_plugins.anomaly.trace import AFTER_S, Trace
from ag06_plugins.shared.timeline import Timeline
from ag06d.anomaly import MEASURES, FaultMeter
from ag06d.plugin import Context, Frame, RequestError

RECENT_MAX: Final = 200  # alerts that are changed in memory: whoever changes one, changes the same
MEMORY_MAX: Final = 2000  # alerts, where the history is in memory: each has some kB of trace
SWEEP_S: Final = 60.0
WATCHED_S: Final = 10.0
DATABASE: Final = "alerts.sqlite"
CLIPS: Final = "clips"


def configured(config: AnomalyConfig) -> list[Rule]:
    """The rules as the configuration has them."""
    changed = {entry.kind: entry for entry in config.rule}
    rules: list[Rule] = []
    for rule in KINDS:
        entry = changed.get(rule.kind)
        if entry is None:
            rules.append(rule)
        elif entry.enabled:
            said = {name: getattr(entry, name) for name in ("threshold", "severe", "lasting_s")}
            wanted = {name: value for name, value in said.items() if value is not None}
            if "threshold" in wanted:  # what it is let go at keeps its share of it
                wanted["release"] = rule.release * wanted["threshold"] / rule.threshold
            rules.append(dataclasses.replace(rule, **wanted))
    return rules


class Guard:
    """Watches frames, and keeps the account of what was found."""

    def __init__(self, context: Context) -> None:
        config: AnomalyConfig = context.config
        self.config, self._context = config, context
        self.timeline = Timeline(context.clock, replay=context.lockstep)
        self.rules = {rule.kind: rule for rule in configured(config)}
        self._meter = FaultMeter(context.rate)
        self._meter.aim(config.target_lufs)
        self.thresholds = {kind: rule.threshold for kind, rule in self.rules.items()}
        self.watch = FaultWatch(MEASURES, self.rules.values(), context.hop)
        self._trace = Trace(len(MEASURES), context.hop)
        keep = config.history.keep and not context.lockstep
        self.archive = Archive(context.data_folder / DATABASE if keep else None)
        self.clips = (
            Clips(context, config.clips, Path(context.data_folder) / CLIPS, self._clip_made)
            if config.clips.keep and keep
            else None
        )
        last_clip = last_number(Path(context.data_folder) / CLIPS)  # of a history that is no more
        self.life = Life(config, context.rate, max(self.archive.last_id, last_clip) + 1)
        self.oddities = Oddities(context, config.statistics) if config.statistics.enabled else None
        self._recent: OrderedDict[int, Alert] = OrderedDict()
        self._last_told: int | None = None  # of this run
        self._tracing: list[tuple[Alert, int]] = []
        self.injection: Injection | None = None
        self.frames = 0
        self.position = 0
        self._swept_s = self._watched_s = context.clock.monotonic_ns() / 1e9
        self._unaccounted = 0  # frames
        self._labels: Future[list[tuple[str, float]]] | None = self.archive.raised()

    def process(self, frame: Frame) -> None:
        """Look at one frame."""
        position, end_ns = frame.position, self.timeline.end_of(frame)
        findings = frames.told(frame)
        if frame.lost or frame.gap_frames:
            self._meter.reset()
            findings += self.watch.reset(position)
        row = self._meter.take(frame.dry, frame.wet)[0]
        self._trace.take(row, position)
        findings += self.watch.take(row, position)
        about = self._about()
        if self.oddities is not None and not frame.disturbed:
            findings += self.oddities.take(position, end_ns / 1e9, about.get("preset", ""))
        self.position = position + len(frame.dry)
        self.frames += 1
        self._unaccounted += len(frame.dry)
        now = Now(self.position, end_ns / 1e9, self._injected_from(frame), about)
        if findings or self.life.open:
            self._account(findings, now)
        if self._tracing:
            self._take_traces()

    def _injected_from(self, frame: Frame) -> int | None:
        """The first sample of the fault that was put in, while what is found may be of it."""
        injection = self.injection
        if injection is None or injection.ends(frame.position):
            return None
        if frame.disturbed and injection.start is None:
            injection.start = frame.position
        if injection.over:
            self._context.disturb(None)
        return injection.start

    def _about(self) -> dict[str, str]:
        """The preset that is heard."""
        try:
            slot = self._context.state("audio.slot")
            return {"preset": str(self._context.state(f"preset.{slot}"))}
        except KeyError:
            return {}

    def _account(self, findings: list[Finding], now: Now) -> None:
        for event in self.life.take(findings, now):
            self._happened(event)

    def _happened(self, event: Event) -> None:
        alert = event.alert
        if event.step == "opened":
            self._remember(alert)
            self._tracing.append((alert, alert.start + round(AFTER_S * alert.rate)))
            self._take_trace(alert)
            if self.injection is not None and alert.injected:
                self.injection.found.append((alert, self.position))
        if event.step in ("opened", "told") and event.told:
            self._last_told = alert.id
        if event.step != "closed" and self.clips is not None:
            self.clips.want(alert, self.position)
        if event.told:
            self.tell("opened" if event.step == "told" else event.step, alert)
        self.archive.put(alert)

    def tell(self, state: str, alert: Alert) -> None:
        """Publish what became of an alert."""
        body = alert.document() | {"state": state}
        self._context.publish(topic_of(alert.kind), body, position=alert.start)

    def _remember(self, alert: Alert) -> None:
        self._recent[alert.id] = alert
        while len(self._recent) > RECENT_MAX:
            self._recent.popitem(last=False)

    def recent(self, id_: int | None) -> Alert | None:
        """The alert of that number, or the last that people were told of, where it is of late."""
        if id_ is None:
            id_ = self._last_told
        if id_ is None:
            return None
        return self.life.find(id_) or self._recent.get(id_)

    def keep(self, alert: Alert) -> None:
        """Keep what was changed of an alert."""
        self._remember(alert)
        self.archive.put(alert)

    def _take_traces(self) -> None:
        due = [entry for entry in self._tracing if self.position >= entry[1]]
        for alert, _ in due:
            self._take_trace(alert)
            self.archive.put(alert)
        self._tracing = [entry for entry in self._tracing if self.position < entry[1]]

    def _take_trace(self, alert: Alert) -> None:
        rule = self.rules.get(alert.kind)
        if rule is None:
            return
        channel = "left" if alert.channel == "both" else alert.channel
        name = rule.measure if rule.paired else f"{channel}.{rule.measure}"
        alert.trace, alert.trace_start_s = self._trace.around(MEASURES.index(name), alert.start)

    def _clip_made(self, alert: Alert) -> None:
        self.archive.put(alert)
        self.tell("clip", alert)

    def tick(self) -> None:
        """What is due now and then."""
        self.timeline.look()
        now_s = self._context.clock.monotonic_ns() / 1e9
        self._take_labels()
        if self.oddities is not None:
            self.oddities.tick()
        if self.clips is not None:
            self.clips.look(self.position)
        if self.injection is not None and self.injection.ends(self.position):
            self.stop_injecting(self.injection)
        if now_s - self._watched_s >= WATCHED_S:
            self._watched_s = now_s
            self._account_for_time()
        if now_s - self._swept_s >= SWEEP_S:
            self._swept_s = now_s
            self.archive.ask(self._sweep)
            self._labels = self.archive.raised()  # some may be gone

    def _take_labels(self) -> None:
        if self._labels is None or not self._labels.done():
            return
        labels, self._labels = self._labels, None
        if labels.exception() is None:
            self.learn(labels.result())

    def _account_for_time(self) -> None:
        wall_s = self.timeline.now_ns() / 1e9
        self.archive.watched(wall_s, self._unaccounted / self._context.rate)
        self._unaccounted = 0

    def _sweep(self, table: AlertTable) -> None:
        """Let go of what is too old or too much; in the archive's thread."""
        wall_s = self._context.clock.wall_s()
        history = self.config.history
        most = min(history.max_alerts, MEMORY_MAX) if self.archive.in_memory else history.max_alerts
        clips = table.forget(round((wall_s - history.max_days * DAY_S) * 1e9), most)
        if self.clips is not None:
            for name in clips:
                with contextlib.suppress(OSError):
                    (self.clips.folder / name).unlink()
            let_go(self.clips.folder, table, self.config.clips, wall_s)

    def begin(self, injection: Injection) -> None:
        """Put a fault in; raises RequestError where one is at work, or the sound has that fault already."""
        if self.injection is not None and not self.injection.ends(self.position):
            name = self.injection.fault.name
            raise RequestError("conflict", f"{name} is being injected", "wait for its end")
        kind = injection.fault.kind
        there = self.life.lasting(kind, self.position)
        if there is not None:
            raise RequestError("conflict", f"{kind} is there already, alert {there.id}", "wait for its end")
        self._context.disturb(injection.disturb)
        self.injection = injection

    def stop_injecting(self, injection: Injection) -> None:
        """Put no more of it in; what was put in may be found a while longer, and is not real."""
        if self.injection is not injection:
            return
        self._context.disturb(None)
        if injection.start is None or injection.ends(self.position):
            self.injection = None
        else:
            injection.stop()

    def highest(self, alert: Alert) -> float | None:
        """How high labels may raise the threshold of an alert's kind; None for one that has none."""
        rule = self.rules.get(alert.kind)
        if rule is not None:
            return rule.bounds[1]
        return alert.threshold + ZEROS_MOST if is_unusual(alert.kind) else None

    def learn(self, labels: list[tuple[str, float]]) -> None:
        """Have every threshold as the labels say, of which each is a kind and the share that it raises."""
        self._labels = None  # what was asked before knows less
        parts = learning.raised_shares(labels)
        for kind, rule in self.rules.items():
            wanted = learning.raised(rule.threshold, rule.bounds[1], parts.get(kind, 0.0))
            self.watch.set_threshold(kind, wanted)
            self.thresholds[kind] = wanted
        if self.oddities is not None:
            self.oddities.ask_for_more(parts.get(UNUSUAL, 0.0))

    def status(self) -> dict[str, Any]:
        """How it stands."""
        wall_s = self.timeline.now_ns() / 1e9
        return {
            "open": [alert.document() for alert in self.life.open],
            "frames": self.frames,
            "thresholds": self.thresholds,
            "limited": self.life.limited,
            "snoozed": self.life.snoozed(wall_s),
            "history": {
                "trouble": self.archive.trouble,
                "lost": self.archive.lost,
                "set_aside": self.archive.recovered,
            },
            "statistics": self.oddities.status() if self.oddities is not None else None,
            "clips": self._clip_status(),
            "injecting": self.injection.report() if self.injection is not None else None,
        }

    def _clip_status(self) -> Mapping[str, Any]:
        if self.clips is None:
            return {"kept": False}
        return {
            "kept": True,
            "folder": str(self.clips.folder),
            "trouble": self.clips.trouble,
            **self.clips.counts,
        }

    def close(self) -> None:
        """End in good order."""
        if _guards.pop(self._context, None) is None:
            return
        for event in self.life.end():
            self._happened(event)
        self._account_for_time()
        if self.oddities is not None:
            self.oddities.close()
        self.archive.close()


_guards: WeakKeyDictionary[Context, Guard] = WeakKeyDictionary()


def guard_of(context: Context) -> Guard:
    """The guard of the plugin that has `context`, made by whoever asks first."""
    guard = _guards.get(context)
    if guard is None:
        guard = _guards[context] = Guard(context)
    return guard
