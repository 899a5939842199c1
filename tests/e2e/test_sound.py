"""What is set is heard, and nothing that is set clicks."""

from __future__ import annotations

import pytest

STEP = 0.5 * 2 * 3.14159 * 200 / 48000  # the steepest step of the sine, from sample to sample


@pytest.fixture(scope="module")
def daemon(start, sine):
    hosts = "hosts={live = {plugins = ['features', 'counts']}}"
    with start(f"audio.device='recording:{sine}'", "preset.start=flat", hosts) as daemon:
        daemon.running()
        yield daemon


@pytest.fixture
def flat(daemon, poll):
    """Everything back as it was at first, and in effect."""
    daemon.client.call("preset.apply", name="flat", slot="a")
    daemon.client.call("preset.apply", name="flat", slot="b")
    daemon.client.set({"audio.mute": False, "audio.bypass": False, "audio.slot": "a"})
    settle(daemon, poll)
    daemon.report(afresh=True)
    return daemon


def levels(daemon) -> tuple[float, float]:
    meters = daemon.client.call("meters")
    return meters["dry"]["rms_db"][0], meters["wet"]["rms_db"][0]


def settle(daemon, poll, seconds: float = 0.2) -> None:
    """Let what was set take effect, counted in frames."""
    end = daemon.status()["audio"]["position"] + round(48000 * seconds)
    poll(lambda: daemon.report()["next"] > end, daemon.status)


def test_a_flat_chain_lets_the_sound_through_as_it_is(flat, poll):
    poll(lambda: abs(levels(flat)[0] - levels(flat)[1]) < 0.05, lambda: levels(flat))
    assert flat.report()["wet_step"] < 1.1 * STEP


def test_a_lower_threshold_is_heard_in_the_wet_level_alone(flat, poll):
    flat.client.set({"chain.a.comp.enabled": True, "chain.a.comp.threshold_db": -30, "chain.a.comp.ratio": 4})
    poll(lambda: levels(flat)[1] < levels(flat)[0] - 10, lambda: levels(flat))
    assert levels(flat)[0] == pytest.approx(-9.03, abs=0.1)


def test_the_meters_say_when_a_change_took_effect(flat, poll):
    reply = flat.client.call("set", changes={"chain.a.trim.gain_db": -3})
    wanted = reply["sequences"]["a"]
    poll(
        lambda: flat.client.call("meters")["applied"]["a"]["sequence"] >= wanted,
        lambda: flat.client.call("meters"),
    )


@pytest.mark.parametrize(
    "change",
    [
        {"chain.a.trim.gain_db": -24},
        {"chain.a.highpass.enabled": True, "chain.a.highpass.frequency_hz": 1000},
        {"chain.a.comp.enabled": True, "chain.a.comp.threshold_db": -60, "chain.a.comp.ratio": 20},
        {"audio.bypass": True},
        {"audio.mute": True},
        {"audio.slot": "b"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_no_change_clicks(flat, poll, change):
    flat.client.set({"chain.b.level.gain_db": -40, "chain.a.level.gain_db": -1})
    settle(flat, poll)
    flat.report(afresh=True)
    flat.client.set(change)
    settle(flat, poll)
    assert 0 < flat.report()["wet_step"] < 1.5 * STEP


def test_applying_presets_back_and_forth_does_not_click(flat, poll):
    for name in ("voice-warm", "flat", "broadcast", "flat"):
        flat.report(afresh=True)
        flat.client.call("preset.apply", name=name)
        settle(flat, poll)
        report = flat.report()
        gain = max(report["wet_peak"] / 0.5, 1)
        assert report["wet_step"] < 1.5 * STEP * gain, name


def test_mute_silences_the_wet_sound_and_no_preset_brings_it_back(flat, poll):
    flat.client.set({"audio.mute": True})
    settle(flat, poll)
    flat.report(afresh=True)
    with flat.listen("preset.") as listener:
        flat.client.call("preset.apply", name="broadcast")
        assert listener.until(bool).body == {"name": "broadcast", "slot": "a"}
    settle(flat, poll)
    report = flat.report()
    assert report["wet_peak"] == 0
    assert report["dry_peak"] == pytest.approx(0.5, abs=0.001)
    assert flat.status()["switches"]["mute"] is True


def test_bypass_lets_the_sound_past_the_chain(flat, poll):
    flat.client.set({"chain.a.level.gain_db": -40})
    poll(lambda: levels(flat)[1] < levels(flat)[0] - 39, lambda: levels(flat))
    flat.client.set({"audio.bypass": True})
    poll(lambda: abs(levels(flat)[0] - levels(flat)[1]) < 0.05, lambda: levels(flat))


def test_a_thousand_changes_lose_no_frame(flat, whole):
    for number in range(1000):
        flat.client.set({"chain.a.comp.threshold_db": -20 - number % 7})
    flat.wait(whole)
    assert flat.report()["breaks"] == []
