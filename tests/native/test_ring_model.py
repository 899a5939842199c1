"""The ring against a model of it: any order of writes and reads by any number of readers."""

from __future__ import annotations

import numpy as np
from ag06d._native import ffi, lib
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

CAPACITY = 64
FRAME_WORDS = 3
NEVER = 0xFFFF_FFFF_FFFF_FFFF


def frames_at(position: int, count: int) -> np.ndarray:
    """Frames that say where they belong, each word in another way."""
    words = np.arange(position, position + count, dtype=np.uint64)[:, None]
    return words * np.array([1, 3, 5], np.uint64) + np.array([0, 7, 11], np.uint64)


class Reader:
    """A reader of the ring and what it has been told."""

    def __init__(self, start: int) -> None:
        self.start = start
        self.read = 0
        self.cursor = ffi.new("uint64_t *", start)
        self.lost = ffi.new("uint64_t *", 0)


class RingMachine(RuleBasedStateMachine):
    """The model is a number: frames written. All that a reader may be told follows from it."""

    readers = Bundle("readers")

    @initialize()
    def make(self) -> None:
        header = ffi.sizeof("ag06_ring")
        self.memory = np.zeros(header + CAPACITY * FRAME_WORDS * 8, np.uint8)
        self.ring = ffi.cast("ag06_ring *", self.memory.ctypes.data)
        self.written = 0
        self.all: list[Reader] = []
        lib.ag06_ring_init(self.ring, CAPACITY, FRAME_WORDS * 8, header)

    @rule(target=readers, back=st.integers(0, 2 * CAPACITY))
    def join(self, back: int) -> Reader:
        self.all.append(Reader(max(0, self.written - back)))
        return self.all[-1]

    @rule(count=st.integers(0, CAPACITY))
    def write(self, count: int) -> None:
        frames = np.ascontiguousarray(frames_at(self.written, count))
        lib.ag06_ring_write(self.ring, ffi.from_buffer(frames), count)
        self.written += count

    @rule(reader=readers, count=st.integers(1, CAPACITY // 2))
    def read(self, reader: Reader, count: int) -> None:
        out = np.full((count, FRAME_WORDS), NEVER, np.uint64)
        cursor, lost = reader.cursor[0], reader.lost[0]
        oldest = max(0, self.written - CAPACITY)

        status = lib.ag06_ring_read(self.ring, reader.cursor, ffi.from_buffer(out), count, reader.lost)

        moved = reader.cursor[0] - cursor
        if cursor + count > self.written:
            assert status == lib.AG06_RING_EMPTY
            assert moved == 0
            assert (out == NEVER).all()
        elif cursor < oldest:
            halfway = max(oldest, self.written - CAPACITY // 2)
            assert status == lib.AG06_RING_LAPPED
            assert moved == -(-(halfway - cursor) // count) * count
            assert reader.lost[0] - lost == moved
        else:
            assert status == lib.AG06_RING_OK
            assert moved == count
            assert (out == frames_at(cursor, count)).all()
            reader.read += count

    @invariant()
    def every_frame_is_read_lost_or_pending(self) -> None:
        assert lib.ag06_ring_head(self.ring) == self.written
        for reader in self.all:
            pending = self.written - reader.cursor[0]
            assert pending >= 0
            assert self.written - reader.start == reader.read + reader.lost[0] + pending


TestRing = RingMachine.TestCase
TestRing.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
