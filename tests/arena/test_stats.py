from __future__ import annotations

import math

import numpy as np
import pytest
from ag06d._native import ffi, lib
from hypothesis import given
from hypothesis import strategies as st

from ag06d.arena import Arena, AudioStats, BlockFollower
from ag06d.arena.stats import SILENCE_DB, decibels
from ag06d.audio.stream import Engine

RATE = 48000
SECOND = 10**9
BLOCK = 128


@pytest.fixture(scope="module")
def arena():
    arena = Arena.create(RATE, 0.1)
    yield arena
    arena.close()


@pytest.fixture(scope="module")
def stats(arena):
    return AudioStats(arena)


def began(arena, start_ns: int, last_ns: int) -> None:
    counters = arena.pointer.stats
    counters.stream_start_ns.raw, counters.last_entry_ns.raw = start_ns, last_ns
    counters.last_frames.raw = BLOCK


@given(ran_ns=st.integers(0, 1000 * SECOND))
def test_expected_frames_are_counted_by_the_clock_to_the_end_of_the_newest_block(arena, stats, ran_ns):
    last = lib.ag06_now_ns() + 1000 * SECOND  # so that it is not overdue, however slow this test
    began(arena, last - ran_ns, last)
    assert stats.expected_frames() == round(ran_ns * RATE / SECOND) + BLOCK


def test_expected_frames_go_on_growing_when_callbacks_are_overdue(arena, stats):
    last = lib.ag06_now_ns() - 10 * SECOND
    began(arena, last - SECOND, last)
    before = (lib.ag06_now_ns() - last + SECOND) * RATE / SECOND
    expected = stats.expected_frames()
    after = (lib.ag06_now_ns() - last + SECOND) * RATE / SECOND
    assert math.floor(before) <= expected - BLOCK <= math.ceil(after)


@pytest.mark.parametrize(("start", "last"), [(0, 0), (0, 5 * SECOND), (9 * SECOND, 5 * SECOND)])
def test_nothing_is_expected_before_the_streams_first_callback(arena, stats, start, last):
    began(arena, start, last)
    assert stats.expected_frames() == 0


def test_a_stream_that_has_not_begun_has_no_frames_and_is_silent_for_ever(arena, stats):
    began(arena, 0, 0)
    assert stats.frames() == 0
    assert stats.silent_s() == math.inf


def test_levels_are_those_of_the_sound_since_the_last_time():
    arena = Arena.create(RATE, 0.1)
    engine, follower = Engine(arena, 0), BlockFollower(arena)
    assert follower.collect() is None
    quiet, loud = np.full((BLOCK, 2), 0.25, np.float32), np.full((2 * BLOCK, 2), 0.5, np.float32)
    quiet[:, 1], loud[:, 1] = 0.125, 0
    loud[7, 0] = -0.75
    for sound in (quiet, loud):
        output = np.empty_like(sound)
        lib.ag06_callback(
            ffi.from_buffer(sound), ffi.from_buffer(output), len(sound), ffi.NULL, 0, engine.pointer
        )
    levels = follower.collect()
    both = np.concatenate([quiet, loud]).astype(float)
    assert levels["frames"] == 3 * BLOCK
    assert levels["dry"]["peak_db"] == pytest.approx(20 * np.log10(np.abs(both).max(axis=0)), abs=0.006)
    rms = np.sqrt((both**2).mean(axis=0))
    assert levels["dry"]["rms_db"] == pytest.approx(20 * np.log10(rms), abs=0.006)
    assert follower.collect() is None
    document = AudioStats(arena).document()
    assert (document["callbacks"], document["frames"], document["streams"]) == (2, 3 * BLOCK, 1)
    del engine
    arena.close()


@given(st.floats(0, 1e6))
def test_decibels_are_finite_and_end_at_silence(linear):
    assert decibels(linear) >= SILENCE_DB
    if linear > 1e-9:
        assert 10 ** (decibels(linear) / 20) == pytest.approx(linear)
