"""The meter against every case of EBU Tech 3341 and 3342 whose signal is described.

The signals are made after table 1 of each document (November 2023). Cases 7 and 8 of Tech 3341, 5 and
6 of Tech 3342, are recordings. Case 6 of Tech 3341 has five channels: three stereo streams here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import pytest
from ag06d._native import ffi, lib
from scipy import signal

RATE = 48000
RATES = [44100, 48000, 96000, 192000]
LU = 0.1  # tolerance of every loudness in Tech 3341
LRA_LU = 1.0  # and of every range in Tech 3342
TAPER_S = 0.01


def silence(seconds: float, rate: int) -> np.ndarray:
    """Nothing, for so long."""
    return np.zeros((round(seconds * rate), 2), np.float32)


def tones(segments: Iterable[tuple[float, float]], rate: int, hz: float = 1000.0) -> np.ndarray:
    """A stereo sine, in phase, through `segments` of (seconds, peak level in dBFS); -inf is silence."""
    lengths = [(round(seconds * rate), 10 ** (db / 20)) for seconds, db in segments]
    gain = np.concatenate([np.full(frames, level) for frames, level in lengths])
    wave = gain * np.sin(2 * np.pi * hz * np.arange(len(gain)) / rate)
    return np.stack([wave, wave], axis=1).astype(np.float32)


def tapered(wave: np.ndarray, rate: int) -> np.ndarray:
    """Faded in and out, in both channels."""
    frames = np.arange(len(wave))
    fade = np.minimum(1, np.minimum(frames, frames[::-1]) / (TAPER_S * rate))
    return np.stack([wave * fade] * 2, axis=1).astype(np.float32)


def steady(divisor: int, amplitude: float, degrees: float, rate: int) -> np.ndarray:
    """Cases 15 to 19: a sine of rate/divisor with a phase."""
    phase = 2 * np.pi * np.arange(rate // 2) / divisor + np.deg2rad(degrees)
    return tapered(amplitude * np.sin(phase), rate)


def burst(offset: int, rate: int) -> np.ndarray:
    """Cases 20 to 23: rate/6 at 0.50, in its middle one period of rate/4 at 1.00 without a break in phase.

    Made at four times the rate, low-passed, and every fourth sample taken from `offset` on.
    """
    slow, fast = 24, 16  # periods at the fourfold rate
    half = 500 * slow
    before = 0.5 * np.sin(2 * np.pi * np.arange(half) / slow)
    peak = np.sin(2 * np.pi * np.arange(fast) / fast)
    wave = np.concatenate([before, peak, before])
    low_pass = signal.firwin(1023, 0.25, window=("kaiser", 8.0))
    return tapered(signal.convolve(wave, low_pass, mode="same")[offset::4], rate)


def close(lufs, tolerance=LU):
    return pytest.approx(lufs, abs=tolerance)


# ---- Tech 3341, loudness -----------------------------------------------------------------------


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize(("case", "level"), [(1, -23.0), (2, -33.0)])
def test_3341_cases_1_and_2_a_tone_has_one_loudness_on_every_scale(meter, case, level, rate):
    reading = meter(rate).feed(tones([(20, level)], rate)).reading
    assert reading.momentary_lufs == close(level), case
    assert reading.short_term_lufs == close(level)
    assert reading.integrated_lufs == close(level)


SEQUENCES = {
    3: [(10, -36), (60, -23), (10, -36)],
    4: [(10, -72), (10, -36), (60, -23), (10, -36), (10, -72)],
    5: [(20, -26), (20.1, -20), (20, -26)],
}


@pytest.mark.parametrize("rate", [44100, 48000])
@pytest.mark.parametrize("case", SEQUENCES)
def test_3341_cases_3_to_5_the_gates_leave_out_what_is_too_quiet(meter, case, rate):
    assert meter(rate).feed(tones(SEQUENCES[case], rate)).reading.integrated_lufs == close(-23.0)


def test_3341_case_6_five_channels_add_up_by_their_weights(meter):
    programme = ffi.new("ag06_programme *")
    lib.ag06_programme_reset(programme)
    streams = []
    for levels, weight in (((-28, -28), 1.0), ((-24, -math.inf), 1.0), ((-30, -30), 1.41)):
        sound = np.hstack([tones([(20, level)], RATE)[:, :1] for level in levels])
        stream = meter(RATE)
        streams.append((weight, stream, stream.blocks(sound, RATE // 10)))
    for tenth in range(200):
        for _, _, blocks in streams:
            next(blocks)
        if tenth >= 3:
            mean_square = sum(weight * stream.meter.momentary[0] for weight, stream, _ in streams)
            lib.ag06_programme_add_block(programme, mean_square)
    assert lib.ag06_programme_integrated_lufs(programme) == close(-23.0)


@pytest.mark.parametrize("rate", [44100, 48000])
def test_3341_case_9_short_term_is_constant_after_three_seconds(meter, rate):
    sound = tones([(1.34, -20), (1.66, -30)] * 5, rate)
    read = [reading.short_term_lufs for reading in meter(rate).blocks(sound, rate // 100)]
    assert max(read[300:]) == close(-23.0)
    assert min(read[300:]) == close(-23.0)


@pytest.mark.parametrize("step", range(20))
def test_3341_case_10_the_largest_short_term_of_a_tone_of_three_seconds(meter, step):
    sound = tones([(step * 0.15, -math.inf), (3, -23), (1, -math.inf)], RATE)
    assert meter(RATE).feed(sound).reading.max_short_term_lufs == close(-23.0)


def test_3341_case_11_the_largest_short_term_follows_live(meter):
    live = meter(RATE)
    for step in range(20):
        sound = tones([(step * 0.15, -math.inf), (3, -38 + step), (3 - step * 0.15, -math.inf)], RATE)
        assert live.feed(sound).reading.max_short_term_lufs == close(-38.0 + step), step


@pytest.mark.parametrize("rate", [44100, 48000])
def test_3341_case_12_momentary_is_constant_after_a_second(meter, rate):
    sound = tones([(0.18, -20), (0.22, -30)] * 25, rate)
    read = [reading.momentary_lufs for reading in meter(rate).blocks(sound, rate // 100)]
    assert max(read[100:]) == close(-23.0)
    assert min(read[100:]) == close(-23.0)


@pytest.mark.parametrize("step", range(20))
def test_3341_case_13_the_largest_momentary_of_a_tone_of_400_ms(meter, step):
    sound = tones([(step * 0.02, -math.inf), (0.4, -23), (1, -math.inf)], RATE)
    assert meter(RATE).feed(sound).reading.max_momentary_lufs == close(-23.0)


def test_3341_case_14_the_largest_momentary_follows_live(meter):
    live = meter(RATE)
    for step in range(20):
        sound = tones([(step * 0.02, -math.inf), (0.4, -38 + step), (0.4 - step * 0.02, -math.inf)], RATE)
        assert live.feed(sound).reading.max_momentary_lufs == close(-38.0 + step), step


# ---- Tech 3341, true peak ----------------------------------------------------------------------

STEADY = {  # case: divisor of the rate, amplitude, phase in degrees, level
    15: (4, 0.50, 0.0, -6.0),
    16: (4, 0.50, 45.0, -6.0),
    17: (6, 0.50, 60.0, -6.0),
    18: (8, 0.50, 67.5, -6.0),
    19: (4, 1.41, 45.0, 3.0),
}


def is_true_peak(measured_db, level_db):
    """The tolerance of Tech 3341: it may read 0.2 dB too much, and 0.4 dB too little."""
    return level_db - 0.4 <= measured_db <= level_db + 0.2


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("case", STEADY)
def test_3341_cases_15_to_19_a_tone_peaks_between_its_samples(meter, case, rate):
    divisor, amplitude, degrees, level = STEADY[case]
    assert is_true_peak(meter(rate).feed(steady(divisor, amplitude, degrees, rate)).true_peak_db, level)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("case", [20, 21, 22, 23])
def test_3341_cases_20_to_23_a_single_period_peaks_between_its_samples(meter, case, rate):
    assert is_true_peak(meter(rate).feed(burst(case - 20, rate)).true_peak_db, 0.0)


def test_the_samples_alone_would_not_pass_the_cases_of_true_peak(meter):
    live = meter(RATE).feed(steady(*STEADY[16][:3], RATE))
    assert 20 * math.log10(live.reading.max_peak[0]) == pytest.approx(-9.03, abs=0.01)


@pytest.mark.parametrize("hz", [997, 6000, 12000, 16000, 18000, 20000])
def test_true_peak_reads_a_tone_within_a_third_of_a_decibel_wherever_its_samples_fall(meter, hz):
    for cents in np.linspace(0, 1, 7):
        wave = 0.5 * np.sin(2 * np.pi * (hz * np.arange(RATE // 4) / RATE + cents))
        assert meter(RATE).feed(tapered(wave, RATE)).true_peak_db == pytest.approx(-6.02, abs=0.33)


# ---- Tech 3342 ---------------------------------------------------------------------------------

RANGES = {  # case: levels of 20 s each, range
    1: ([-20, -30], 10.0),
    2: ([-20, -15], 5.0),
    3: ([-40, -20], 20.0),
    4: ([-50, -35, -20, -35, -50], 15.0),
}


@pytest.mark.parametrize("rate", [44100, 48000])
@pytest.mark.parametrize("case", RANGES)
def test_3342_cases_1_to_4_the_loudness_range(meter, case, rate):
    levels, wanted = RANGES[case]
    reading = meter(rate).feed(tones([(20, level) for level in levels], rate)).reading
    assert reading.lra_lu == close(wanted, LRA_LU)
