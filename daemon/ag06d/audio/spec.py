"""What ag06d asks of the audio process, and what its exit status tells ag06d."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ag06d.paths import SHIPPED_RECORDING

RECORDING = "recording"
EXIT_LOST = 3  # the device was lost; start another process
EXIT_FATAL = 4  # trying again at once is of no use


@dataclass(frozen=True, slots=True)
class AudioSpec:
    """Everything that the audio process needs to know at start, as JSON on its stdin."""

    parent: int
    arena_fd: int
    device: str
    block: int
    priority: int
    fallback: str = ""
    loop: bool = True
    lockstep: bool = False
    output: str | None = None
    reader_fds: list[int] = field(default_factory=list)
    sink_fd: int | None = None


def recording_path(device: str) -> Path | None:
    """The file that "recording:PATH" names, or "recording" (the one shipped); None for other devices."""
    if device == RECORDING:
        return SHIPPED_RECORDING
    kind, colon, path = device.partition(":")
    return Path(path).expanduser() if kind == RECORDING and colon else None
