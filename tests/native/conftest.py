"""An engine and a meter to run sound through, for the tests of native/ that need Python's mathematics."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from ag06d._native import ffi, lib

FADE_IN_S = 0.0225  # a stream begins in silence: look-ahead, fade, and a few frames to spare
SLOTS = 2


class Engine:
    """Both slots of the chain, through the same callback that a sound card calls."""

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
        self._sequence = 0

    @property
    def stats(self) -> Any:
        """The arena's account."""
        return self._arena.stats

    def begin(self) -> None:
        """A new arena and stream, with `settings` in both slots."""
        self._arena_memory[:] = 0
        lib.ag06_arena_init(self._arena, self.rate, 0.1)
        for slot in range(SLOTS):
            self.publish(slot)
        lib.ag06_arena_rewind_params(self._arena)
        lib.ag06_engine_init(self._engine, self._arena, 0)

    def publish(self, slot: int = 0) -> None:
        """Give a slot what `settings` are now."""
        block = ffi.new("ag06_chain_block *")
        lib.ag06_chain_design(self.settings, self.rate, block)
        self._sequence += 1
        block.sequence = self._sequence
        lib.ag06_params_publish(ffi.addressof(self._arena.params[slot]), block)

    def switch(self, bits: int) -> None:
        """Ask for mute, bypass and slot."""
        lib.ag06_arena_switch(self._arena, bits)

    def feed(self, frames: np.ndarray) -> np.ndarray:
        """One callback: what comes out while `frames` (count, 2) go in."""
        frames = np.ascontiguousarray(frames, np.float32)
        output = np.empty_like(frames)
        lib.ag06_callback(
            ffi.from_buffer(frames), ffi.from_buffer(output), len(frames), ffi.NULL, 0, self._engine
        )
        return output

    def run(self, signal: np.ndarray) -> np.ndarray:
        """What comes out for `signal` (frames, 2), float32, with the chain's delay taken away.

        The engine is begun afresh and fed silence while it fades in, so that the first frame of the
        answer belongs to the first frame of the signal.
        """
        silence = np.zeros((self.settled, 2), np.float32)
        tail = np.zeros((self.latency, 2), np.float32)
        self.begin()
        output = self.feed(np.concatenate([silence, signal, tail]))
        assert self.stats.nan_trips.raw == 0
        return output[self.settled + self.latency :]


class Meter:
    """The meter, with one stereo stream."""

    def __init__(self, rate: int) -> None:
        self.meter = ffi.new("ag06_meter *")
        self._levels = ffi.new("ag06_levels *")
        lib.ag06_meter_init(self.meter, rate)

    @property
    def reading(self) -> Any:
        """The stream's `ag06_reading`."""
        return self.meter.readings[0]

    @property
    def true_peak_db(self) -> float:
        """The larger channel's true peak."""
        return 20 * math.log10(max(self.reading.max_true_peak))

    def blocks(self, sound: np.ndarray, block: int) -> Iterator[Any]:
        """Feed it `sound` (frames, 2), and yield the reading after each block."""
        sound = np.ascontiguousarray(sound, np.float32)
        for start in range(0, len(sound), block):
            part = sound[start : start + block]
            frames = ffi.from_buffer("float[]", part)
            lib.ag06_meter_run(self.meter, frames, ffi.NULL, len(part), self._levels)
            yield self.reading

    def feed(self, sound: np.ndarray) -> Meter:
        """Feed it all of `sound`."""
        for _ in self.blocks(sound, 4096):
            pass
        return self


def aligned(size: int) -> np.ndarray:
    """Zeroed bytes that begin at a page."""
    memory = np.zeros(size + 4096, np.uint8)
    start = -memory.ctypes.data % 4096
    return memory[start : start + size]


@pytest.fixture
def engine() -> Any:
    """Makes an engine: `engine(rate)`."""
    return Engine


@pytest.fixture
def meter() -> Any:
    """Makes a meter: `meter(rate)`."""
    return Meter
