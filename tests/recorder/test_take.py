from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from ag06d._native import ffi, lib
from hypothesis import given
from hypothesis import strategies as st

from ag06d.arena import Arena
from ag06d.audio.stream import Engine
from ag06d.recorder.take import Take

RATE = 48000
BLOCK = 480


class Source:
    """A device whose every dry frame tells its own position: left counts, right is its half."""

    def __init__(self) -> None:
        self.arena = Arena.create(RATE, 0.5)
        self._engine = Engine(self.arena, 0)

    def play(self, frames: int) -> None:
        while frames:
            block = min(frames, BLOCK)
            sound = at(self.arena.head, block)
            output = np.zeros_like(sound)
            pointers = (ffi.from_buffer(sound), ffi.from_buffer(output))
            lib.ag06_callback(*pointers, block, ffi.NULL, 0, self._engine.pointer)
            frames -= block


def at(position: int, frames: int) -> np.ndarray:
    """The dry frames at a position; none is silent."""
    count = np.arange(position, position + frames) % 4093 + 1
    return np.column_stack([count, count / 2]).astype(np.float32) / 8192


@contextmanager
def playing() -> Iterator[Source]:
    source = Source()
    yield source
    source.arena.close()


def everything(take: Take, end: int | None) -> tuple[np.ndarray, int]:
    """What can be had at once, silence in the place of what was lost, and how much that was."""
    parts, lost = [], 0
    while (end is None or take.position < end) and (piece := take.next(end, 0)) is not None:
        parts += [np.zeros((piece.lost, 2), np.float32), piece.sound.copy()]
        lost += piece.lost
    return np.concatenate(parts) if parts else np.zeros((0, 2), np.float32), lost


def expect(sound: np.ndarray, first: int, lost: int) -> None:
    """Every frame is that of its position, or silent and counted as lost."""
    silent = ~sound.any(axis=1)
    assert silent.sum() == lost
    np.testing.assert_array_equal(sound[~silent], at(first, len(sound))[~silent])


@given(
    before=st.integers(0, 60_000),
    start=st.floats(0, 1),
    turns=st.lists(st.integers(0, 80_000), max_size=5),
    rest=st.integers(0, 10_000),
)
def test_every_frame_to_the_end_is_at_its_place_or_silent_and_counted(before, start, turns, rest):
    with playing() as source:
        source.play(before)
        first = source.arena.oldest + round(start * (source.arena.head - source.arena.oldest))
        take = Take(source.arena, "dry", first)
        parts = []
        for frames in turns:  # more than the ring holds at a time, or less
            source.play(frames)
            parts.append(everything(take, None))
        end = source.arena.head
        source.play(rest)
        parts.append(everything(take, end))
        sound = np.concatenate([part for part, _ in parts])
        assert len(sound) == max(end - first, 0)
        expect(sound, first, sum(lost for _, lost in parts))
        if before + sum(turns) + rest < source.arena.capacity:
            assert sum(lost for _, lost in parts) == 0


def test_no_frame_beyond_the_end_is_taken_though_all_to_it_was_lost():
    with playing() as source:
        source.play(1000)
        take = Take(source.arena, "dry", 900)
        source.play(5 * source.arena.capacity)
        sound, lost = everything(take, 2000)
        assert (len(sound), lost, take.position) == (1100, 1100, 2000)


def test_both_are_dry_and_wet_of_the_same_positions():
    with playing() as source:
        source.play(9000)
        dry, wet, both = (
            Take(source.arena, name, 100).next(8000, 0).sound for name in ("dry", "wet", "both")
        )
        np.testing.assert_array_equal(both, np.hstack([dry, wet]))


def test_what_has_not_come_is_waited_for():
    with playing() as source:
        source.play(100)
        assert Take(source.arena, "wet", 50).next(101, 0) is None


@pytest.mark.parametrize("asked", [0, 20_000])
def test_one_that_begins_where_the_ring_ends_loses_a_moment_and_not_half_the_ring(asked):
    with playing() as source:
        source.play(3 * source.arena.capacity)
        first = source.arena.oldest - asked
        piece = Take(source.arena, "dry", first).next(None, 0)
        assert asked < piece.lost <= asked + RATE // 4
        np.testing.assert_array_equal(piece.sound, at(first + piece.lost, len(piece.sound)))
