"""What a processor does whether or not there is sound."""

from __future__ import annotations

import logging
import time
from types import SimpleNamespace

import pytest

from ag06d.arena import PluginState
from ag06d.host.trace import Trace


@pytest.fixture
def ticking(start):
    """A runner with one processor, whose tick is the function given."""

    def ticking(tick, process=lambda _: None, **options):
        processor = SimpleNamespace(process=process, tick=tick)
        return start("test", ag06_processors=lambda: [processor, SimpleNamespace(process=print)], **options)

    return ticking


def test_a_tick_is_in_its_plugins_fence_and_no_frame_of_its_account(ticking, cell):
    inside = []
    runner = ticking(lambda: inside.append(cell.inside()))
    trace = runner.context.trace = Trace(60)
    runner.tick()
    assert inside[0][0] == 0
    assert cell.inside() is None
    assert cell.plugin(0).items() >= {"frames": 0, "errors": 0, "over_deadline": 0}.items()
    ((event),) = trace.take()["events"]
    assert event["what"] == "tick"
    assert event["took_us"] > 0


def test_ticks_that_keep_raising_put_a_plugin_out_though_its_frames_do_not(ticking, cell, frame, caplog):
    caplog.set_level(logging.CRITICAL, "ag06d.host.runner")
    runner = ticking(lambda: 1 / 0, max_errors=3)
    for number in range(3):
        assert runner.active
        runner.tick()
        if number < 2:
            runner.process(frame)
    assert [state for state, _ in runner.ends] == ["quarantined"]
    assert cell.plugin(0).items() >= {"frames": 2, "errors": 3}.items()
    runner.tick()
    assert cell.plugin(0)["errors"] == 3


def test_ticks_that_go_well_do_not_save_a_plugin_whose_frames_all_raise(ticking, frame, caplog):
    caplog.set_level(logging.CRITICAL, "ag06d.host.runner")
    runner = ticking(lambda: None, lambda _: 1 / 0, max_errors=3)
    for _ in range(3):
        runner.process(frame)
        runner.tick()
    assert not runner.active


def test_a_tick_that_takes_too_long_is_counted_and_shows(ticking, cell):
    runner = ticking(lambda: time.sleep(0.01), deadline_ms=5)
    runner.tick()
    assert runner.state is PluginState.DEGRADED
    assert cell.plugin(0).items() >= {"frames": 0, "over_deadline": 1}.items()
