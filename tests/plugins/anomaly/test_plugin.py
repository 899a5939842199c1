"""The plugin as a host runs it, on pieces of the shipped recording."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile
import tomli

from ag06_plugins import anomaly
from ag06_plugins.anomaly.alerts.life import Now
from ag06_plugins.anomaly.faults.kinds import KINDS
from ag06_plugins.anomaly.guard import configured, guard_of
from ag06_plugins.anomaly.settings import AnomalyConfig
from ag06d.errors import RequestError
from ag06d.paths import SHIPPED_RECORDING
from ag06d.plugin import Frame

RATE, HOP = 48000, 480
FAULTS = tomli.loads(SHIPPED_RECORDING.with_suffix(".toml").read_text())["faults"]
AWAY = {"statistics": {"enabled": False}}


def sound(start_s: float, end_s: float) -> np.ndarray:
    """A piece of the shipped recording, as two channels."""
    start, frames = round(start_s * RATE), round((end_s - start_s) * RATE)
    read = soundfile.read(SHIPPED_RECORDING, frames=frames, start=start, dtype="float32", always_2d=True)[0]
    return np.repeat(read, 2, axis=1) if read.shape[1] == 1 else read


@pytest.fixture
def plugin(ag06_load):
    """Loads it, and closes it in the end."""
    loaded = []

    def load(**config):
        loaded.append(ag06_load(anomaly, **AWAY | config))
        return loaded[-1]

    yield load
    for one in loaded:
        one.close()


def told(plugin, state="opened"):
    return [m for m in plugin.published if m.topic.startswith("alert.") and m.body["state"] == state]


@pytest.mark.parametrize("fault", FAULTS, ids=[fault["kind"] for fault in FAULTS])
def test_a_fault_of_the_recording_is_told_with_its_kind_and_its_first_sample(plugin, ag06_frames, fault):
    loaded = plugin()
    start_s = fault["start_s"] - 2
    loaded.feed(ag06_frames.of(sound(start_s, fault["end_s"] + 4)))
    (opened,) = told(loaded)
    (closed,) = told(loaded, "closed")
    assert (opened.topic, opened.body["kind"]) == (f"alert.{fault['kind']}", fault["kind"])
    assert opened.body["channel"] == "both"
    assert opened.position == opened.body["start"]
    assert opened.body["start_s"] + start_s == pytest.approx(fault["start_s"], abs=0.02)
    assert closed.body["id"] == opened.body["id"]
    assert closed.body["end"] > opened.body["start"]
    assert opened.body["evidence"]


def test_an_alert_is_listed_shown_acknowledged_and_judged(plugin, ag06_frames):
    loaded = plugin()
    loaded.feed(ag06_frames.of(sound(20, 26)))
    (alert,) = loaded.command("list")["alerts"]
    shown = loaded.command("show", id=alert["id"])
    assert shown["alert"]["kind"] == alert["kind"] == "dropout"
    (trace,) = shown["arrays"]
    assert trace.max() == pytest.approx(alert["value"], rel=0.5)
    assert len(trace) == pytest.approx(4 * 100, abs=110)
    acknowledged = loaded.command("ack", by="anna", note="a cable", snooze_s=60)["alert"]
    assert (acknowledged["acknowledged_by"], acknowledged["note"]) == ("anna", "a cable")
    assert list(loaded.command("status")["snoozed"]) == ["dropout"]
    before = loaded.command("kinds")["kinds"]["dropout"]["threshold"]
    answer = loaded.command("label", label="wrong", by="anna")
    after = loaded.command("kinds")["kinds"]["dropout"]["threshold"]
    assert (answer["threshold"]["before"], answer["threshold"]["after"]) == (before, after)
    assert before < after <= loaded.command("kinds")["kinds"]["dropout"]["bounds"][1]
    assert loaded.command("label", label="right")["threshold"]["after"] == before
    report = loaded.command("report")["kinds"]["dropout"]
    assert (report["alarms"], report["right"], report["wrong"], report["precision"]) == (1, 1, 0, 1.0)
    assert [m.body["state"] for m in told(loaded, "labelled")] == ["labelled"] * 2


def test_a_threshold_that_labels_raised_is_as_high_after_a_restart(plugin, ag06_frames, ag06_context):
    first = plugin()
    first.feed(ag06_frames.of(sound(20, 26)))
    raised = first.command("label", label="wrong")["threshold"]["after"]
    first.close()
    second = plugin()
    second.command("list")  # by then the archive has answered what was asked before
    second.tick()
    assert guard_of(ag06_context).thresholds["dropout"] == raised


def test_what_was_called_unusual_and_was_not_has_to_be_less_likely_until_that_is_taken_back(
    ag06_load, ag06_context, finding
):
    loaded = ag06_load(anomaly)
    guard = guard_of(ag06_context)
    odd = finding("unusual", 0, detector="ensemble", value=7.0, threshold=5.5, unit="-log10 p")
    guard._account([odd], Now(HOP, 1.0))
    guard.archive.ask(lambda _: None).result(10)
    assert loaded.command("label", label="wrong")["alert"]["label"] == "wrong"
    factors = dict(guard.oddities.watch._factors)
    assert 5.5 + np.log10(factors["ensemble"]) > 7.0
    assert factors["ensemble"] == factors["collective"] == factors["seasonal"] <= 1e4
    loaded.command("label", label="")
    assert set(guard.oddities.watch._factors.values()) == {1.0}
    loaded.close()


def test_frames_that_never_arrived_and_input_that_is_no_sound_are_told(plugin, ag06_frames):
    loaded = plugin()
    frames = list(ag06_frames.silence(1.0))
    frames[20].gap_frames = 4800
    frames[60].bad_input = True
    loaded.feed(frames)
    assert [(m.topic, m.body["severity"]) for m in told(loaded)] == [
        ("alert.gap", "high"),
        ("alert.bad_input", "high"),
    ]
    assert told(loaded)[0].body["evidence"] == {"gap_frames": 4800}


def test_a_clip_is_asked_of_the_recorder_and_told_when_it_is_there(plugin, ag06_frames, ag06_context):
    loaded = plugin(clips={"before_s": 1.5, "after_s": 0.5})
    loaded.feed(ag06_frames.of(sound(20, 22.3)))
    ((_, body, done),) = [call for call in ag06_context.called if call[0] == "record.start"]
    assert body["path"].endswith("000001-dropout.flac")
    assert body["before_s"] == pytest.approx(1.5, abs=0.1)
    assert body["duration_s"] == pytest.approx(0.5, abs=0.1)
    done("ok", {"recording": "r1", "path": body["path"]})
    (heard,) = [
        handler for topic, handler in ag06_context.subscriptions if topic.startswith("record.finished")
    ]
    heard("record.finished.", {"path": body["path"], "reason": "complete"}, [])
    (message,) = told(loaded, "clip")
    assert message.body["clip"] == "000001-dropout.flac"


def test_what_becomes_grave_later_has_its_clip_then_and_only_one(plugin, ag06_context, finding):
    loaded = plugin()
    guard = guard_of(ag06_context)
    for number, severity in enumerate(["low", "low", "high", "critical", "critical"]):
        found = finding("hum", 0, end=number * RATE, severity=severity)
        guard._account([found], Now(number * RATE, number * 1.0))
        asked = [body for op, body, _ in ag06_context.called if op == "record.start"]
        assert len(asked) == (severity != "low")
    assert asked[0]["path"].endswith("000001-hum.flac")
    loaded.close()


def test_no_clip_is_made_where_none_are_wanted(plugin, ag06_frames, ag06_context):
    for config in ({"clips": {"keep": False}}, {"clips": {"per_hour": 0}}):
        loaded = plugin(**config)
        loaded.feed(ag06_frames.of(sound(20, 22.3)))
        loaded.close()
    assert not [call for call in ag06_context.called if call[0] == "record.start"]


def disturbed(loaded, context, frames):
    """Feed frames as a host does: through whatever disturbs them."""
    for frame in frames:
        disturber = context._shared.disturber
        if disturber is not None:
            dry = frame.dry.copy()
            disturber[1](dry, frame.wet)
            frame = Frame(dry, frame.wet, frame.position, frame.mono_ns, frame.rate, disturbed=True)  # noqa: PLW2901
        loaded.feed([frame])


def test_a_fault_is_put_in_for_as_long_as_was_asked_and_no_longer(plugin, ag06_frames, ag06_context):
    loaded = plugin()
    steps = loaded.commands["inject"].handler({"fault": "dropout", "seconds": 0.05})
    next(steps)
    changed = []
    for frame in ag06_frames.noise(0.2, rms=0.1):
        changed.append(ag06_context._shared.disturber is not None)
        disturbed(loaded, ag06_context, [frame])
    assert changed == [True] * 5 + [False] * 15
    steps.close()


def test_an_injected_fault_is_found_told_of_and_counts_in_no_report(plugin, ag06_frames, ag06_context):
    loaded = plugin(clips={"least": "low"})
    (command,) = [c for c in loaded.commands.values() if c.name == "inject"]
    frames = list(ag06_frames.of(sound(2, 9)))
    disturbed(loaded, ag06_context, frames[:300])
    steps = command.handler({"fault": "dropout"})
    next(steps)
    answer = None
    for frame in frames[300:]:
        disturbed(loaded, ag06_context, [frame])
        try:
            next(steps)
        except StopIteration as end:
            answer = end.value.body
            break
    assert answer is not None
    assert (answer["found"], answer["kind"], answer["start"]) == (True, "dropout", frames[300].position)
    assert 0 < answer["delay_ms"] <= 150
    assert ag06_context._shared.disturber is None
    assert not [call for call in ag06_context.called if call[0] == "record.start"]
    assert loaded.command("list")["alerts"] == []
    (alert,) = loaded.command("list", injected=True)["alerts"]
    assert (alert["id"], alert["injected"], alert["clip"]) == (answer["alert"], True, "")
    assert loaded.command("report")["kinds"] == {}


@pytest.mark.parametrize(
    ("command", "arguments", "code"),
    [
        ("show", {"id": 99}, "bad_request"),
        ("show", {}, "bad_request"),
        ("label", {"label": "perhaps"}, "bad_request"),
        ("label", {}, "bad_request"),
        ("ack", {"id": -1}, "bad_request"),
        ("list", {"most": 0}, "bad_request"),
        ("list", {"least": "huge"}, "bad_request"),
        ("inject", {"fault": "earthquake"}, "bad_request"),
        ("inject", {"fault": "dropout", "seconds": 1e9}, "out_of_range"),
        ("inject", {"fault": "dropout", "strength": "enormous"}, "bad_request"),
        ("inject", {"fault": "dropout", "strength": 1e30}, "out_of_range"),
        ("report", {"days": 0}, "bad_request"),
    ],
)
def test_what_cannot_be_is_refused_in_words(plugin, command, arguments, code):
    with pytest.raises(RequestError) as refused:
        plugin().command(command, **arguments)
    assert refused.value.code == code


def test_sound_and_playback_that_are_no_numbers_cost_no_frame(plugin, ag06_frames):
    loaded = plugin()
    for odd in (np.nan, np.inf, -np.inf, 3e38, 1e-40):
        for both in (True, False):
            spoilt = list(ag06_frames.noise(0.1, rms=0.1))
            for frame in spoilt:
                wet = np.full_like(frame.dry, odd)
                dry = wet if both else frame.dry
                changed = Frame(dry, wet, frame.position, frame.mono_ns, frame.rate, bad_input=both)
                loaded.feed([changed])
            loaded.feed(ag06_frames.noise(0.5, rms=0.1))
    alerts = loaded.command("list")["alerts"]
    json.dumps(alerts, allow_nan=False)
    assert "bad_input" in {alert["kind"] for alert in alerts}


def test_there_is_one_rule_for_each_kind(plugin):
    with pytest.raises(ValueError, match="click: one rule"):
        plugin(rule=[{"kind": "click"}, {"kind": "silence"}, {"kind": "click", "enabled": False}])


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"kind": "earthquake"}, "no fault is called"),
        ({"kind": "dropout", "threshold": 1e9}, "threshold of dropout"),
        ({"kind": "dropout", "severe": (3.0, 2.0, 1.0)}, "rise"),
    ],
)
def test_a_rule_that_cannot_be_is_refused_with_what_would_be_right(plugin, rule, words):
    with pytest.raises(ValueError, match=words):
        plugin(rule=[rule])


@pytest.mark.parametrize("at", [0, 1], ids=["lowest", "highest"])
@pytest.mark.parametrize("kind", [rule.kind for rule in KINDS])
def test_wherever_a_threshold_is_set_within_its_bounds_what_is_0_is_no_fault(kind, at):
    (shipped,) = (rule for rule in KINDS if rule.kind == kind)
    (rule,) = (
        rule
        for rule in configured(AnomalyConfig(rule=[{"kind": kind, "threshold": shipped.bounds[at]}]))
        if rule.kind == kind
    )
    assert 0 <= rule.release < rule.threshold == shipped.bounds[at]


def test_a_kind_can_be_switched_off_and_its_threshold_set(plugin, ag06_frames):
    off = plugin(rule=[{"kind": "dropout", "enabled": False}])
    off.feed(ag06_frames.of(sound(20, 24)))
    assert "dropout" not in {message.body["kind"] for message in told(off)}
    off.close()
    shipped = plugin()
    highest = shipped.command("kinds")["kinds"]["dropout"]["bounds"][1]
    shipped.close()
    set_ = plugin(rule=[{"kind": "dropout", "threshold": highest}])
    assert set_.command("kinds")["kinds"]["dropout"]["threshold"] == highest
