"""Making and mapping the arena, a memfd that is handed to children by file descriptor."""

from __future__ import annotations

import fcntl
import mmap
import os
from typing import Any

from ag06d._native import ffi, lib
from ag06d.arena.parameters import ChainValues, design
from ag06d.errors import ArenaError

SLOTS = ("a", "b")
F_ADD_SEALS, F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW = 1033, 1, 2, 4  # linux/fcntl.h; Python has no names
_WRONG = {
    1: "this is no arena",
    2: f"the arena has another layout than version {lib.AG06_LAYOUT_VERSION} of this program",
    3: "the arena is larger than what is mapped",
}


class SharedMemory:
    """A memfd mapped into this process as a C struct.

    The mapping lasts as long as the object; `pointer` must not be used after `close()`.
    """

    def __init__(self, fd: int, size: int, ctype: str, *, writable: bool) -> None:
        self.fd = fd
        self.size = size
        protection = mmap.PROT_READ | (mmap.PROT_WRITE if writable else 0)
        self._map = mmap.mmap(fd, size, flags=mmap.MAP_SHARED | mmap.MAP_POPULATE, prot=protection)
        self._buffer: Any = ffi.from_buffer(self._map)
        self.pointer: Any = ffi.cast(ctype, self._buffer)

    def close(self) -> None:
        """Unmap the memory and close the descriptor."""
        ffi.release(self._buffer)
        self._map.close()
        os.close(self.fd)


def memfd(name: str, size: int) -> int:
    """A new zeroed shared memory of `size` bytes, that exec closes unless it is passed on."""
    fd = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(fd, size)
    os.fchmod(fd, 0o400)
    # A holder that could make it smaller could end every other one by SIGBUS.
    fcntl.fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW)
    return fd


class Arena:
    """The arena as one process sees it."""

    def __init__(self, memory: SharedMemory, read_only_fd: int | None = None) -> None:
        self._memory = memory
        self.pointer = memory.pointer
        self.read_only_fd = memory.fd if read_only_fd is None else read_only_fd

    @classmethod
    def create(cls, rate: int, seconds: float) -> Arena:
        """A new arena whose rings hold at least `seconds` at `rate` frames per second; both slots neutral."""
        size = lib.ag06_arena_bytes(rate, seconds)
        memory = SharedMemory(memfd("ag06-arena", size), size, "ag06_arena *", writable=True)
        lib.ag06_arena_init(memory.pointer, rate, seconds)
        return cls(memory, os.open(f"/proc/self/fd/{memory.fd}", os.O_RDONLY | os.O_CLOEXEC))

    @classmethod
    def attach(cls, fd: int, *, writable: bool = False) -> Arena:
        """Map the arena behind `fd`, which becomes ours; raises ArenaError if it is not one we can read."""
        size = os.fstat(fd).st_size
        if size < ffi.sizeof("ag06_arena"):
            raise ArenaError(f"arena of {size} bytes: {_WRONG[1]}")
        memory = SharedMemory(fd, size, "ag06_arena *", writable=writable)
        if wrong := lib.ag06_arena_check(memory.pointer, size):
            memory.close()
            raise ArenaError(f"arena of {size} bytes: {_WRONG[wrong]}")
        return cls(memory)

    @property
    def fd(self) -> int:
        """The descriptor for the audio process; the hosts get `read_only_fd`, which maps no other way."""
        return self._memory.fd

    @property
    def rate(self) -> int:
        """Frames per second."""
        return int(self.pointer.rate)

    @property
    def head(self) -> int:
        """Position after the newest frame that left the chain."""
        return int(lib.ag06_ring_head(ffi.addressof(self.pointer, "wet")))

    @property
    def capacity(self) -> int:
        """Frames that each ring holds."""
        return int(self.pointer.dry.capacity)

    @property
    def oldest(self) -> int:
        """Position of the oldest frame that both rings still hold."""
        return int(self.pointer.dry.begin.raw)

    @property
    def latency(self) -> int:
        """Frames by which the chain delays its input, in both slots and for every setting."""
        return int(lib.ag06_chain_latency(self.rate))

    def publish_chain(self, slot: str, values: ChainValues, sequence: int) -> None:
        """Give the callback slot `slot`'s new parameters; it crossfades, then echoes `sequence`."""
        block = design(values, self.rate)
        block.sequence = sequence
        lib.ag06_params_publish(ffi.addressof(self.pointer.params, SLOTS.index(slot)), block)

    def applied(self, slot: str) -> tuple[int, int]:
        """Sequence of the parameters in effect in `slot`, and the position at which their crossfade began."""
        params = self.pointer.params[SLOTS.index(slot)]
        return int(params.taken.raw), int(params.taken_position.raw)

    def switch(self, *, mute: bool, bypass: bool, slot: str) -> None:
        """Ask for mute, bypass and the slot to be heard; the callback crossfades."""
        word = lib.AG06_SWITCH_MUTE * mute | lib.AG06_SWITCH_BYPASS * bypass
        lib.ag06_arena_switch(self.pointer, word | lib.AG06_SWITCH_SLOT_B * (slot == "b"))

    def rewind_params(self) -> None:
        """Make the parameter buffers whole again after a callback died at an unknown place."""
        lib.ag06_arena_rewind_params(self.pointer)

    def close(self) -> None:
        """Unmap the arena."""
        if self.read_only_fd != self._memory.fd:
            os.close(self.read_only_fd)
        self._memory.close()
