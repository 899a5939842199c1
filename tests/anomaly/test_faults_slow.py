"""Noise floor, our own output that comes back, and loudness: slow kinds, told with a reason."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile as sf

from ag06_plugins.anomaly.faults.kinds_tone import TONE
from ag06_plugins.anomaly.faults.watch import FaultWatch
from ag06_plugins.anomaly.inject import FAULTS, disturbed
from ag06d.anomaly.faults import MEASURES, FaultMeter
from ag06d.paths import SHIPPED_RECORDING

RATE = 48000
AT = {name: MEASURES.index(name) for name in MEASURES}


def kinds(dry, wet=None):
    meter = FaultMeter(RATE)
    watch = FaultWatch(MEASURES, TONE, meter.hop)
    rows = enumerate(meter.take(dry, wet))
    return {finding.kind for at, row in rows for finding in watch.take(row, at * meter.hop)}


def room(seconds, level_db, rng):
    return 10 ** (level_db / 20) * rng.standard_normal((round(seconds * RATE), 2)).astype(np.float32)


def speech(seconds, rng, level=0.1):
    """Bursts of noise of changing colour, three a second, and a pause of a second after every third."""
    time = np.arange(round(seconds * RATE)) / RATE
    white = rng.standard_normal(len(time))
    dark = np.convolve(white, np.ones(24) / 5, "same")
    colour = 0.5 + 0.5 * np.sin(2 * np.pi * 0.7 * time)
    bursts = np.clip(np.sin(2 * np.pi * 3 * time), 0, 1) * (time % 2 < 1)
    mono = level * bursts * (colour * white + (1 - colour) * dark)
    return np.repeat(mono[:, None], 2, axis=1).astype(np.float32)


def studio(seconds, rng, level_db=-62):
    return speech(seconds, rng) + room(seconds, level_db, rng)


@pytest.mark.parametrize("strength", FAULTS["noise_floor"].strengths.values())
def test_a_floor_that_rises_is_told_by_how_much(strength):
    rng = np.random.default_rng(1)
    clean, start = studio(50, rng), 24 * RATE
    bad = disturbed(FAULTS["noise_floor"], clean, RATE, start=start, frames=25 * RATE, strength=strength)
    assert kinds(clean) == set()
    assert kinds(bad) == {"noise_floor"}
    rise = FaultMeter(RATE).take(bad)[4800, AT["left.floor_rise_db"]]
    both_db = 10 * np.log10(10 ** (-62 / 10) + 10 ** (strength / 10))
    assert rise == pytest.approx(both_db + 62, abs=1.0)


def test_a_switch_that_mutes_raises_no_floor():
    rng = np.random.default_rng(2)
    sound = studio(60, rng)
    for level_db in (-200, -80):  # digitally, and with the converter's own noise left
        switched = sound.copy()
        switched[: 30 * RATE] = room(30, level_db, rng)
        assert kinds(switched) == set()


def test_what_follows_a_pause_is_no_floor_if_it_is_not_steady():
    rng = np.random.default_rng(3)
    sound = studio(50, rng)
    time = np.arange(15 * RATE) / RATE
    surge = 0.02 * (1 + 0.8 * np.sin(2 * np.pi * 0.9 * time))[:, None]
    claps = np.repeat(rng.random(15 * 60) ** 4, RATE // 60)[:, None]
    for level in (surge, 0.3 * claps):
        other = sound.copy()
        other[24 * RATE : 39 * RATE] += (level * rng.standard_normal((15 * RATE, 2))).astype(np.float32)
        assert "noise_floor" not in kinds(other)


def chain(dry):
    """Something like the chain: a little darker, some frames late, louder where it was soft."""
    smooth = dry.copy()
    smooth[1:] += 0.4 * dry[:-1]
    late = np.concatenate([np.zeros((64, 2), np.float32), smooth[:-64]])
    return (1.5 * late / (1 + np.abs(late))).astype(np.float32)


@pytest.mark.parametrize("name", [fault for fault in FAULTS if fault.startswith("loopback")])
def test_our_own_output_is_heard_in_the_input_with_its_delay(name):
    rng = np.random.default_rng(4)
    clean = studio(22, rng)
    sent = chain(clean)
    bad = disturbed(FAULTS[name], clean, RATE, start=0, frames=len(clean), strength=-11.0, wet=sent, seed=8)
    assert kinds(bad, sent) == {"loopback"}
    row = FaultMeter(RATE).take(bad, sent)[-1]
    delay_ms = float(name.split("_")[1]) * np.random.default_rng(8).uniform(0.95, 1.05)
    assert row[AT["loop.loopback_delay_ms"]] == pytest.approx(delay_ms, abs=0.2)
    assert row[AT["loop.loopback_gain_db"]] == pytest.approx(-11, abs=6)


def test_nothing_comes_back_in_sound_that_repeats_to_the_sample():
    rng = np.random.default_rng(5)
    hit = rng.standard_normal(RATE // 8) * np.exp(-np.arange(RATE // 8) / 600)
    drums = np.tile(hit, 8 * 20)[:, None] * np.float32(0.1)
    time = np.arange(len(drums)) / RATE
    held = sum(np.sin(2 * np.pi * k * 73.4 * time) / k for k in range(1, 40))[:, None] * np.float32(0.1)
    for music in (held, studio(20, rng)):
        dry = (music + room(20, -70, rng)).astype(np.float32)
        assert "loopback" not in kinds(dry, chain(dry))
        assert not FaultMeter(RATE).take(dry)[:, AT["loop.loopback_percent"]].any()  # without wet


def test_loudness_is_told_only_far_from_its_target_and_never_of_a_floor():
    rng = np.random.default_rng(6)
    sound = studio(45, rng)
    meter = FaultMeter(RATE)
    lufs = meter.take(sound)[-1, AT["level.loudness_lufs"]]
    meter.aim(lufs + 9)
    assert meter.take(sound)[-1, AT["level.under_target_lu"]] == pytest.approx(9, abs=0.3)
    meter.aim(lufs - 9)
    assert meter.take(sound)[-1, AT["level.over_target_lu"]] == pytest.approx(9, abs=0.3)
    assert kinds(room(45, -62, rng)) == set()
    assert kinds(sound * np.float32(10 ** (-30 / 20))) == {"loudness_low"}
    assert "loudness_high" in kinds(np.clip(sound * np.float32(10 ** (40 / 20)), -1, 1))


def test_the_shipped_recording_has_none_of_these_faults():
    mono, rate = sf.read(SHIPPED_RECORDING, dtype="float32")
    assert rate == RATE
    for channels in ((mono, mono), (mono, 0 * mono)):
        sound = np.tile(np.stack(channels, axis=1), (3, 1))
        assert kinds(sound, sound) == set()
