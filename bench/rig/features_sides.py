"""The same features hop by hop in ours and in other libraries; bench/features.py times them.

A side is made for a rate, a hop and a window, and called with one hop of one channel after the other.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ag06d.features import Extractor

RATE: Final = 48000
HOP: Final = 480
WINDOW: Final = 2048
MELS: Final = 40
MFCCS: Final = 13
ROLLOFF: Final = 0.85
COMMON: Final = ("level", "spectrum", "mfcc")  # our groups that the common set is of

Sound = npt.NDArray[np.float32]  # (frames,)
Side = Callable[[Sound], Any]  # one hop; what comes out is the library's own

MODULES: Final = {
    "numpy": "numpy",
    "librosa": "librosa",
    "essentia": "essentia",
    "aubio": "aubio",
    "kaldi": "kaldi_native_fbank",
    "audioflux": "audioflux",
    "opensmile": "opensmile",
}
DIFFERENCES: Final = (
    "ours does more: crest factor, DC offset, noise floor, spread, slope and the mel bands come with these",
    "librosa's functions are called on one window at a time, with the spectrum shared where they take one",
    "essentia: no peak, which is numpy's; its mel bands are its own, and its flatness is of magnitudes",
    "aubio: no flatness, and no peak, which is numpy's; its mel bands are its own",
    "kaldi: nothing but the 13 MFCC",
    "audioflux: RMS, peak and zero crossings are numpy's, flux is left out: it wants the frame before",
    "opensmile: does more (the 65 of ComParE 2016) and cannot be called by the hop: all of the sound at once",
)


def available(name: str) -> bool:
    """Whether a peer is installed."""
    return find_spec(MODULES[name]) is not None


def ours(groups: tuple[str, ...] | None = COMMON) -> Side:
    """Our extractor, of some groups or, with None, of all."""
    extractor = Extractor(RATE, 1, rolloff=ROLLOFF) if groups is None else Extractor(RATE, 1, groups, ROLLOFF)
    return extractor.extract


class Past:
    """The last window of a stream."""

    def __init__(self) -> None:
        self._frames = np.zeros(WINDOW, dtype=np.float32)

    def take(self, hop: Sound) -> Sound:
        """The window that ends with `hop`."""
        self._frames[:-HOP] = self._frames[HOP:]
        self._frames[-HOP:] = hop
        return self._frames


def numpy_side() -> Side:
    """What one writes by hand, with all tables made before."""
    past, before = Past(), np.zeros(WINDOW // 2 + 1, dtype=np.float32)
    hann = (np.hanning(WINDOW + 1)[:-1]).astype(np.float32)
    scale = np.float32((2 / hann.sum()) ** 2)
    hertz = np.fft.rfftfreq(WINDOW, 1 / RATE).astype(np.float32)
    mel, dct = tables()
    last = np.float32(0)

    def hop(frames: Sound) -> tuple[Any, ...]:
        nonlocal before, last
        spectrum = np.fft.rfft(past.take(frames) * hann)
        power = (spectrum.real**2 + spectrum.imag**2) * scale
        magnitude = np.sqrt(power)
        total = magnitude.sum() + np.float32(1e-20)
        share = magnitude / total
        rise = np.maximum(share - before, 0)
        before = share
        signs = np.signbit(np.append(last, frames))
        last = frames[-1]
        below = np.cumsum(power)
        heard = np.maximum(power, np.float32(1e-10))
        return (
            10 * np.log10(np.mean(frames**2) + 1e-12),
            20 * np.log10(np.abs(frames).max() + 1e-12),
            np.count_nonzero(signs[1:] != signs[:-1]) * RATE / HOP,
            magnitude @ hertz / total,
            hertz[np.searchsorted(below, ROLLOFF * below[-1])],
            np.exp(np.log(heard).mean()) / heard.mean(),
            np.sqrt((rise**2).sum()),
            dct @ (10 * np.log10(np.maximum(mel @ power, np.float32(1e-12)))),
        )

    return hop


def tables() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Slaney's mel bands (MELS, bins) and an orthonormal DCT-II (MFCCS, MELS), by their formulas."""

    def hertz_of(mel: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.where(mel < 15, mel * 200 / 3, 1000 * 6.4 ** ((mel - 15) / 27))

    top = 15 + 27 * np.log(RATE / 2 / 1000) / np.log(6.4)
    edges = hertz_of(np.linspace(0, top, MELS + 2))[:, None]
    hertz = np.fft.rfftfreq(WINDOW, 1 / RATE)[None, :]
    rising = (hertz - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - hertz) / (edges[2:] - edges[1:-1])
    mel = np.maximum(np.minimum(rising, falling), 0) * 2 / (edges[2:] - edges[:-2])
    dct = np.cos(np.pi / MELS * np.outer(np.arange(MFCCS), np.arange(MELS) + 0.5)) * np.sqrt(2 / MELS)
    dct[0] /= np.sqrt(2)
    return mel.astype(np.float32), dct.astype(np.float32)


def librosa_side() -> Side:
    """Its feature functions on one window."""
    librosa: Any = import_module("librosa")
    feature, past = librosa.feature, Past()
    before = np.zeros((WINDOW // 2 + 1, 1), dtype=np.float32)

    def hop(frames: Sound) -> tuple[Any, ...]:
        nonlocal before
        window = past.take(frames)
        magnitude = np.abs(librosa.stft(window, n_fft=WINDOW, hop_length=WINDOW, center=False))
        power = magnitude**2
        share = librosa.util.normalize(magnitude, norm=1)
        rise = np.maximum(share - before, 0)
        before = share
        log_mel = librosa.power_to_db(feature.melspectrogram(S=power, sr=RATE, n_mels=MELS), top_db=None)
        return (
            feature.rms(y=frames, frame_length=HOP, hop_length=HOP, center=False),
            np.abs(frames).max(),
            feature.zero_crossing_rate(frames, frame_length=HOP, hop_length=HOP, center=False),
            feature.spectral_centroid(S=magnitude, sr=RATE, n_fft=WINDOW),
            feature.spectral_rolloff(S=power, sr=RATE, n_fft=WINDOW, roll_percent=ROLLOFF),
            feature.spectral_flatness(S=magnitude),
            np.sqrt((rise**2).sum()),
            feature.mfcc(S=log_mel, n_mfcc=MFCCS),
        )

    return hop


def essentia_side() -> Side:
    """Its algorithms in standard mode, each made once."""
    logger: Any = import_module("essentia").log
    logger.infoActive = logger.warningActive = False
    es: Any = import_module("essentia.standard")
    past = Past()
    window = es.Windowing(type="hann", size=WINDOW, zeroPhase=False)
    spectrum, rms, zero_crossings = es.Spectrum(size=WINDOW), es.RMS(), es.ZeroCrossingRate()
    centroid, flatness, flux = es.Centroid(range=RATE / 2), es.Flatness(), es.Flux(halfRectify=True)
    rolloff = es.RollOff(cutoff=ROLLOFF, sampleRate=RATE)
    mfcc = es.MFCC(
        inputSize=WINDOW // 2 + 1,
        numberBands=MELS,
        numberCoefficients=MFCCS,
        sampleRate=RATE,
        highFrequencyBound=RATE / 2,
    )

    def hop(frames: Sound) -> tuple[Any, ...]:
        magnitude = spectrum(window(past.take(frames)))
        return (
            rms(frames),
            np.abs(frames).max(),
            zero_crossings(frames),
            centroid(magnitude),
            rolloff(magnitude),
            flatness(magnitude),
            flux(magnitude),
            mfcc(magnitude)[1],
        )

    return hop


def aubio_side() -> Side:
    """Its phase vocoder, descriptors and MFCC."""
    aubio: Any = import_module("aubio")  # GPL: a peer that need not be installed
    vocoder = aubio.pvoc(WINDOW, HOP)
    described = [aubio.specdesc(name, WINDOW) for name in ("centroid", "rolloff", "specflux")]
    mfcc = aubio.mfcc(WINDOW, MELS, MFCCS, RATE)

    def hop(frames: Sound) -> tuple[Any, ...]:
        spectrum = vocoder(frames)
        levels = (aubio.level_lin(frames), np.abs(frames).max(), aubio.zero_crossing_rate(frames))
        return (*levels, *(describe(spectrum) for describe in described), mfcc(spectrum))

    return hop


def kaldi_side() -> Side:
    """Its online MFCC."""
    kaldi: Any = import_module("kaldi_native_fbank")
    options = kaldi.MfccOptions()
    options.frame_opts.samp_freq = RATE
    options.frame_opts.frame_length_ms = 1000 * WINDOW / RATE
    options.frame_opts.frame_shift_ms = 1000 * HOP / RATE
    options.frame_opts.window_type = "hanning"
    options.frame_opts.dither = 0
    options.mel_opts.num_bins = MELS
    options.num_ceps = MFCCS
    options.use_energy = False
    mfcc = kaldi.OnlineMfcc(options)
    taken = 0

    def hop(frames: Sound) -> object:
        nonlocal taken
        mfcc.accept_waveform(RATE, frames)
        row = None
        while taken < mfcc.num_frames_ready:
            row = mfcc.get_frame(taken)
            taken += 1
            mfcc.pop(1)
        return row

    return hop


def audioflux_side() -> Side:
    """Its spectra and descriptors on one window."""
    af: Any = import_module("audioflux")
    types: Any = import_module("audioflux.type")
    scale, past = types.SpectralFilterBankScaleType, Past()
    kind = {"radix2_exp": 11, "samplate": RATE, "data_type": types.SpectralDataType.POWER}
    linear = af.BFT(num=WINDOW // 2 + 1, scale_type=scale.LINEAR, **kind)
    mel = af.BFT(num=MELS, scale_type=scale.MEL, **kind)
    described = af.Spectral(num=linear.num, fre_band_arr=linear.get_fre_band_arr())
    described.set_time_length(1)
    cepstrum = af.XXCC(num=MELS)
    cepstrum.set_time_length(1)

    def hop(frames: Sound) -> tuple[Any, ...]:
        window = past.take(frames)
        power = np.abs(linear.bft(window))
        signs = np.signbit(frames)
        return (
            np.sqrt(np.mean(frames**2)),
            np.abs(frames).max(),
            np.count_nonzero(signs[1:] != signs[:-1]),
            described.centroid(power),
            described.rolloff(power, threshold=ROLLOFF),
            described.flatness(power),
            cepstrum.xxcc(np.abs(mel.bft(window)), cc_num=MFCCS),
        )

    return hop


def opensmile_whole() -> Side:
    """All of a sound at once."""
    opensmile: Any = import_module("opensmile")  # not free: a peer that need not be installed
    smile = opensmile.Smile(
        feature_set=opensmile.FeatureSet.ComParE_2016,
        feature_level=opensmile.FeatureLevel.LowLevelDescriptors,
    )
    return lambda sound: smile.process_signal(sound, RATE)


STREAMING: Final[dict[str, Callable[[], Side]]] = {
    "numpy": numpy_side,
    "librosa": librosa_side,
    "essentia": essentia_side,
    "aubio": aubio_side,
    "kaldi": kaldi_side,
    "audioflux": audioflux_side,
}
