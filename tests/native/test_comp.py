"""The compressor: static curve, knee, times, make-up, side-chain."""

from __future__ import annotations

import numpy as np
import pytest

from .reference import compressed, db, error_db, speech

RATES = [44100, 48000, 96000, 192000]
COMP = {
    "enabled": 1, "auto_makeup": 0, "threshold_db": -20, "ratio": 4, "knee_db": 10, "attack_ms": 0.5,
    "release_ms": 0.5, "makeup_db": 0, "sidechain_hz": 0,
}  # fmt: skip


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("sidechain_hz", [0, 150])
@pytest.mark.parametrize("auto_makeup", [0, 1])
def test_it_is_the_reference(engine, rate, sidechain_hz, auto_makeup):
    on, signal = engine(rate), speech(rate, 0.5)
    on.settings.comp = COMP | {
        "attack_ms": 5, "release_ms": 90, "makeup_db": 2, "auto_makeup": auto_makeup,
        "sidechain_hz": sidechain_hz,
    }  # fmt: skip
    reference = compressed(signal.astype(float), rate, on.settings.comp)
    assert np.abs(reference - signal).max() > 0.1
    assert error_db(on.run(signal), reference) < -120


@pytest.mark.parametrize("rate", RATES)
def test_its_static_curve_has_threshold_ratio_and_a_soft_knee(engine, rate):
    on = engine(rate)
    on.settings.comp = COMP | {"makeup_db": 3}
    for level in np.arange(-45.0, 0.1, 1.0):
        steady = np.full((rate // 50, 2), db(level), np.float32)
        out_db = 20 * np.log10(on.run(steady)[-1, 0]) - 3
        over = level + 20
        knee = -0.75 * (over + 5) ** 2 / 20 if abs(over) < 5 else min(0, -0.75 * over)
        assert out_db == pytest.approx(level + knee, abs=1e-4)


@pytest.mark.parametrize("rate", RATES)
def test_attack_and_release_cover_63_percent_of_a_step_in_their_time(engine, rate):
    on = engine(rate)
    attack, release = 10, 40
    on.settings.comp = COMP | {
        "threshold_db": -30, "ratio": 2, "knee_db": 1, "attack_ms": attack, "release_ms": release,
    }  # fmt: skip
    step = np.concatenate([np.full((rate // 4, 2), db(-10)), np.full((rate // 2, 2), db(-40))])
    gain_db = 20 * np.log10(on.run(step.astype(np.float32))[:, 0] / step[:, 0])
    assert gain_db[rate // 4 - 1] == pytest.approx(-10, abs=1e-3)
    assert gain_db[round(attack * rate / 1000) - 1] == pytest.approx(-10 * (1 - np.exp(-1)), abs=0.02)
    released = rate // 4 + round(release * rate / 1000) - 1
    assert gain_db[released] == pytest.approx(-10 * np.exp(-1), abs=0.02)


def test_automatic_makeup_adds_half_of_what_is_taken_from_0_dbfs(engine):
    on = engine(48000)
    on.settings.comp = COMP | {"auto_makeup": 1, "knee_db": 0}
    for level, expected in [(0, -7.5), (-20, -12.5), (-40, -32.5)]:  # 15 dB taken at 0 dBFS
        steady = np.full((4800, 2), db(level), np.float32)
        assert 20 * np.log10(on.run(steady)[-1, 0]) == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("rate", RATES)
def test_the_sidechain_does_not_hear_what_is_below_its_highpass(engine, rate):
    """A rumble at a tenth of the corner is 40 dB down: below the threshold, it costs nothing."""
    on = engine(rate)
    time = np.arange(rate) / rate
    rumble = np.stack([0.9 * np.sin(2 * np.pi * 30 * time)] * 2, axis=1).astype(np.float32)
    on.settings.comp = COMP | {"release_ms": 50, "sidechain_hz": 300}
    assert (on.run(rumble)[rate // 2 :] == rumble[rate // 2 :]).all()
    on.settings.comp = COMP | {"release_ms": 50}
    assert np.abs(on.run(rumble)[rate // 2 :]).max() < 0.5


@pytest.mark.parametrize("channel", [0, 1])
def test_the_louder_channel_turns_both_down_alike(engine, channel):
    on, signal = engine(48000), speech(48000, 0.5)
    on.settings.comp = COMP | {"attack_ms": 5, "release_ms": 50}
    signal[:, 1 - channel] = signal[:, channel] / 16
    out = on.run(signal)
    assert np.abs(out[:, 1 - channel] * 16 - out[:, channel]).max() < 1e-6
