"""A copy of the daemon's state tree, kept in step by a snapshot and the changes after it. No sockets here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from ag06d import wire
from ag06d.tree import flatten

TOPICS: Final = ("state.", "heartbeat.")  # a heartbeat tells the revision, so that a lost last change shows


@dataclass(frozen=True, slots=True)
class StateChange:
    """What changed in the state tree: path to new value; several changes at once after a gap."""

    revision: int
    values: dict[str, Any]
    boot_changed: bool = False


class Mirror:
    """The state tree as it is known: read it like a mapping of paths, `mirror["audio.mute"]`.

    `boot` and `revision` say of which run and which state; `stale` is true while the daemon is known to
    have gone on and was not asked again yet.
    """

    def __init__(self) -> None:
        self.boot = ""
        self.revision = -1
        self.stale = True
        self._values: dict[str, Any] = {}
        self._former: set[str] = set()  # runs that are over, of which a message may still be under way

    def __getitem__(self, path: str) -> Any:  # noqa: ANN401 - a leaf
        """The value of a leaf; raises KeyError."""
        return self._values[path]

    @property
    def values(self) -> Mapping[str, Any]:
        """Path to value of every leaf."""
        return MappingProxyType(self._values)

    def begin(self, snapshot: Mapping[str, Any]) -> StateChange | None:
        """Take in the answer to `snapshot`; what is different from what was known, None if nothing is."""
        values, before = flatten(snapshot["state"]), self._values
        boot_changed = bool(self.boot) and snapshot["boot"] != self.boot
        if boot_changed:
            self._former.add(self.boot)
        self.boot, self.revision, self.stale = snapshot["boot"], snapshot["revision"], False
        self._values = values
        changed = {
            path: value for path, value in values.items() if path not in before or before[path] != value
        }
        if not before or not (changed or boot_changed):
            return None
        return StateChange(self.revision, changed, boot_changed)

    def take(self, message: wire.Message) -> StateChange | None:
        """Take in a message of one of TOPICS; what it changed. A gap or a new run makes the mirror stale."""
        boot, revision = message.header["boot"], message.body["revision"]
        if boot in self._former or (boot == self.boot and revision <= self.revision):
            return None
        if boot != self.boot or message.topic != "state." or revision != self.revision + 1:
            self.stale = True
            return None
        self.revision = revision
        self._values |= message.body["changes"]
        return StateChange(revision, dict(message.body["changes"]))
