from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from ag06_plugins.shared.timeline import APART_NS, Timeline

EPOCH_NS = 1_700_000_000_000_000_000
HOP_NS = 10_000_000


def test_frames_follow_each_other_by_their_samples_though_they_come_in_bunches(ag06_context, ag06_frames):
    line = Timeline(ag06_context.clock, replay=False)
    generator = np.random.default_rng(0)
    late = generator.integers(0, 25_000_000, 3000)
    frames = [
        dataclasses.replace(frame, mono_ns=frame.mono_ns + int(delay))
        for frame, delay in zip(ag06_frames.silence(30), late, strict=True)
    ]
    ends = np.array([line.end_of(frame) for frame in frames])
    assert np.abs(np.diff(ends) - HOP_NS).max() < 0.03 * HOP_NS
    told = ends - EPOCH_NS + ag06_context.clock.now_ns
    assert np.abs(told - [frame.mono_ns for frame in frames]).max() < 25_000_000


def test_a_device_that_is_fast_is_followed(ag06_context, ag06_frames):
    line = Timeline(ag06_context.clock, replay=False)
    for frame in ag06_frames.silence(60):
        early = dataclasses.replace(frame, mono_ns=round(frame.mono_ns * (1 - 1e-4)))
        end = line.end_of(early)
    assert end - EPOCH_NS + ag06_context.clock.now_ns - early.mono_ns == pytest.approx(0, abs=HOP_NS / 50)


@pytest.mark.parametrize("change", [{"lost": 480}, {"gap_frames": 480}, {}])
def test_after_a_gap_time_is_what_the_clock_says(ag06_context, ag06_frames, change):
    line = Timeline(ag06_context.clock, replay=False)
    before, after, *_ = ag06_frames.silence(1)
    line.end_of(before)
    moved = dataclasses.replace(after, mono_ns=after.mono_ns + (HOP_NS if change else APART_NS + 1), **change)
    assert line.end_of(moved) == EPOCH_NS - ag06_context.clock.now_ns + moved.mono_ns


def test_where_somebody_sets_the_clock_time_follows_at_the_next_look(ag06_context):
    clock = ag06_context.clock
    line = Timeline(clock, replay=False)
    clock.epoch_s += 3600
    assert line.now_ns() == EPOCH_NS
    line.look()
    assert line.now_ns() == EPOCH_NS + 3_600_000_000_000


def test_in_a_replay_time_is_the_recordings_however_fast_it_goes(ag06_context, ag06_frames):
    line = Timeline(ag06_context.clock, replay=True)
    ends = [line.end_of(frame) for frame in ag06_frames.silence(1)]
    ag06_context.clock.advance(1000)
    assert [end - EPOCH_NS for end in ends] == [HOP_NS * (n + 1) for n in range(100)]
    assert line.now_ns() == ends[-1]
