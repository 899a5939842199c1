"""Every factory preset on the shipped recording: as loud as `voice`, and below its ceiling."""

from __future__ import annotations

import numpy as np
import pyloudnorm
import pytest
from scipy.signal import resample_poly

from ag06d.arena.parameters import to_settings
from ag06d.audio.recording import load_recording
from ag06d.core.presets import PresetLibrary
from ag06d.paths import FACTORY_PRESETS, SHIPPED_RECORDING

RATE = 48000
NEUTRAL = {"flat", "bypass"}  # they match what comes in
PRESETS = sorted(path.stem for path in FACTORY_PRESETS.glob("*.toml"))
ALLOWED_LU = 1.0


@pytest.fixture(scope="module")
def sound() -> np.ndarray:
    return load_recording(SHIPPED_RECORDING, RATE)


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    library = PresetLibrary(tmp_path_factory.mktemp("none"))
    return lambda name: library.load(name).chain


@pytest.fixture
def play(engine, sound, chain):
    def play(name: str) -> np.ndarray:
        rig = engine(RATE)
        rig.settings = to_settings(chain(name))
        return rig.run(sound)

    return play


@pytest.fixture(scope="module")
def loudness():
    """Integrated loudness of what a preset makes of the recording, remembered."""
    meter, known = pyloudnorm.Meter(RATE), {}

    def loudness(name: str, wet) -> float:
        if name not in known:
            known[name] = meter.integrated_loudness(wet().astype(np.float64))
        return known[name]

    return loudness


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_stable_below_its_ceiling_and_as_loud_as_voice(name, play, chain, loudness):
    wet = play(name)
    values = chain(name)
    assert np.isfinite(wet).all()
    if values["limiter.enabled"]:
        true_peak_db = 20 * np.log10(np.abs(resample_poly(wet[:, 0].astype(np.float64), 4, 1)).max())
        assert true_peak_db <= values["limiter.ceiling_db"]
    if name not in NEUTRAL:
        voice = loudness("voice", lambda: play("voice"))
        assert loudness(name, lambda: wet) == pytest.approx(voice, abs=ALLOWED_LU)


def test_bypass_lets_the_recording_through_as_it_is(play, sound):
    np.testing.assert_allclose(play("bypass"), sound, atol=1e-7)
