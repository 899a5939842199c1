"""What an operation is: its name, its arguments, its meaning; and what all of them need of the daemon."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict

from ag06d.core.history import History
from ag06d.core.presets import PresetLibrary
from ag06d.core.recordings import Recordings
from ag06d.core.state import StateTree
from ag06d.wire import Reply, Request


class Arguments(BaseModel):
    """The body of a request."""

    model_config = ConfigDict(extra="ignore", strict=True, use_attribute_docstrings=True)


class NoArguments(Arguments):
    """An empty body."""


class Daemon(Protocol):
    """What the operations need of the daemon."""

    state: StateTree
    presets: PresetLibrary
    history: History
    recordings: Recordings

    @property
    def boot(self) -> str:
        """Identity of this run of the daemon."""

    def status(self) -> dict[str, Any]:
        """The document of `status`."""

    def meters(self) -> dict[str, Any]:
        """The newest levels and loudness."""

    def reset_meters(self) -> int:
        """Have the integrated measures begin afresh; the number that `meters` echoes in `resets`."""

    def sequences(self) -> dict[str, int]:
        """Sequence of the newest parameters of each slot."""

    def topics(self) -> dict[str, dict[str, Any]]:
        """Topics that plugins registered."""

    def plugin_commands(self) -> dict[str, dict[str, Any]]:
        """Operations that plugins registered."""

    async def plugin_command(self, request: Request) -> Reply:
        """Have a plugin answer."""

    def announce(self, topic: str, body: dict[str, Any]) -> None:
        """Publish on `events`."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation; `run` is given the checked arguments and whether it is a dry run."""

    name: str
    doc: str
    run: Callable[[Any, bool], dict[str, Any] | Awaitable[dict[str, Any]]]
    arguments: type[Arguments] = NoArguments


def changed(daemon: Daemon, changes: dict[str, Any]) -> dict[str, Any]:
    """The answer to what changes the state tree."""
    return {
        "revision": daemon.state.revision,
        "changed": changes,
        "sequences": daemon.sequences(),
        "history": daemon.history.depth(),
    }
