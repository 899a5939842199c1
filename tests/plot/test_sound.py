from __future__ import annotations

import numpy as np
import pytest
import soundfile

from ag06d.arena.stats import SILENCE_DB
from ag06d.plot import sound
from ag06d.plot.loudness import Loudness
from ag06d.plot.sound import Sound, long_term_spectrum, outline


def tone(seconds: float, rate: int = 48000, hertz: float = 1000.0, peak: float = 1.0) -> np.ndarray:
    wave = peak * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)
    return np.repeat(wave[:, None], 2, axis=1).astype(np.float32)


@pytest.mark.parametrize("rate", [44100, 48000, 96000])
def test_the_curves_of_loudness_begin_with_whole_windows_and_follow_the_sound(rate):
    """The tone of EBU Tech 3341, test 1, then silence, and half a step more."""
    frames = np.concatenate([tone(5, rate, 1000, 10 ** (-23 / 20)), np.zeros((round(4.05 * rate), 2))])
    loudness = Loudness.of(frames.astype(np.float32), rate)
    for curve, whole in ((loudness.momentary_lufs, 4), (loudness.short_term_lufs, 30)):
        assert len(curve) == 90
        assert np.isnan(curve[: whole - 1]).all()
        np.testing.assert_allclose(curve[whole - 1 : 50], -23, atol=0.1)
        np.testing.assert_allclose(curve[50 + whole :], SILENCE_DB)
    assert loudness.integrated_lufs == pytest.approx(-23, abs=0.2)
    assert loudness.peak_db == pytest.approx(-23, abs=0.01)


def test_a_full_scale_tone_has_the_power_of_one_and_nothing_else_has_any():
    frequencies, spectrum = long_term_spectrum(tone(2, hertz=3000), 48000)
    near = np.abs(np.log2(frequencies / 3000)) < 0.05
    width = 3000 * (2 ** (1 / 12) - 2 ** (-1 / 12)) * 8192 / 48000  # bins that the smoothing takes together
    assert spectrum[near].max() == pytest.approx(10 * np.log10(1.5 / width), abs=0.3)  # Hann: 1.5 bins wide
    assert spectrum[frequencies < 1500].max() < -80


def test_the_outline_holds_every_peak():
    frames = np.zeros((100_000, 2), np.float32)
    frames[12345, 1], frames[77777, 0] = 0.7, -0.9
    low, high = outline(frames)
    assert (low.min(), high.max()) == (np.float32(-0.9), np.float32(0.7))
    assert len(low) == len(high) <= sound.OUTLINE_POINTS


@pytest.mark.parametrize("frames", [1, 10, 4799, 4800, 30000])
def test_a_short_or_silent_recording_is_measured_too(tmp_path, frames):
    path = tmp_path / "short.wav"
    soundfile.write(path, np.zeros(frames), 48000)
    measured = Sound.of(path, 48000)
    assert measured.loudness.integrated_lufs == SILENCE_DB
    assert np.isfinite(measured.spectrum_db).all()
