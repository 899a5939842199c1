"""The operations `anomaly.*`: what clients may ask about alerts, and say of them."""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Generator, Iterable, Mapping
from concurrent.futures import Future
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import Field

from ag06_plugins.anomaly.alerts import learning
from ag06_plugins.anomaly.alerts.alert import Alert, Label
from ag06_plugins.anomaly.alerts.report import report
from ag06_plugins.anomaly.alerts.table import DAY_S, AlertTable, Search
from ag06_plugins.anomaly.finding import Severity
from ag06_plugins.anomaly.guard import Guard
from ag06_plugins.anomaly.inject import FAULTS
from ag06_plugins.anomaly.injection import injection
from ag06_plugins.shared.arguments import Arguments, checked
from ag06d.plugin import Answer, Command, Context, RequestError

LIST_MAX: Final = 1000
WORDS_MAX: Final = 500
DAYS_MAX: Final = 400
MOMENT_MAX: Final = 1 << 62
SNOOZE_MAX_S: Final = 7 * DAY_S
STILL_S: Final = 5.0  # without a frame, nothing can be injected

Moment = Annotated[int, Field(ge=0, le=MOMENT_MAX)]
Words = Annotated[str, Field(max_length=WORDS_MAX)]
Result = TypeVar("Result")
Waiting = Generator[object, None, Answer]


class List(Arguments):
    """`anomaly.list`."""

    kind: Words = ""
    least: Severity = "low"
    since_ns: Moment | None = None
    until_ns: Moment | None = None
    label: Literal["", "right", "wrong"] = ""
    state: Literal["", "open", "closed"] = ""
    text: Words = ""
    injected: bool = False
    most: int = Field(default=50, ge=1, le=LIST_MAX)


class One(Arguments):
    """The number of an alert; without, the last that people were told of."""

    id: int | None = Field(default=None, ge=0, le=MOMENT_MAX)


class Acknowledge(One):
    """`anomaly.ack`."""

    by: Words = ""
    note: Words = ""
    snooze_s: float = Field(default=0.0, ge=0, le=SNOOZE_MAX_S)


class Judge(One):
    """`anomaly.label`."""

    label: Label
    by: Words = ""
    note: Words | None = None


class Days(Arguments):
    """`anomaly.report`."""

    days: int = Field(default=14, ge=1, le=DAYS_MAX)


class Inject(Arguments):
    """`anomaly.inject`."""

    fault: Words
    strength: float | Words | None = None
    seconds: float | None = Field(default=None, allow_inf_nan=False)
    seed: int = Field(default=0, ge=0, le=MOMENT_MAX)


def awaited(future: Future[Result]) -> Generator[object, None, Result]:
    """What a future will have; raises RequestError where the history cannot be read."""
    while not future.done():
        yield None
    try:
        return future.result()
    except (sqlite3.Error, ValueError) as error:
        raise RequestError(
            "not_ready", f"the history of alerts cannot be read: {error}", "see anomaly.status"
        ) from error


class Commands:
    """The operations of one guard."""

    def __init__(self, context: Context, guard: Guard) -> None:
        self._context, self._guard = context, guard

    def all(self) -> Iterable[Command]:
        """Each with its documentation."""
        which = {"id": "the alert's number; without, the last that was told"}
        by = {"by": "who says so", "note": "in words"}
        return [
            Command("status", self.status, "What is open, and how detection and history stand", direct=True),
            Command("kinds", self.kinds, "Every kind of fault, with its threshold and what it means"),
            Command(
                "list",
                self.list,
                "Alerts, the newest first",
                {
                    "kind": "of this kind alone",
                    "least": "at least so grave: low, medium, high, critical",
                    "since_ns": "that began then or later; nanoseconds since the epoch",
                    "until_ns": "that began before",
                    "label": "right or wrong",
                    "state": "open or closed",
                    "text": "words in kind, evidence or note",
                    "injected": "those of injected faults too",
                    "most": f"how many, at most {LIST_MAX}",
                },
            ),
            Command("show", self.show, "One alert; arrays[0] is its measure at each hop around it", which),
            Command(
                "ack",
                self.ack,
                "Say that somebody knows; it is told no more",
                {**which, **by, "snooze_s": "tell nobody of this kind for so many seconds"},
            ),
            Command(
                "label",
                self.label,
                'Say whether it was right; "wrong" raises that detector\'s threshold within its bounds',
                {**which, "label": 'right or wrong, or "" to take it back', **by},
            ),
            Command(
                "report",
                self.report,
                "Precision of each kind by labels, alarms per hour, and their trend",
                {"days": f"of the last so many days, at most {DAYS_MAX}"},
            ),
            Command(
                "inject",
                self.inject,
                "Put a fault into dry sound as plugins see it, and tell whether and how fast it is found",
                {
                    "fault": "its name, or a kind; see anomaly.kinds",
                    "strength": "by name, or a number",
                    "seconds": "how long",
                    "seed": "of its chance",
                },
            ),
        ]

    def status(self, _: Mapping[str, Any]) -> Mapping[str, Any]:
        """`anomaly.status`."""
        return self._guard.status()

    def kinds(self, _: Mapping[str, Any]) -> Mapping[str, Any]:
        """`anomaly.kinds`."""
        thresholds = self._guard.thresholds
        kinds = {
            kind: {
                "doc": rule.doc,
                "unit": rule.unit,
                "threshold": thresholds[kind],
                "shipped": rule.threshold,
                "bounds": list(rule.bounds),
                "severe": list(rule.severe),
            }
            for kind, rule in self._guard.rules.items()
        }
        faults = {
            name: {
                "kind": fault.kind,
                "doc": fault.doc,
                "unit": fault.unit,
                "seconds": fault.seconds,
                "strengths": dict(fault.strengths),
            }
            for name, fault in FAULTS.items()
        }
        return {"kinds": kinds, "faults": faults}

    def list(self, arguments: Mapping[str, Any]) -> Waiting:
        """`anomaly.list`."""
        asked = checked(List, arguments)
        search = Search(**dict(asked))
        found = yield from awaited(  # the thread makes the documents, for a thousand take longer than a hop
            self._guard.archive.ask(lambda table: [alert.document() for alert in table.search(search)])
        )
        return Answer({"alerts": found})

    def show(self, arguments: Mapping[str, Any]) -> Waiting:
        """`anomaly.show`."""
        alert = yield from self._found(checked(One, arguments).id)
        rule = self._guard.rules.get(alert.kind)
        folder = self._guard.clips.folder if self._guard.clips is not None else None
        body = {
            "alert": alert.document(),
            "doc": rule.doc if rule is not None else "",
            "measure": rule.measure if rule is not None else "",
            "clip_path": str(folder / alert.clip) if folder is not None and alert.clip else "",
            "trace_start_s": alert.trace_start_s,
            "trace_step_s": self._context.hop / self._context.rate,
        }
        return Answer(body, [alert.trace])

    def ack(self, arguments: Mapping[str, Any]) -> Waiting:
        """`anomaly.ack`."""
        asked = checked(Acknowledge, arguments)
        alert = yield from self._found(asked.id)
        alert.acknowledged_by = asked.by or "somebody"
        alert.acknowledged_ns = self._guard.timeline.now_ns()
        alert.note = asked.note or alert.note
        if asked.snooze_s:
            since_s = alert.acknowledged_ns / 1e9
            self._guard.life.snooze(alert.kind, since_s, since_s + asked.snooze_s)
        self._guard.keep(alert)
        self._guard.tell("acknowledged", alert)
        return Answer({"alert": alert.document()})

    def label(self, arguments: Mapping[str, Any]) -> Waiting:
        """`anomaly.label`."""
        asked = checked(Judge, arguments)
        alert = yield from self._found(asked.id)
        highest = self._guard.highest(alert)
        alert.label, alert.label_by = asked.label, asked.by
        alert.note = alert.note if asked.note is None else asked.note
        before = self._guard.thresholds.get(alert.kind)
        alert.raised = 0.0
        if asked.label == "wrong" and highest is not None and not alert.injected:
            alert.raised = learning.share(alert.value, alert.threshold, highest)
        self._guard.keep(alert)
        labels = yield from awaited(self._guard.archive.raised())
        self._guard.learn(labels)
        self._guard.tell("labelled", alert)
        after = self._guard.thresholds.get(alert.kind)
        return Answer({"alert": alert.document(), "threshold": {"before": before, "after": after}})

    def report(self, arguments: Mapping[str, Any]) -> Waiting:
        """`anomaly.report`."""
        days = checked(Days, arguments).days
        today = int(self._guard.timeline.now_ns() // (DAY_S * 10**9))
        since_ns = (today - days + 1) * DAY_S * 10**9
        counts, watched = yield from awaited(
            self._guard.archive.ask(lambda table: (table.counts(since_ns), table.watched_days(since_ns)))
        )
        body = report(counts, watched, today, days)
        thresholds = self._guard.thresholds
        for kind, told in body["kinds"].items():
            rule = self._guard.rules.get(kind)
            told["threshold"] = thresholds.get(kind)
            told["shipped"] = rule.threshold if rule is not None else None
        return Answer(body)

    def inject(self, arguments: Mapping[str, Any]) -> Waiting:
        """`anomaly.inject`."""
        asked = checked(Inject, arguments)
        one = injection(asked.fault, asked.strength, asked.seconds, self._context.rate, seed=asked.seed)
        self._guard.begin(one)
        moved_s, frames = self._context.clock.monotonic_ns() / 1e9, self._guard.frames
        try:
            while not one.ends(self._guard.position):
                yield None
                now_s = self._context.clock.monotonic_ns() / 1e9
                if self._guard.frames != frames:
                    moved_s, frames = now_s, self._guard.frames
                elif now_s - moved_s > STILL_S:
                    raise RequestError("not_ready", "there is no sound at present", "see `status`")
        finally:
            self._guard.stop_injecting(one)
        return Answer(one.report())

    def _found(self, id_: int | None) -> Generator[object, None, Alert]:
        """The alert of that number, or the last that people were told of; raises RequestError."""
        alert = self._guard.recent(id_)
        if alert is None:
            question = AlertTable.newest if id_ is None else (lambda table: table.get(id_))
            alert = yield from awaited(self._guard.archive.ask(question))
        if alert is None:
            what = f"there is no alert {id_}" if id_ is not None else "there was no alert so far"
            raise RequestError("bad_request", what, "see anomaly.list")
        return self._guard.recent(alert.id) or dataclasses.replace(alert)
