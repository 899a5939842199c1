from __future__ import annotations

from ag06_plugins.features.timeline import Timeline

EPOCH_NS = 1_700_000_000_000_000_000


def test_a_frame_is_when_its_last_sample_came_by_the_clock_on_the_wall(ag06_context, ag06_frames):
    clock = ag06_context.clock
    line = Timeline(clock, replay=False)
    first, second, *_ = ag06_frames.silence(1)
    assert line.end_of(second) - line.end_of(first) == 10_000_000
    assert line.end_of(first) == EPOCH_NS - clock.now_ns + first.mono_ns
    clock.advance(5)
    assert line.now_ns() == EPOCH_NS + 5_000_000_000


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
    assert [end - EPOCH_NS for end in ends] == [10_000_000 * (n + 1) for n in range(100)]
    assert line.now_ns() == ends[-1]
