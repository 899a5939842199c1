from __future__ import annotations

import numpy as np
import pyloudnorm
import pytest

from ag06d.audio.recording import load_recording
from ag06d.paths import SHIPPED_RECORDING
from ag06d.plot import sound
from ag06d.plot.sound import (
    Sound,
    integrated_lufs,
    k_weighted_powers,
    long_term_spectrum,
    outline,
    sliding_lufs,
)


def tone(seconds: float, rate: int = 48000, hertz: float = 1000.0, peak: float = 1.0) -> np.ndarray:
    wave = peak * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)
    return np.repeat(wave[:, None], 2, axis=1).astype(np.float32)


@pytest.mark.parametrize("rate", [44100, 48000, 96000])
def test_a_tone_of_minus_23_dbfs_in_both_channels_has_minus_23_lufs(rate):
    """EBU Tech 3341, test 1."""
    powers = k_weighted_powers(tone(20, rate, 1000, 10 ** (-23 / 20)), rate)
    assert integrated_lufs(powers) == pytest.approx(-23, abs=0.1)
    np.testing.assert_allclose(sliding_lufs(powers, 3.0)[40:], -23, atol=0.1)


def test_the_loudness_of_the_recording_is_that_of_another_meter():
    frames = load_recording(SHIPPED_RECORDING, 48000)
    ours = integrated_lufs(k_weighted_powers(frames, 48000))
    assert ours == pytest.approx(pyloudnorm.Meter(48000).integrated_loudness(frames.astype(float)), abs=0.1)


def test_pieces_are_weighted_as_the_whole_is():
    noise = np.random.default_rng(0).normal(0, 0.1, (48000 * 25, 2)).astype(np.float32)
    whole = np.concatenate(list(sound._filtered(noise, 48000, len(noise), 24000)))
    pieces = np.concatenate(list(sound._filtered(noise, 48000, 480000, 24000)))
    assert np.abs(whole - pieces).max() < 1e-6


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
    import soundfile  # noqa: PLC0415 - this test alone

    path = tmp_path / "short.wav"
    soundfile.write(path, np.zeros(frames), 48000)
    measured = Sound.of(path, 48000)
    assert measured.integrated_lufs == sound.SILENCE_LUFS
    assert np.isfinite(measured.spectrum_db).all()
