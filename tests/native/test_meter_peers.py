"""The meter against other people's, and its weighting, levels and gates against mathematics."""

from __future__ import annotations

import ctypes
import ctypes.util
import math

import numpy as np
import pyloudnorm
import pytest
import soundfile
from scipy import signal

RATE = 48000


def close(lufs, tolerance=0.1):
    return pytest.approx(lufs, abs=tolerance)


# ---- programmes --------------------------------------------------------------------------------


def pink(rng, rate):
    """A minute of noise of equal energy in every octave, that comes and goes."""
    frames = 60 * rate
    spectrum = np.fft.rfft(rng.standard_normal((frames, 2)), axis=0)
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))[:, None]
    noise = np.fft.irfft(spectrum, frames, axis=0)
    swell_db = np.interp(np.arange(frames) / rate, [0, 15, 27, 42, 60], [-50, -12, -30, -6, -40])
    return (noise / np.abs(noise).max() * 10 ** (swell_db[:, None] / 20)).astype(np.float32)


@pytest.fixture(params=["speech", "noise", "speech at 44.1 kHz"])
def programme(request, root):
    """A recording of speech, or noise; with its rate."""
    if request.param == "noise":
        return pink(np.random.default_rng(7), RATE), RATE
    sound, rate = soundfile.read(
        root / "daemon" / "ag06d" / "recordings" / "studio.flac", dtype="float32", always_2d=True
    )
    sound = np.repeat(sound, 2, axis=1)[:, :2] if sound.shape[1] == 1 else sound
    if request.param != "speech":
        sound, rate = signal.resample_poly(sound, 147, 160, axis=0).astype(np.float32), 44100
    return sound, rate


# ---- mathematics -------------------------------------------------------------------------------


def weighting(meter, rate):
    """The coefficients b, a of both sections of the meter's K-weighting."""
    coefficients = meter(rate).meter
    return [
        ([s.b0, s.c1 + s.a1 * s.b0, s.c2 + s.a2 * s.b0], [1, s.a1, s.a2])
        for s in (coefficients.shelf, coefficients.highpass)
    ]


def weighting_db(meter, rate, frequencies):
    responses = [signal.freqz(b, a, frequencies, fs=rate)[1] for b, a in weighting(meter, rate)]
    return 20 * np.log10(np.abs(np.prod(responses, axis=0)))


def test_the_weighting_at_48_khz_is_the_one_printed_in_bs_1770(meter):
    (shelf_b, shelf_a), (highpass_b, highpass_a) = weighting(meter, RATE)
    # ITU-R BS.1770-5, annex 1, tables 1 and 2
    assert shelf_b == pytest.approx([1.53512485958697, -2.69169618940638, 1.19839281085285], abs=1e-11)
    assert shelf_a == pytest.approx([1, -1.69065929318241, 0.73248077421585], abs=1e-11)
    assert highpass_b == pytest.approx([1, -2, 1], abs=1e-11)
    assert highpass_a == pytest.approx([1, -1.99004745483398, 0.99007225036621], abs=1e-11)


@pytest.mark.parametrize("rate", [44100, 88200, 96000, 176400, 192000])
def test_the_weighting_is_the_same_at_every_rate(meter, rate):
    frequencies = np.geomspace(20, 4000, 200)
    difference = weighting_db(meter, rate, frequencies) - weighting_db(meter, RATE, frequencies)
    assert np.abs(difference).max() < 0.01


def lufs(mean_square):
    return -0.691 + 10 * np.log10(np.maximum(mean_square, 1e-20))


def windows(meter, sound, rate, seconds):
    """K-weighted mean squares of both channels together, of so many seconds, each 100 ms."""
    weighted = sound.astype(np.float64)
    for b, a in weighting(meter, rate):
        weighted = signal.lfilter(b, a, weighted, axis=0)
    step = rate // 10
    tenths = (weighted[: len(weighted) // step * step] ** 2).sum(axis=1).reshape(-1, step).mean(axis=1)
    return np.convolve(tenths, np.full(round(10 * seconds), 0.1 / seconds), mode="valid")


def test_integrated_loudness_is_that_of_the_definition(meter, programme):
    sound, rate = programme
    blocks = windows(meter, sound, rate, 0.4)
    blocks = blocks[lufs(blocks) > -70]
    blocks = blocks[lufs(blocks) > lufs(blocks.mean()) - 10]
    assert meter(rate).feed(sound).reading.integrated_lufs == close(lufs(blocks.mean()), 0.005)


def test_the_loudness_range_is_that_of_the_definition(meter, programme):
    sound, rate = programme
    short_term = windows(meter, sound, rate, 3.0)
    short_term = short_term[lufs(short_term) > -70]
    short_term = np.sort(lufs(short_term[lufs(short_term) > lufs(short_term.mean()) - 20]))
    low, high = (short_term[round((len(short_term) - 1) * share)] for share in (0.10, 0.95))
    assert meter(rate).feed(sound).reading.lra_lu == close(high - low, 0.05)


# ---- other meters ------------------------------------------------------------------------------


def test_pyloudnorm_hears_the_same_integrated_loudness(meter, programme):
    sound, rate = programme
    theirs = pyloudnorm.Meter(rate).integrated_loudness(sound.astype(np.float64))
    assert meter(rate).feed(sound).reading.integrated_lufs == close(theirs)


class Ebur128:
    """Debian's libebur128, having heard `sound`."""

    MODES = 0b111111  # momentary, short-term, integrated, range, sample and true peak

    def __init__(self, library, rate, sound):
        self._library = library
        library.ebur128_init.restype = ctypes.c_void_p
        self._state = ctypes.c_void_p(library.ebur128_init(2, ctypes.c_ulong(rate), self.MODES))
        sound = np.ascontiguousarray(sound, np.float32)
        pointer = sound.ctypes.data_as(ctypes.c_void_p)
        assert library.ebur128_add_frames_float(self._state, pointer, ctypes.c_size_t(len(sound))) == 0

    def ask(self, name, *arguments):
        value = ctypes.c_double()
        assert getattr(self._library, f"ebur128_{name}")(self._state, *arguments, ctypes.byref(value)) == 0
        return value.value

    def __del__(self):
        self._library.ebur128_destroy(ctypes.byref(self._state))


@pytest.fixture(scope="module")
def library():
    name = ctypes.util.find_library("ebur128")
    if name is None:
        pytest.skip("needs Debian's libebur128-1")
    return ctypes.CDLL(name)


def test_libebur128_hears_the_same_programme(meter, library, programme):
    sound, rate = programme
    theirs = Ebur128(library, rate, sound)
    live = meter(rate).feed(sound)
    true_peak = max(theirs.ask("true_peak", channel) for channel in (0, 1))
    assert live.reading.integrated_lufs == close(theirs.ask("loudness_global"), 0.05)
    assert live.reading.lra_lu == close(theirs.ask("loudness_range"), 1.0)  # theirs looks once a second
    assert live.true_peak_db == pytest.approx(20 * math.log10(true_peak), abs=0.1)
    assert live.reading.max_peak[0] == theirs.ask("sample_peak", 0)


def test_libebur128_hears_the_same_from_moment_to_moment(meter, library, programme):
    sound, rate = programme
    for end in (4 * rate, 9 * rate, 13 * rate):
        theirs = Ebur128(library, rate, sound[:end])
        reading = meter(rate).feed(sound[:end]).reading
        assert reading.momentary_lufs == close(theirs.ask("loudness_momentary"), 0.05)
        assert reading.short_term_lufs == close(theirs.ask("loudness_shortterm"), 0.05)


# ---- levels ------------------------------------------------------------------------------------


def test_a_sine_has_its_rms_its_crest_and_its_correlation(meter):
    wave = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE)
    reading = meter(RATE).feed(np.stack([wave, wave], axis=1)).reading
    assert 20 * math.log10(reading.rms[0]) == pytest.approx(-9.03, abs=0.01)
    assert 20 * math.log10(reading.peak[0] / reading.rms[0]) == pytest.approx(3.01, abs=0.01)
    assert reading.correlation == pytest.approx(1.0)


def test_correlation_is_that_of_numpy(meter):
    sound = np.random.default_rng(1).standard_normal((RATE, 2)) * 0.1
    sound[:, 1] = 0.6 * sound[:, 0] - 0.8 * sound[:, 1]
    recent = sound[-round(0.4 * RATE) :].astype(np.float32).astype(float)
    wanted = np.sum(recent[:, 0] * recent[:, 1]) / np.sqrt(np.prod(np.sum(recent**2, axis=0)))
    assert meter(RATE).feed(sound).reading.correlation == pytest.approx(wanted, abs=1e-9)
