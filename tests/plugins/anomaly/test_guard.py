"""The guard between its detectors, which say here what the test wants, and those who ask."""

from __future__ import annotations

import numpy as np
import pytest

from ag06_plugins import anomaly
from ag06_plugins.anomaly.guard import RECENT_MAX, guard_of
from ag06_plugins.anomaly.inject import FAULTS
from ag06_plugins.anomaly.injection import injection
from ag06d.errors import RequestError
from ag06d.plugin import Frame

RATE, HOP = 48000, 480
AWAY = {"statistics": {"enabled": False}}


class Bench:
    """The plugin with detectors that find what `find` was last given, a map of kind to fields."""

    def __init__(self, loaded, context, finding) -> None:
        self.loaded, self.context, self.guard = loaded, context, guard_of(context)
        self._finding, self._wanted, self._began = finding, {}, {}
        self.position = 0
        self.guard.watch.take = self._take

    def _take(self, _, position):
        return [
            self._finding(kind, self._began.setdefault(kind, position), end=position + HOP, **fields)
            for kind, fields in self._wanted.items()
        ]

    def play(self, hops, **wanted):
        """So many hops in which faults of these kinds are found."""
        self._wanted = wanted
        self._began = {kind: start for kind, start in self._began.items() if kind in wanted}
        for _ in range(hops):
            dry = np.zeros((HOP, 2), dtype=np.float32)
            disturber = self.context._shared.disturber
            if disturber is not None:
                disturber[1](dry, dry.copy())
            frame = Frame(dry, dry, self.position, self.position, RATE, disturbed=disturber is not None)
            self.position += HOP
            self.context.clock.advance(HOP / RATE)
            self.loaded.feed([frame])

    def inject(self, fault, **arguments):
        """A client that asks for it, and may step, or go."""
        steps = self.loaded.commands["inject"].handler({"fault": fault, **arguments})
        next(steps)
        return steps

    def told(self, state="opened"):
        return [message.body for message in self.loaded.published if message.body["state"] == state]


@pytest.fixture
def bench(ag06_load, ag06_context, finding):
    """Loads the plugin with detectors of ours, and closes it in the end."""
    made = []

    def make(**config):
        made.append(Bench(ag06_load(anomaly, **AWAY | config), ag06_context, finding))
        return made[-1]

    yield make
    for one in made:
        one.loaded.close()


def answer_of(steps, play, hops=1000):
    for _ in range(hops):
        play()
        try:
            next(steps)
        except StopIteration as end:
            return end.value.body
    raise AssertionError("no answer")


def test_the_end_of_one_injection_leaves_the_next_one_alone(bench):
    one = bench()
    first = one.inject("click", seconds=0.1)
    one.play(400)
    second = one.inject("dropout", seconds=0.1)
    with pytest.raises(StopIteration):
        next(first)
    one.play(1, dropout={})
    assert answer_of(second, lambda: one.play(1))["found"]
    assert one.context._shared.disturber is None


def test_what_is_found_after_the_client_that_asked_for_the_fault_is_gone_is_not_taken_for_real(bench):
    one = bench(clips={"least": "low"})
    steps = one.inject("dropout", seconds=5)
    one.play(20)
    steps.close()
    assert one.context._shared.disturber is None
    one.play(50, dropout={})
    assert [alert["injected"] for alert in one.told()] == [True]
    one.play(1000)
    one.play(1, dropout={})
    assert [alert["injected"] for alert in one.told()] == [True, False]


def test_a_fault_that_is_there_already_cannot_be_put_in_for_nobody_could_tell_them_apart(bench):
    one = bench()
    one.play(10, dropout={})
    with pytest.raises(RequestError, match="dropout is there already, alert 1") as refused:
        one.inject("dropout")
    assert refused.value.code == "conflict"
    one.play(1)
    one.inject("dropout").close()


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_may_be_as_short_as_one_frame_and_is_over_then(fault):
    dry = np.random.default_rng(0).normal(size=(10 * HOP, 2)).astype(np.float32) / 10
    wet, before = dry.copy(), dry.copy()
    one = injection(fault, None, 1e-9, RATE)
    for at in range(0, len(dry), HOP):
        one.disturb(dry[at : at + HOP], wet[at : at + HOP])
    assert one.over
    assert np.array_equal(dry[1:], before[1:])
    assert np.array_equal(wet, before)


def test_the_last_alert_is_the_last_that_was_told_also_after_an_older_one_was_judged(bench):
    one = bench(hold_s=0.05)
    for kind in ("click", "imbalance", "clipping"):
        one.play(1, **{kind: {}})
        one.play(30)
    one.loaded.close()
    again = bench(hold_s=0.05)
    again.loaded.command("label", id=1, label="right")
    assert again.loaded.command("show")["alert"]["id"] == 3
    again.play(1, click={})
    assert again.loaded.command("show")["alert"]["id"] == 4
    again.loaded.command("ack", id=2)
    assert again.loaded.command("show")["alert"]["id"] == 4


def test_what_is_said_of_an_alert_that_is_open_for_long_stays_said_when_it_closes(bench):
    one = bench(hold_s=0.02)
    one.play(1, clipping={})
    for _ in range(RECENT_MAX + 5):
        one.play(1, clipping={}, click={})
        one.play(4, clipping={})
    one.loaded.command("label", id=1, label="right", note="the guitar")
    one.play(10)
    alert = one.loaded.command("show", id=1)["alert"]
    assert (alert["state"], alert["label"], alert["note"]) == ("closed", "right", "the guitar")


def test_the_clip_of_a_history_that_is_no_more_is_never_written_over(bench, ag06_context):
    clips = ag06_context.data_folder / "clips"
    clips.mkdir(parents=True)
    for name in ("000041-hum.flac", "notes-of-mine.flac", "000007-click.flac"):
        (clips / name).touch()
    one = bench()
    one.play(1, dropout={})
    assert [alert["id"] for alert in one.told()] == [42]


def test_an_alert_of_a_quiet_time_that_becomes_grave_is_told_as_opened_and_has_its_clip(bench):
    one = bench(quiet={"times": ["00:00-24:00"]}, clips={"least": "critical"})
    one.play(5, dead_channel={"severity": "high"})
    assert one.loaded.published == []
    one.play(5, dead_channel={"severity": "critical"})
    assert [alert["severity"] for alert in one.told()] == ["critical"]
    assert [call[0] for call in one.context.called] == ["record.start"]


def test_a_threshold_is_exactly_as_it_was_when_every_label_is_taken_back(bench):
    one = bench(hold_s=0.05)
    before = one.guard.thresholds
    kinds = one.loaded.command("kinds")["kinds"]
    assert all(kind["threshold"] == kind["shipped"] for kind in kinds.values())
    for _ in range(5):
        one.play(1, dropout={"value": 1.5, "threshold": 0.9})
        one.play(10)
    for id_ in (1, 2, 3, 2, 5, 4, 1):
        answer = one.loaded.command("label", id=id_, label="wrong")["threshold"]
        assert answer["before"] <= answer["after"] < kinds["dropout"]["bounds"][1]
    raised = one.guard.thresholds["dropout"]
    for id_ in (4, 1, 5):
        one.loaded.command("label", id=id_, label="right")
        assert one.guard.thresholds["dropout"] < raised
        raised = one.guard.thresholds["dropout"]
    one.loaded.command("label", id=2, label="")
    one.loaded.command("label", id=3, label="")
    assert one.guard.thresholds == before
    assert one.guard.watch.thresholds == pytest.approx(before)


def test_labels_that_were_forgotten_raise_no_threshold_any_more(bench):
    one = bench(hold_s=0.05, history={"max_alerts": 100})
    one.play(1, dropout={"value": 1.5, "threshold": 0.9})
    one.play(10)
    before = one.guard.thresholds["dropout"]
    one.loaded.command("label", label="wrong")
    assert one.guard.thresholds["dropout"] > before
    for _ in range(100):
        one.play(1, click={})
        one.play(6)
    one.context.clock.advance(120)
    one.loaded.tick()
    one.loaded.command("list")  # by then the sweep is done
    one.loaded.tick()
    assert one.guard.thresholds["dropout"] == before
