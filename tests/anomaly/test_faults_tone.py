"""Hum, steady tones and feedback: found where they are heard, and not where something is like them."""

from __future__ import annotations

import numpy as np
import pytest

from ag06_plugins.anomaly.faults.kinds_tone import TONE
from ag06_plugins.anomaly.faults.watch import FaultWatch
from ag06_plugins.anomaly.inject import FAULTS, disturbed
from ag06d.anomaly.faults import MEASURES, FaultMeter

RATE = 48000
START_S = 3.0
SLOW = [fault.name for fault in FAULTS.values() if fault.kind in ("hum", "tone")]
HOWLS = [fault.name for fault in FAULTS.values() if fault.kind == "feedback"]


def findings(dry, wet=None, rate=RATE):
    """The last word on each fault, in the order in which they were told, with the second of the first."""
    meter = FaultMeter(rate)
    watch = FaultWatch(MEASURES, TONE, meter.hop)
    told, last = {}, {}
    for at, row in enumerate(meter.take(dry, wet)):
        for finding in watch.take(row, at * meter.hop):
            key = finding.kind, finding.channel, finding.start
            told.setdefault(key, at * 0.01)
            last[key] = finding
    return [(told[key], last[key]) for key in last]


def kinds(dry, wet=None, rate=RATE):
    return {finding.kind for _, finding in findings(dry, wet, rate)}


def stereo(mono, rng, noise_db=-75):
    noise = 10 ** (noise_db / 20) * rng.standard_normal((len(mono), 2))
    return (mono[:, None] + noise).astype(np.float32)


def voice(seconds, rng, rate=RATE, level=0.12):
    """Like speech: syllables of gliding harmonics and of hiss, four a second, and pauses between phrases."""
    time = np.arange(round(seconds * rate)) / rate
    pitch = 130 + 25 * np.sin(2 * np.pi * 0.6 * time) + 12 * np.sin(2 * np.pi * 1.7 * time + 1)
    phase = 2 * np.pi * np.cumsum(pitch) / rate
    voiced = sum(np.sin(k * phase) / k for k in range(1, 25))
    hiss = np.diff(rng.standard_normal(len(time) + 1))
    syllable = np.clip(np.sin(2 * np.pi * 4 * time), 0, 1) ** 2
    other = np.clip(-np.sin(2 * np.pi * 4 * time), 0, 1) ** 8
    phrase = time % 2.5 < 1.9
    return level * (voiced * syllable + 0.3 * hiss * other) * phrase


def note(hz, seconds, decay_s):
    time = np.arange(round(seconds * RATE)) / RATE
    envelope = np.minimum(time / 0.02, 1) * np.exp(-time / decay_s)
    return envelope * sum(np.sin(2 * np.pi * k * hz * time) * 0.7**k for k in range(1, 9))


def tune(pitches_hz, each_s, decay_s=0.8):
    return 0.15 * np.concatenate([note(hz, each_s, decay_s) for hz in pitches_hz])


@pytest.mark.parametrize("name", SLOW)
def test_hum_and_tones_are_found_at_their_frequency_where_a_listener_just_hears_them(name):
    rng = np.random.default_rng(1)
    fault, clean = FAULTS[name], stereo(voice(20, rng), rng)
    bad = disturbed(
        fault,
        clean,
        RATE,
        start=round(START_S * RATE) + 111,
        frames=round(fault.seconds * RATE),
        strength=min(fault.strengths.values()),
        seed=5,
    )
    found = [(told, one) for told, one in findings(bad) if one.kind == fault.kind]
    assert {one.channel for _, one in found} == {"left", "right"}
    assert {one.kind for _, one in findings(bad)} == {fault.kind}
    for told, one in found:
        assert told - START_S < 7
        assert one.start / RATE == pytest.approx(START_S, abs=1.2)
        assert one.ended
        asked = float(name.split("_")[1])
        hz = one.evidence["hum_mains_hz" if fault.kind == "hum" else "tone_hz"]
        assert hz == pytest.approx(asked, rel=0.011)


@pytest.mark.parametrize("name", HOWLS)
@pytest.mark.parametrize("strength", ["slow", "usual", "fast"])
def test_feedback_is_found_while_it_grows(name, strength):
    rng = np.random.default_rng(2)
    fault, clean = FAULTS[name], stereo(voice(9, rng, level=0.06), rng)
    growth = fault.strengths[strength]
    bad = disturbed(
        fault,
        clean,
        RATE,
        start=round(START_S * RATE),
        frames=round(fault.seconds * RATE),
        strength=growth,
        seed=6,
    )
    told, one = next((told, one) for told, one in findings(bad) if one.kind == "feedback")
    full_scale_s = START_S + 70 / growth
    assert told < full_scale_s + 0.4
    assert one.evidence["feedback_hz"] == pytest.approx(float(name.split("_")[1]), rel=0.035)
    assert one.evidence["feedback_db_per_s"] == pytest.approx(growth, rel=0.2)


@pytest.mark.parametrize("rate", [44100, 96000, 192000])
@pytest.mark.parametrize("name", ["hum_50_magnetic", "tone_1000", "feedback_2500"])
def test_they_are_found_at_other_rates(name, rate):
    rng = np.random.default_rng(3)
    fault, clean = FAULTS[name], stereo(voice(10, rng, rate), rng)
    strength = list(fault.strengths.values())[1]
    bad = disturbed(fault, clean, rate, start=2 * rate, frames=8 * rate, strength=strength)
    assert fault.kind in kinds(bad, rate=rate)


def test_a_fault_of_one_channel_is_told_of_that_channel():
    rng = np.random.default_rng(4)
    bad = stereo(voice(12, rng), rng)
    time = np.arange(len(bad)) / RATE
    bad[:, 1] += (0.01 * np.sin(2 * np.pi * 3333 * time)).astype(np.float32)
    assert {(one.kind, one.channel) for _, one in findings(bad)} == {("tone", "right")}


def test_the_level_of_a_hum_is_that_of_all_its_lines():
    rng = np.random.default_rng(5)
    clean = stereo(voice(12, rng), rng, -60)
    hum, level = FAULTS["hum_60_magnetic"], MEASURES.index("left.hum_level_db")
    for level_db in (-40, -30):
        bad = disturbed(hum, clean, RATE, start=0, frames=len(clean), strength=level_db)
        assert FaultMeter(RATE).take(bad)[-1, level] == pytest.approx(level_db, abs=0.5)


def look_alikes():
    """Sound by name that is like a fault of tone, and is none."""
    rng = np.random.default_rng(6)
    yield "silence", np.zeros(12 * RATE)
    yield "speech", voice(20, rng)
    yield "a bass on G and B beside the mains", tune([49.0, 61.74, 98.0, 123.5] * 6, 0.6)
    yield "a bass on the mains' very frequency", tune([50.0, 60.0, 50.0, 100.0] * 5, 0.7)
    yield "notes held for three seconds", tune([220, 440, 330, 262] * 2, 3.0, decay_s=9)
    yield "a string that rings for ten seconds", tune([147.0], 12, decay_s=4)
    time = np.arange(12 * RATE) / RATE
    vibrato = 2 * np.pi * 440 * time + 3 * np.sin(2 * np.pi * 5.5 * time)
    swell = 0.3 * 10 ** (np.minimum(time - 6, 0) * 24 / 6 / 20)
    yield "a singer's swell", swell * sum(np.sin(k * vibrato) / k for k in range(1, 8))
    yield "a flute's swell", swell * (np.sin(vibrato) + 0.1 * np.sin(2 * vibrato))
    beats = np.where(time % 0.5 < 0.25, 1, 0)
    yield "beeps", 0.2 * beats * np.sin(2 * np.pi * 1000 * time)
    yield "noise that fades in", 10 ** (np.minimum(time * 20, 80) / 20 - 5) * rng.standard_normal(len(time))
    yield "rain", 0.05 * rng.standard_normal(len(time))


LOOK_ALIKES = dict(look_alikes())


@pytest.mark.parametrize("name", LOOK_ALIKES)
def test_what_is_like_a_fault_is_none(name):
    for noise_db in (-75, -120):
        assert kinds(stereo(LOOK_ALIKES[name], np.random.default_rng(7), noise_db)) == set()


def test_what_nobody_hears_is_not_told():
    rng = np.random.default_rng(8)
    time = np.arange(12 * RATE) / RATE
    soft = stereo(voice(12, rng), rng, -100)
    soft += (10 ** (-70 / 20) * np.sin(2 * np.pi * 50 * time)).astype(np.float32)[:, None]
    soft += (10 ** (-90 / 20) * np.sin(2 * np.pi * 2000 * time)).astype(np.float32)[:, None]
    assert kinds(soft) == set()
