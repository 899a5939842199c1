"""The operations `features.*`: what clients may ask of the store."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Final

import numpy as np
from pydantic import Field

from ag06_plugins.features.house import House, unreadable
from ag06_plugins.features.looking import Waiting, bounded, joining, looking
from ag06_plugins.features.store.database import dead_letters
from ag06_plugins.features.store.registry import differences
from ag06_plugins.shared.arguments import Arguments, checked
from ag06d.plugin import Answer, Command, Entity, FeatureService, FeatureView, RequestError, Status, To

JUST_NOW_NS: Final = 1_000_000  # beyond now, for the clocks that times are of are read apart
DAY_S: Final = 86_400.0
HISTORY_S: Final = 60.0
POINTS: Final = 600  # of a history that nobody said more of
POINTS_MAX: Final = 10_000
LETTERS_MAX: Final = 1000
MOMENT_MAX: Final = 1 << 62  # nanoseconds since the epoch, in 2116
ENTITIES_MAX: Final = 1000  # that one request may be of
FEATURES_MAX: Final = 4096

Moment = Annotated[int, Field(ge=0, le=MOMENT_MAX)]
EntityRows = tuple[dict[str, str], ...]


class Carrying(Arguments):
    """Arguments of an operation, with the arrays that came with them."""

    arrays: list[Any] = Field(default_factory=list)


class Asked(Carrying):
    """Features by reference, or by the name of a service."""

    features: tuple[str, ...] = Field(default=(), max_length=FEATURES_MAX)
    service: str = ""

    def wanted(self) -> Sequence[str] | str:
        """As the store takes it; raises RequestError."""
        if bool(self.features) == bool(self.service):
            raise RequestError("bad_request", "either features or a service", 'such as service: "glance"')
        return self.service or self.features


class Get(Asked):
    """`features.get`."""

    entities: EntityRows = Field(default=({"stream": "dry"},), max_length=ENTITIES_MAX)


class History(Asked):
    """`features.history`; without a start, the last `seconds`."""

    entities: dict[str, str] = Field(default_factory=lambda: {"stream": "dry"})
    start_ns: Moment | None = None
    end_ns: Moment | None = None
    seconds: float = Field(default=HISTORY_S, gt=0, le=3660 * DAY_S)
    points: int = Field(default=POINTS, ge=1, le=POINTS_MAX)


class Join(Asked):
    """`features.join`: `arrays[0]` are the moments, `entities` which for each, or for all."""

    entities: Mapping[str, str | list[str]] = Field(default_factory=lambda: {"stream": "dry"})
    as_known: bool = False


class Push(Carrying):
    """`features.push`: `arrays[0]` are the rows, `arrays[1]` their moments; or `values`, one row for now."""

    view: str
    entity: str
    values: tuple[float, ...] = ()
    to: To = "online_and_offline"


class Named(Carrying):
    """The name of a view or a service."""

    name: str


class Diff(Carrying):
    """`features.diff`."""

    before: str
    after: str


class Apply(Carrying):
    """`features.apply`."""

    views: tuple[FeatureView, ...] = ()
    services: tuple[FeatureService, ...] = ()
    entities_: tuple[Entity, ...] = Field(default=(), alias="entities")


class Materialize(Carrying):
    """`features.materialize`."""

    view: str
    start_ns: Moment = 0
    end_ns: Moment | None = None


class Letters(Carrying):
    """`features.dead_letters`."""

    view: str = ""
    most: int = Field(default=100, ge=1, le=LETTERS_MAX)


class Commands:
    """The operations on one store."""

    def __init__(self, house: House) -> None:
        self._house, self._store = house, house.store

    def all(self) -> Iterable[Command]:
        """Each with its documentation."""
        features = "references, such as level:mid.rms_db, mfcc or level@1:mid.rms_db"
        which = {"features": features, "service": "the name of a service, instead of features"}
        return [
            Command("list", self.list, "Names of views, services and entities", direct=True),
            Command(
                "describe",
                self.describe,
                "A view in all its versions, or a service",
                {"name": "of a view, of a view@version, or of a service"},
                direct=True,
            ),
            Command(
                "get",
                self.get,
                "The newest values: arrays of values (rows, features), statuses and event times",
                {**which, "entities": 'rows such as {"stream": "dry"}; that is the default'},
                direct=True,
            ),
            Command(
                "history",
                self.history,
                "Values over time, averaged to so many points: for each view arrays of times and values",
                {
                    **which,
                    "entities": 'which, such as {"stream": "dry"}; that is the default',
                    "start_ns": "nanoseconds since the epoch; without, `seconds` before the end",
                    "end_ns": "likewise; without, now",
                    "seconds": f"how long; {HISTORY_S:g}",
                    "points": f"at most so many of each view; {POINTS}",
                },
                direct=True,
            ),
            Command(
                "join",
                self.join,
                "What was known at each of many moments, never from after: an array of values",
                {
                    **which,
                    "entities": "entity to which one, or to a list, one for each moment",
                    "arrays": "the moments: int64, nanoseconds since the epoch",
                    "as_known": "leave out what came later than the moment, though it is of before",
                },
                direct=True,
            ),
            Command(
                "push",
                self.push,
                "Add rows; answered when a kill of the daemon cannot lose them",
                {
                    "view": "NAME or NAME@VERSION",
                    "entity": "which one, such as dry",
                    "arrays": "rows (n, columns), and int64 times (n,), nanoseconds since the epoch",
                    "values": "one row for now, instead of arrays",
                    "to": "online, offline or online_and_offline",
                },
                direct=True,
            ),
            Command(
                "apply",
                self.apply,
                "Declare views, services and entities; what could not be is in `problems`",
                {"views": "FeatureViews", "services": "FeatureServices", "entities": "Entities"},
                direct=True,
            ),
            Command(
                "diff",
                self.diff,
                "What is different between two versions of a view",
                {"before": "NAME@VERSION", "after": "NAME@VERSION"},
                direct=True,
            ),
            Command(
                "materialize",
                self.materialize,
                "Have the newest row of each entity online that is kept offline",
                {"view": "NAME or NAME@VERSION", "start_ns": "from when on", "end_ns": "until when"},
                direct=True,
            ),
            Command(
                "dead_letters",
                self.dead_letters,
                "Rows that were rejected, the newest first, with the reason",
                {"view": "NAME@VERSION, or all", "most": "how many; 100"},
                direct=True,
            ),
            Command(
                "status", self.status, "How fresh each view is, what is kept, and what is wrong", direct=True
            ),
        ]

    def list(self, _: Mapping[str, Any]) -> Mapping[str, Any]:
        """`features.list`."""
        registry = self._store.registry
        return {
            "views": {
                key: {
                    "entity": view.entity,
                    "columns": len(view.columns),
                    "source": view.source,
                    "period_s": view.period_s,
                    "description": view.description,
                }
                for key, view in registry.views.items()
            },
            "services": {
                name: {"features": list(service.features), "description": service.description}
                for name, service in registry.services.items()
            },
            "entities": {name: entity.description for name, entity in registry.entities.items()},
        }

    def describe(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """`features.describe`."""
        name = checked(Named, arguments).name
        registry = self._store.registry
        if name in registry.services:
            return {"services": [registry.services[name].model_dump(mode="json")], "views": []}
        if "@" in name:
            views = [registry.view(name)]
        else:
            registry.newest(name)
            views = [view for view in registry.views.values() if view.name == name]
        return {"services": [], "views": [view.model_dump(mode="json") for view in views]}

    def get(self, arguments: Mapping[str, Any]) -> Answer:
        """`features.get`."""
        asked = checked(Get, arguments)
        found = self._store.get_online_features(asked.wanted(), asked.entities)
        body = {"names": list(found.names), "statuses": [status.name for status in Status]}
        return Answer(body, [found.values, found.statuses, found.event_ns])

    def history(self, arguments: Mapping[str, Any]) -> Waiting:
        """`features.history`."""
        asked = checked(History, arguments)
        references = self._store.references(asked.wanted())
        bounded(self._house, references, asked.points)  # or it is wrong at once
        end_ns = asked.end_ns if asked.end_ns is not None else self._house.timeline.now_ns() + JUST_NOW_NS
        start_ns = asked.start_ns if asked.start_ns is not None else end_ns - round(asked.seconds * 1e9)
        body = {
            "features": list(references),
            "entities": asked.entities,
            "start_ns": start_ns,
            "end_ns": end_ns,
            "points": asked.points,
        }
        return (yield from looking(self._house, "history", body))

    def join(self, arguments: Mapping[str, Any]) -> Waiting:
        """`features.join`."""
        asked = checked(Join, arguments)
        if len(asked.arrays) != 1:
            raise RequestError("bad_request", "arrays: one of moments", "int64, nanoseconds since the epoch")
        return joining(self._house, asked.wanted(), asked.entities, asked.arrays[0], as_known=asked.as_known)

    def push(self, arguments: Mapping[str, Any]) -> Waiting:
        """`features.push`."""
        asked = checked(Push, arguments)
        if bool(asked.arrays) == bool(asked.values):
            raise RequestError("bad_request", "either arrays or values", "rows, and their times")
        rows, times_ns, *_ = [*asked.arrays, None] if asked.arrays else (np.array(asked.values), None)
        found = self._store.check(asked.view, asked.entity, rows, times_ns)
        batches = [found.batch] if found.batch is not None else []
        if self._house.writer is not None and asked.to != "online":
            ticket = self._house.writer.push(batches, found.letters)
            while not ticket.done:
                yield
            if ticket.error is not None:
                raise ticket.error
        elif asked.to == "offline":
            raise RequestError("not_ready", "nothing is kept on the disk", "see features.status")
        if found.batch is not None and asked.to != "offline":
            self._store.take(found.batch)
        rejected = [{"index": entry.index, "reason": entry.reason} for entry in found.pushed.rejected]
        return Answer({"accepted": found.pushed.accepted, "rejected": rejected[:100]})

    def apply(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """`features.apply`."""
        asked = checked(Apply, arguments)
        return {"problems": self._house.declare(asked.views, asked.services, asked.entities_)}

    def diff(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """`features.diff`."""
        asked = checked(Diff, arguments)
        before, after = (self._store.registry.view(name) for name in (asked.before, asked.after))
        return {
            "before": before.key,
            "after": after.key,
            "differences": list(differences(before, after)),
            "same_meaning": not list(differences(before, after, free=False)),
        }

    def materialize(self, arguments: Mapping[str, Any]) -> Waiting:
        """`features.materialize`."""
        asked = checked(Materialize, arguments)
        view = self._store.registry.view(asked.view)
        end_ns = asked.end_ns if asked.end_ns is not None else self._house.timeline.now_ns() + JUST_NOW_NS
        body = {"view": view.key, "start_ns": asked.start_ns, "end_ns": end_ns}
        found = yield from looking(self._house, "materialize", body)
        times_ns, created_ns, rows = found.arrays
        taken = self._store.materialize(view, found.body["entities"], times_ns, created_ns, rows)
        return Answer({"view": view.key, "entities": taken})

    def dead_letters(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """`features.dead_letters`."""
        asked = checked(Letters, arguments)
        view = self._store.registry.view(asked.view).key if asked.view else ""
        try:
            letters = list(dead_letters(self._store.folder, view, asked.most))
        except sqlite3.Error as error:
            raise unreadable(error) from error
        return {
            "dead_letters": [
                {
                    "view": letter.view,
                    "entity": letter.entity,
                    "event_ns": letter.event_ns,
                    "created_ns": letter.created_ns,
                    "reason": letter.reason,
                }
                for letter in letters
            ]
        }

    def status(self, _: Mapping[str, Any]) -> Mapping[str, Any]:
        """`features.status`."""
        return self._house.status()
