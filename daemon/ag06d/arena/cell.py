"""The cell in which a plugin host reports: written by the host, read by ag06d even after it died."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Any

from ag06d._native import ffi, lib
from ag06d.arena.memory import SharedMemory, memfd

PLUGINS_MAX: int = lib.AG06_HOST_PLUGINS
UINT64_MAX = (1 << 64) - 1


class PluginState(IntEnum):
    """A plugin's state as the host writes it into the cell."""

    STARTING = 0
    RUNNING = 1
    DEGRADED = 2
    QUARANTINED = 3
    REFUSED = 4


_STATES = {int(state): state for state in PluginState}


class HostCell:
    """One host's cell, as host or as ag06d sees it."""

    def __init__(self, fd: int | None = None) -> None:
        """Map the cell behind `fd`, or make a new one."""
        size = ffi.sizeof("ag06_host_cell")
        shared = memfd("ag06-cell", size) if fd is None else fd
        self._memory = SharedMemory(shared, size, "ag06_host_cell *", writable=True)
        self.pointer = self._memory.pointer

    @property
    def fd(self) -> int:
        """The descriptor to hand to a child."""
        return self._memory.fd

    @property
    def position(self) -> int:
        """The next frame the host will read."""
        return int(self.pointer.position.raw)

    @property
    def lost_frames(self) -> int:
        """Frames by which the rings overtook the host."""
        return int(self.pointer.lost.raw)

    @property
    def beat_ns(self) -> int:
        """CLOCK_MONOTONIC when its loop last turned."""
        return int(self.pointer.beat_ns.raw)

    def inside(self) -> tuple[int, int] | None:
        """Index of the plugin that the host is in and when it entered; None outside of any."""
        current = int(self.pointer.current.raw)
        if not 0 < current <= PLUGINS_MAX:  # a plugin shares the memory, and may have scribbled
            return None
        return current - 1, int(self.pointer.entered_ns.raw)

    def restart(self, position: int) -> None:
        """Ready the cell for a new process that will read from `position`; accounts go on."""
        self.pointer.current.raw = 0
        self.pointer.position.raw = position
        self.pointer.beat_ns.raw = lib.ag06_now_ns()

    def skip(self, frames: int) -> None:
        """Pass over frames that the host was at when it ended; they count as lost. While no host runs."""
        if self.pointer.position.raw:
            self.pointer.position.raw = (self.position + frames) & UINT64_MAX
            self.pointer.lost.raw = (self.lost_frames + frames) & UINT64_MAX

    def follow(self, other: HostCell) -> None:
        """Go on where the host of `other` left off, with its account of lost frames."""
        self.restart(other.position)
        self.pointer.lost.raw = other.lost_frames

    def adopt(self, index: int, other: HostCell, at: int) -> None:
        """Go on with the account that `other` has of its plugin `at`, as that of plugin `index`."""
        self.pointer.plugins[index] = other.pointer.plugins[at]

    def join(self, others: Sequence[HostCell]) -> None:
        """Go on where the last of `others` is, with what was lost to them; while no host runs."""
        self.pointer.position.raw = min(other.position for other in others)
        lost = max(other.lost_frames for other in others)
        self.pointer.lost.raw = (self.lost_frames + lost) & UINT64_MAX

    def plugin(self, index: int) -> dict[str, Any]:
        """The account of plugin `index`: frames, errors, over_deadline, p99_us, state."""
        account = self.pointer.plugins[index]
        p99_ns = lib.ag06_quantile_u32(account.histogram, 0.99)
        return {
            "frames": int(account.frames.raw),
            "errors": int(account.errors.raw),
            "over_deadline": int(account.over_deadline.raw),
            "p99_us": round(p99_ns / 1000, 1),
            "state": _STATES.get(account.state.raw, PluginState.STARTING).name.lower(),
        }

    def close(self) -> None:
        """Unmap the cell."""
        self._memory.close()
