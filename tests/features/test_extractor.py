import math
from itertools import pairwise

import librosa
import numpy as np
import pytest
from ag06d._native import ffi
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from ag06d.features import FLOOR_DB, GROUPS, HOP_FEATURES, SIGNAL_FEATURES, SIGNALS, Extractor, elements

RATES = (44100, 48000)
ROLLOFF = 0.85


def columns(extractor, rows, prefix=""):
    """Each feature's elements by its name."""
    fields = extractor.fields
    return {
        name.removeprefix(prefix): rows[:, fields.index(name)] for name in fields if name.startswith(prefix)
    }


def noise(rate, seconds, seed=0, channels=2):
    white = np.random.default_rng(seed).standard_normal((round(rate * seconds), channels))
    return (white / 8).astype(np.float32)


def sine(rate, hz, seconds, peak=0.5, phase=0.0):
    turns = hz * np.arange(round(rate * seconds)) / rate
    return (peak * np.sin(2 * np.pi * turns + phase)).astype(np.float32)


def settled(rate, sound, **options):
    """The features of the last hop of one channel."""
    extractor = Extractor(rate, 1, **options)
    rows = columns(extractor, extractor.extract(sound), "left.")
    return {name: float(values[-1]) for name, values in rows.items()}


@pytest.fixture(scope="module", params=RATES)
def speech(request):
    """A varied sound, its features, and the same frames for others to look at."""
    rate = request.param
    generator = np.random.default_rng(1)
    time = np.arange(6 * rate) / rate
    f0 = 120 * 2 ** (np.sin(2 * np.pi * 0.4 * time) / 2)
    phase = 2 * np.pi * np.cumsum(f0) / rate
    voice = sum(np.sin(n * phase) / n for n in range(1, 20))
    spoken = 0.1 * np.clip(np.sin(2 * np.pi * 0.7 * time), 0, 1)
    sound = spoken * voice + 1e-3 * generator.standard_normal(len(time))
    sound[2 * rate : 3 * rate] = 0
    sound = sound.astype(np.float32)
    extractor = Extractor(rate, 1)
    rows = extractor.extract(sound)
    padded = np.concatenate([np.zeros(extractor.window - extractor.hop), sound])
    frames = librosa.util.frame(padded, frame_length=extractor.window, hop_length=extractor.hop)
    frames = frames[:, : len(rows)]
    hann = np.hanning(extractor.window + 1)[:-1, None]
    power = np.abs(np.fft.rfft(frames * hann, axis=0)) ** 2 * (2 / hann.sum()) ** 2
    return rate, extractor, rows, power


def of(speech, name):
    _, extractor, rows, _ = speech
    return np.stack(list(columns(extractor, rows, f"left.{name}").values()))


def test_the_catalogue_lies_as_the_struct_does():
    def layout(struct):
        return [(name, ffi.sizeof(field.type) // 4) for name, field in ffi.typeof(struct).fields]

    assert layout("ag06_signal_features") == [(f.name, len(f.names)) for f in SIGNAL_FEATURES]
    assert layout("ag06_hop_features")[:-1] == [(f.name, 1) for f in HOP_FEATURES]
    names = [name for name, _ in elements()]
    assert len(set(names)) == len(names) == ffi.sizeof("ag06_hop_features") // 4
    assert {f.group for f in (*SIGNAL_FEATURES, *HOP_FEATURES)} == set(GROUPS)


def test_the_shape_of_the_spectrum_is_librosas(speech):
    rate, extractor, _, power = speech
    loud = power.sum(axis=0) > 1e-9
    magnitude, n = np.sqrt(power), extractor.window
    for name, theirs, tolerance in (
        ("spectral_centroid", librosa.feature.spectral_centroid(S=magnitude, sr=rate, n_fft=n), 0.5),
        ("spectral_spread", librosa.feature.spectral_bandwidth(S=magnitude, sr=rate, n_fft=n), 0.5),
        (
            "spectral_rolloff",
            librosa.feature.spectral_rolloff(S=power, sr=rate, n_fft=n, roll_percent=ROLLOFF),
            1.01 * rate / n,  # a bin, where rounding decides
        ),
        ("spectral_flatness", librosa.feature.spectral_flatness(S=magnitude, amin=1e-10), 1e-4),
    ):
        assert np.abs(of(speech, name) - theirs)[:, loud].max() < tolerance, name


def test_mel_bands_mfcc_and_chroma_are_librosas(speech):
    rate, extractor, _, power = speech
    mels = librosa.filters.mel(sr=rate, n_fft=extractor.window, n_mels=40) @ power
    log_mels = 10 * np.log10(np.maximum(mels, 1e-12))
    assert np.abs(of(speech, "log_mel_db") - log_mels).max() < 0.01
    assert np.abs(of(speech, "mfcc") - librosa.feature.mfcc(S=log_mels, n_mfcc=13)).max() < 0.01
    chroma = librosa.feature.chroma_stft(S=power, sr=rate, n_fft=extractor.window, tuning=0)
    loud = power.sum(axis=0) > 1e-9
    assert np.abs(of(speech, "chroma") - chroma)[:, loud].max() < 1e-3


def test_flux_slope_and_octaves_are_what_their_formulas_say(speech):
    rate, extractor, _, power = speech
    magnitude = np.sqrt(power)
    share = magnitude / np.maximum(magnitude.sum(axis=0), 1e-30)
    rise = np.maximum(np.diff(share, axis=1, prepend=0), 0)
    assert np.abs(of(speech, "spectral_flux") - np.sqrt((rise**2).sum(axis=0))).max() < 1e-4
    hz = np.arange(len(power)) * rate / extractor.window
    loud = power.sum(axis=0) > 1e-9
    slope = np.polyfit(hz, share[:, loud], 1)[0]
    assert np.abs(of(speech, "spectral_slope")[0, loud] - slope).max() < 1e-9
    bands = of(speech, "octave_db")
    for band, middle in zip(bands, 1000 * 2.0 ** np.arange(-5, 5), strict=True):
        inside = (hz >= middle / math.sqrt(2)) & (hz < middle * math.sqrt(2))
        level = 10 * np.log10(np.maximum(power[inside].sum(axis=0) / 3, 1e-12))
        assert np.abs(band - level).max() < 0.01


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("hz", [62.5, 110.0, 220.0, 440.0, 880.0])
def test_a_tone_is_known_by_its_pitch(rate, hz):
    sound = sum(sine(rate, n * hz, 0.5, 0.2 / n) for n in range(1, 6))
    found = settled(rate, sound)
    assert abs(1200 * math.log2(found["f0"] / hz)) < 10
    assert found["voicing"] > 0.9
    assert found["hnr_db"] > 12


def test_noise_has_no_pitch_and_a_flat_spectrum():
    found = settled(48000, noise(48000, 1, channels=1))
    assert found["voicing"] < 0.6
    assert found["hnr_db"] < 3
    assert 0.5 < found["spectral_flatness"] < 0.65  # e^-gamma is expected of periodogram noise


@pytest.mark.parametrize("rate", RATES)
def test_levels_of_a_sine_are_known(rate):
    found = settled(rate, sine(rate, 1000, 0.5, peak=0.5))
    assert found["rms_db"] == pytest.approx(20 * math.log10(0.5 / math.sqrt(2)), abs=0.01)
    assert found["peak_db"] == pytest.approx(20 * math.log10(0.5), abs=0.02)
    assert found["crest_db"] == pytest.approx(3.01, abs=0.03)
    assert found["zero_crossing_rate"] == pytest.approx(2000, abs=100)
    assert found["spectral_centroid"] == pytest.approx(1000, abs=15)
    assert found["octave_db_1k"] == pytest.approx(found["rms_db"], abs=0.02)


def test_between_the_samples_there_may_be_more():
    found = settled(48000, sine(48000, 12000, 0.5, peak=0.5, phase=math.pi / 4))
    assert found["peak_db"] == pytest.approx(20 * math.log10(0.5) - 3.01, abs=0.01)
    assert found["true_peak_db"] == pytest.approx(20 * math.log10(0.5), abs=0.2)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize(("mains", "other"), [(50, 60), (60, 50)])
def test_hum_is_measured_with_its_harmonics_in_sound(rate, mains, other):
    hum = sine(rate, mains, 2, 0.01) + sine(rate, 3 * mains, 2, 0.005) + sine(rate, 10 * mains, 2, 0.005)
    level = 10 * math.log10((0.01**2 + 2 * 0.005**2) / 2)
    found = settled(rate, hum + noise(rate, 2, channels=1)[:, 0] / 50)
    assert found[f"hum_{mains}_db"] == pytest.approx(level, abs=0.5)
    assert found[f"hum_{other}_db"] < level - 15


def test_dc_and_the_noise_floor_are_found_under_speech():
    rate = 48000
    quiet = noise(rate, 4, channels=1)[:, 0] * 8e-3  # rms 0.001
    burst = quiet + np.repeat(np.arange(8) % 2, rate // 2) * noise(rate, 4, 2, channels=1)[:, 0]
    found = settled(rate, burst.astype(np.float32) + np.float32(0.05))
    assert found["dc_offset"] == pytest.approx(0.05, abs=0.003)
    found = settled(rate, burst.astype(np.float32))
    assert found["noise_floor_db"] == pytest.approx(-60, abs=0.4)


def test_of_two_channels_mid_is_their_mean_and_the_stereo_image_is_told():
    rate, left = 48000, noise(48000, 1, channels=1)[:, 0]
    for right, correlation, balance in ((left, 1, 0), (-left, -1, 0), (left / 2, 1, -0.6), (0 * left, 0, -1)):
        both = Extractor(rate)
        rows = both.extract(np.stack([left, right], axis=1))
        found = {name: float(values[-1]) for name, values in columns(both, rows).items()}
        assert found["correlation"] == pytest.approx(correlation, abs=1e-3)
        assert found["balance"] == pytest.approx(balance, abs=1e-3)
        one = settled(rate, (left + right) / 2)
        for name, value in one.items():
            assert found[f"mid.{name}"] == pytest.approx(value, abs=0.02, rel=1e-3), name


@settings(max_examples=30, deadline=None)
@given(cuts=st.lists(st.integers(0, 60), max_size=6), seed=st.integers(0, 99), rate=st.sampled_from(RATES))
def test_batch_is_streaming_bit_for_bit(cuts, seed, rate):
    sound = noise(rate, 0.6, seed)
    whole = Extractor(rate)
    rows = whole.extract(sound)
    streaming = Extractor(rate)
    streaming.extract(noise(rate, 0.1, seed + 1))
    streaming.reset()  # as new
    edges = sorted({0, *cuts, len(rows)} - {cut for cut in cuts if cut > len(rows)})
    parts = [streaming.extract(sound[begin * whole.hop : end * whole.hop]) for begin, end in pairwise(edges)]
    assert np.concatenate(parts).tobytes() == rows.tobytes()


FLOATS = st.one_of(
    st.floats(width=32, allow_nan=True, allow_infinity=True),
    st.sampled_from([0.0, 1.0, -1.0, 1e-30, 1e-44, 3e38, math.nan, math.inf, -math.inf]),
)


@settings(max_examples=60, deadline=None)
@given(block=arrays.arrays(np.float32, st.tuples(st.integers(480, 1500), st.just(2)), elements=FLOATS))
def test_whatever_comes_in_every_value_is_in_its_range_and_leaves_no_trace(block):
    extractor = Extractor(48000)
    low, high = np.array([(feature.low, feature.high) for _, feature in elements()], dtype=np.float32).T
    rows = extractor.extract(np.concatenate([block, noise(48000, 0.2)]))
    assert np.isfinite(rows).all()
    wrong = [extractor.fields[i] for i in np.flatnonzero(((rows < low) | (rows > high)).any(axis=0))]
    assert wrong == []


@pytest.mark.parametrize("sample", [0.0, math.nan])
def test_silence_is_told_as_such(sample):
    found = settled(48000, np.full(48000, sample, np.float32))
    for name, value in found.items():
        expected = FLOOR_DB if name.endswith("_db") or "_db_" in name else 0
        if name not in ("crest_db", "hnr_db") and not name.startswith("mfcc") and "flatness" not in name:
            assert value == pytest.approx(expected, abs=1e-4), name


def test_groups_are_extracted_alone_as_they_are_together():
    sound = noise(48000, 0.3, channels=1)
    everything = columns(whole := Extractor(48000, 1), whole.extract(sound))
    for group in GROUPS:
        rows = columns(alone := Extractor(48000, 1, [group]), alone.extract(sound))
        for name, feature in elements(SIGNALS[:1]):
            wanted = everything[name] if feature.group == group else np.zeros(len(rows[name]))
            assert (rows[name] == wanted).all(), name


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"rate": 4000}, "8000 to 192000"),
        ({"channels": 3}, "channels is 1 or 2"),
        ({"rolloff": 0.0}, "rolloff"),
        ({"groups": ["mel"]}, "'mel'; there are level"),
    ],
)
def test_what_cannot_be_is_refused(options, told):
    with pytest.raises(ValueError, match=told):
        Extractor(**({"rate": 48000} | options))
    with pytest.raises(ValueError, match=r"\(frames, 2\)"):
        Extractor(48000).extract(np.zeros(4800, np.float32))
