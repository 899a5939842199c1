"""What ag06d asks of a host process, as JSON on its stdin."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

HOP_S = 0.01


@dataclass(frozen=True, slots=True)
class PluginSpec:
    """One plugin of the host; `index` is its place in the cell."""

    name: str
    index: int
    config: dict[str, Any]


@dataclass(frozen=True, slots=True)
class HostSpec:
    """Everything that a host needs to know at start. `position`: first frame to read, null for the newest."""

    parent: int
    name: str
    arena_fd: int
    cell_fd: int
    socket: str
    plugins: list[PluginSpec]
    state_folder: str
    plugin_folder: str
    lockstep: bool
    position: int | None
    scheduling: str
    nice: int
    memory_mb: int
    deadline_ms: float
    max_errors: int
    log_level: str

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> HostSpec:
        """From what `dataclasses.asdict` made."""
        plugins = [PluginSpec(**plugin) for plugin in document.pop("plugins")]
        return cls(plugins=plugins, **document)


def hop_frames(rate: int) -> int:
    """Frames of one hop of 10 ms."""
    return round(rate * HOP_S)


@dataclass(slots=True)
class Inspection:
    """What is known of a plugin that was loaded and not run. Paths are within its section.

    `refused`   why it cannot run, empty if nothing speaks against it
    `errors`    pydantic's, with `loc`, `type`, `msg` and `input`
    `ignored`   paths that are set and that its model takes no notice of
    `keys`      pairs of a section's path and the keys that it may have
    `secrets`   paths of settings of a secret type
    `settings`  all that it would run with, secrets as stars; None where that cannot be told
    """

    refused: str = ""
    errors: list[dict[str, Any]] = field(default_factory=list)
    ignored: list[list[str]] = field(default_factory=list)
    keys: list[list[list[str]]] = field(default_factory=list)
    secrets: list[list[str]] = field(default_factory=list)
    settings: dict[str, Any] | None = None

    def document(self) -> dict[str, Any]:
        """As JSON can carry it."""
        return asdict(self)
