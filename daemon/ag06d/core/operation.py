"""What carries an operation out, and what all of them need of the daemon.

Names, meanings, arguments and answers stand in ag06d.wire.vocabulary.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from ag06d.core.history import History
from ag06d.core.hosts import HostSupervisor
from ag06d.core.presets import PresetLibrary
from ag06d.core.recordings import Recordings
from ag06d.core.state import StateTree
from ag06d.wire import Reply, Request

Run = Callable[[Any, bool], dict[str, Any] | Awaitable[dict[str, Any]]]
"""Given the checked arguments, and whether it is a dry run: the reply's body. Raises RequestError."""
Table = Mapping[str, Run]
"""Name of an operation to what carries it out."""


class Daemon(Protocol):
    """What the operations need of the daemon."""

    state: StateTree
    presets: PresetLibrary
    history: History
    recordings: Recordings
    hosts: HostSupervisor

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

    def doors(self) -> dict[str, str]:
        """Plugins that can be asked directly, and their sockets' files."""

    def trace(self, plugin: str, seconds: float) -> None:
        """Publish what happens around a plugin, for so long; raises RequestError."""

    async def plugin_command(self, request: Request) -> Reply:
        """Have a plugin answer."""

    async def reload(self, *, dry_run: bool = False) -> dict[str, Any]:
        """Read the configuration again, and apply what can be applied; raises RequestError."""

    def announce(self, topic: str, body: dict[str, Any]) -> None:
        """Publish on `events`."""


def changed(daemon: Daemon, changes: dict[str, Any]) -> dict[str, Any]:
    """The answer to what changes the state tree."""
    return {
        "revision": daemon.state.revision,
        "changed": changes,
        "sequences": daemon.sequences(),
        "history": daemon.history.depth(),
    }
