"""An engine to run sound through, for the tests of native/ that need Python's mathematics."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ag06d._native import ffi, lib

FADE_IN_S = 0.0175  # a stream begins in silence: look-ahead, fade, and a few frames to spare


class Engine:
    """The chain of slot A, through the same callback that a sound card calls."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self.latency = lib.ag06_chain_latency(rate)
        self.settled = round(FADE_IN_S * rate)  # frames
        self.settings = ffi.new("ag06_chain_settings *")
        lib.ag06_chain_neutral(self.settings)
        self._arena_memory = aligned(lib.ag06_arena_bytes(rate, 0.1))
        self._engine_memory = aligned(lib.ag06_engine_bytes())
        self._arena = ffi.cast("ag06_arena *", self._arena_memory.ctypes.data)
        self._engine = ffi.cast("ag06_engine *", self._engine_memory.ctypes.data)

    def run(self, signal: np.ndarray) -> np.ndarray:
        """What comes out for `signal` (frames, 2), float32, with the chain's delay taken away.

        The engine is begun afresh and fed silence while it fades in, so that the first frame of the
        answer belongs to the first frame of the signal.
        """
        silence = np.zeros((self.settled, 2), np.float32)
        tail = np.zeros((self.latency, 2), np.float32)
        frames = np.ascontiguousarray(np.concatenate([silence, signal, tail]), np.float32)
        output = np.empty_like(frames)
        block = ffi.new("ag06_chain_block *")

        self._arena_memory[:] = 0
        lib.ag06_arena_init(self._arena, self.rate, 0.1)
        lib.ag06_chain_design(self.settings, self.rate, block)
        lib.ag06_params_publish(ffi.addressof(self._arena.params[0]), block)
        lib.ag06_arena_rewind_params(self._arena)
        lib.ag06_engine_init(self._engine, self._arena, 0)
        lib.ag06_callback(
            ffi.from_buffer(frames), ffi.from_buffer(output), len(frames), ffi.NULL, 0, self._engine
        )
        assert self._arena.stats.nan_trips.raw == 0
        return output[self.settled + self.latency :]


def aligned(size: int) -> np.ndarray:
    """Zeroed bytes that begin at a page."""
    memory = np.zeros(size + 4096, np.uint8)
    start = -memory.ctypes.data % 4096
    return memory[start : start + size]


@pytest.fixture
def engine() -> Any:
    """Makes an engine: `engine(rate)`."""
    return Engine
