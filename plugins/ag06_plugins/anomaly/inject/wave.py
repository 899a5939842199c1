"""Faults to inject: of the waveform and of the two channels together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from ag06_plugins.anomaly.inject.fault import Disturber, Fault, Sound

FULL_SCALE: Final = 1.0
PAD: Final = 0.5  # what follows an amplifier that clips, in `clipping_below`
FILTER_TAPS: Final = 31
FILTER_CUT: Final = 0.36  # of the rate: as a resampler or a converter's filter
FAINTEST: Final = 3e-3  # a click of a smaller sample than -50 dBFS is none
FAINT: Final = 0.01  # what is left in `dropout_faint`
PAST_S: Final = 1.0

Shape = Callable[[Sound], Sound]


def _low_pass() -> Sound:
    at = np.arange(FILTER_TAPS) - FILTER_TAPS // 2
    taps = np.sinc(2 * FILTER_CUT * at) * np.hamming(FILTER_TAPS)
    return np.asarray(taps / taps.sum(), dtype=np.float32)


LOW_PASS: Final = _low_pass()


@dataclass(slots=True)
class Driven:
    """The sound, amplified, through an amplifier of some shape, and then turned down."""

    gain: float
    shape: Shape
    after: float = 1.0

    def disturb(self, dry: Sound, wet: Sound) -> None:  # noqa: ARG002 - a Disturber's
        """As the protocol says."""
        dry[:] = self.shape(dry * np.float32(self.gain)) * np.float32(self.after)


def hard(sound: Sound) -> Sound:
    """Flat at full scale."""
    return np.asarray(np.clip(sound, -FULL_SCALE, FULL_SCALE), dtype=np.float32)


def above(sound: Sound) -> Sound:
    """Flat at full scale above zero, and free below it as far as a converter goes."""
    return np.asarray(np.clip(sound * np.float32(PAD), -FULL_SCALE, FULL_SCALE * PAD), dtype=np.float32)


def soft(sound: Sound) -> Sound:
    """As a valve or a tape: rounder the louder."""
    return np.tanh(sound)


class Filtered:
    """Flat tops that went through a low pass, which ripples them: a resampler's, a converter's."""

    def __init__(self, gain: float) -> None:
        self._gain = np.float32(gain)
        self._before = np.zeros((FILTER_TAPS - 1, 2), dtype=np.float32)

    def disturb(self, dry: Sound, wet: Sound) -> None:  # noqa: ARG002 - a Disturber's
        """As the protocol says."""
        frames = np.concatenate([self._before, hard(dry * self._gain) * np.float32(PAD)])
        self._before = frames[-(FILTER_TAPS - 1) :].copy()
        for channel in range(dry.shape[1]):
            dry[:, channel] = np.convolve(frames[:, channel], LOW_PASS, mode="valid")


def decibels(level_db: float) -> float:
    """A level as a factor."""
    return float(10 ** (level_db / 20))


@dataclass(slots=True)
class Hole:
    """The first `frames` of the sound are replaced."""

    frames: int
    left: float  # of the sound, in the hole
    hold: bool = False  # the sample before it stays
    done: int = 0
    held: Sound = field(default_factory=lambda: np.zeros(2, dtype=np.float32))

    def disturb(self, dry: Sound, wet: Sound) -> None:  # noqa: ARG002 - a Disturber's
        """As the protocol says."""
        hole = dry[: max(0, self.frames - self.done)]
        if self.hold and not self.done and len(hole):
            self.held = hole[0].copy()
        hole[:] = self.held if self.hold else hole * np.float32(self.left)
        self.done += len(dry)


@dataclass(slots=True)
class Impulse:
    """One sample is off, by so much of the RMS level of the hop that it is in."""

    over: float
    done: bool = False

    def disturb(self, dry: Sound, wet: Sound) -> None:  # noqa: ARG002 - a Disturber's
        """As the protocol says."""
        if self.done:
            return
        self.done = True
        level = np.sqrt(np.mean(np.square(dry), axis=0))
        off = np.maximum(level * self.over, FAINTEST)
        dry[0] += np.where(dry[0] > 0, -off, off).astype(np.float32)


class Delayed:
    """The sound, late by a number of frames that `late` says anew at every frame: joints in it are heard."""

    def __init__(self, rate: int, late: Callable[[np.ndarray], np.ndarray]) -> None:
        self._late = late
        self._past = np.zeros((round(PAST_S * rate), 2), dtype=np.float32)
        self._done = 0

    def disturb(self, dry: Sound, wet: Sound) -> None:  # noqa: ARG002 - a Disturber's
        """As the protocol says."""
        frames = np.concatenate([self._past, dry])
        at = np.arange(self._done, self._done + len(dry))
        late = np.minimum(self._late(at), at)  # what was before the fault began is not known
        dry[:] = frames[len(self._past) + np.arange(len(dry)) - late]
        self._past = frames[-len(self._past) :]
        self._done += len(dry)


@dataclass(slots=True)
class Mixed:
    """Each channel so much louder, and so much added to it."""

    gains: tuple[float, float] = (1.0, 1.0)
    offset: float = 0.0

    def disturb(self, dry: Sound, wet: Sound) -> None:  # noqa: ARG002 - a Disturber's
        """As the protocol says."""
        dry[:] = dry * np.array(self.gains, dtype=np.float32) + np.float32(self.offset)


class Between:
    """A tone at a quarter of the rate, whose samples miss its peaks, over the sound turned down."""

    def __init__(self, over: float) -> None:
        self._over, self._done = over, 0

    def disturb(self, dry: Sound, wet: Sound) -> None:  # noqa: ARG002 - a Disturber's
        """As the protocol says."""
        turns = (np.arange(self._done, self._done + len(dry)) + 0.5) / 4
        peak = self._over + PAD / 10  # the rest of the sound may be against it
        tone = peak * np.sin(2 * np.pi * turns)
        dry[:] = np.clip(dry * np.float32(PAD / 10) + tone[:, None].astype(np.float32), -1.0, 1.0)
        self._done += len(dry)


def _frames(rate: int, milliseconds: float) -> int:
    return max(1, round(rate * milliseconds / 1000))


def _jump(rate: int, milliseconds: float) -> Delayed:
    back = _frames(rate, milliseconds)
    return Delayed(rate, lambda at: np.where(at >= back, back, 0))


def _repeat(rate: int, milliseconds: float) -> Delayed:
    block = _frames(rate, milliseconds)
    return Delayed(rate, lambda at: np.where((at >= block) & (at < 2 * block), block, 0))


def _slips(rate: int, per_s: float, frames: int) -> Delayed:
    return Delayed(rate, lambda at: (at * per_s / rate).astype(np.int64) * frames)


Make = Callable[[int, float], Disturber]


def _fault(  # noqa: PLR0913 - the fields of a Fault
    name: str,
    doc: str,
    make: Make,
    unit: str,
    strengths: tuple[float, ...],
    *,
    kind: str = "",
    seconds: float = 1.0,
) -> Fault:
    named = dict(zip(NAMES[4 - len(strengths) :], strengths, strict=True))
    return Fault(
        name, kind or name, doc, lambda rate, strength, _rng: make(rate, strength), named, unit, seconds
    )


NAMES: Final = ("weak", "clear", "strong", "gross")
GAINS: Final = (6.0, 12.0, 18.0, 24.0)
LENGTHS: Final = (2.0, 5.0, 20.0, 120.0)
BLOCKS: Final = (1.3, 2.7, 10.7)
PACKET_S: Final = 125e-6  # of USB at high speed

WAVE: Final[tuple[Fault, ...]] = (
    _fault(
        "clipping",
        "Amplified beyond full scale, where it is cut off.",
        lambda _, gain_db: Driven(decibels(gain_db), hard),
        "dB",
        GAINS,
    ),
    _fault(
        "clipping_below",
        "Amplified beyond what an amplifier bears, and turned down by 6 dB behind it.",
        lambda _, gain_db: Driven(decibels(gain_db), hard, PAD),
        "dB",
        GAINS,
        kind="clipping",
    ),
    _fault(
        "clipping_one_side",
        "Amplified beyond what an amplifier bears, which cuts off above zero alone.",
        lambda _, gain_db: Driven(decibels(gain_db), above),
        "dB",
        GAINS,
        kind="clipping",
    ),
    _fault(
        "clipping_filtered",
        "Cut off, and then through a low pass as of a resampler, which leaves no two samples the same.",
        lambda _, gain_db: Filtered(decibels(gain_db)),
        "dB",
        GAINS,
        kind="clipping",
    ),
    _fault(
        "clipping_soft",
        "Through an amplifier that is rounder the louder it is.",
        lambda _, gain_db: Driven(decibels(gain_db), soft),
        "dB",
        (18.0, 24.0),
        kind="clipping",
    ),
    _fault(
        "inter_sample_over",
        "A tone whose samples miss its peaks, which are above full scale.",
        lambda _, over_db: Between(decibels(over_db)),
        "dBTP",
        (0.5, 1.0, 2.0),
        seconds=0.2,
    ),
    _fault(
        "dropout",
        "Nothing but zeros for a while.",
        lambda rate, ms: Hole(_frames(rate, ms), 0.0),
        "ms",
        LENGTHS,
        seconds=0.2,
    ),
    _fault(
        "dropout_held",
        "One sample held for a while.",
        lambda rate, ms: Hole(_frames(rate, ms), 0.0, hold=True),
        "ms",
        LENGTHS,
        kind="dropout",
        seconds=0.2,
    ),
    _fault(
        "dropout_faint",
        "40 dB less from one sample to the next, for a while.",
        lambda rate, ms: Hole(_frames(rate, ms), FAINT),
        "ms",
        LENGTHS,
        kind="dropout",
        seconds=0.2,
    ),
    _fault(
        "click",
        "One sample that is off, by so much above the level of the sound.",
        lambda _, over_db: Impulse(decibels(over_db)),
        "dB",
        (0.0, 6.0, 12.0, 20.0),
        seconds=0.1,
    ),
    _fault(
        "jump",
        "Back by some milliseconds, and late from then on.",
        _jump,
        "ms",
        BLOCKS,
        kind="click",
        seconds=1.0,
    ),
    _fault(
        "repeat",
        "A block is heard twice, in place of the one behind it.",
        _repeat,
        "ms",
        BLOCKS,
        kind="click",
        seconds=0.2,
    ),
    _fault(
        "dc_offset",
        "A constant is added.",
        lambda _, percent: Mixed(offset=percent / 100),
        "% of full scale",
        (2.0, 5.0, 10.0),
        seconds=5.0,
    ),
    _fault(
        "dead_channel",
        "The right channel is down by so much.",
        lambda _, down_db: Mixed((1.0, decibels(-down_db))),
        "dB",
        (120.0, 300.0),
        seconds=6.0,
    ),
    _fault(
        "silence",
        "Both channels are down by so much.",
        lambda _, down_db: Mixed((decibels(-down_db), decibels(-down_db))),
        "dB",
        (300.0,),
        seconds=12.0,
    ),
    _fault(
        "imbalance",
        "The right channel is down by so much.",
        lambda _, down_db: Mixed((1.0, decibels(-down_db))),
        "dB",
        (6.0, 12.0, 20.0),
        seconds=8.0,
    ),
    _fault(
        "phase_inversion",
        "The right channel is turned over, and so much louder.",
        lambda _, up_db: Mixed((1.0, -decibels(up_db))),
        "dB",
        (3.0, 0.0),
        seconds=3.0,
    ),
    _fault(
        "clock_mismatch",
        "Two clocks that drift apart: so many times a second a frame is heard twice.",
        lambda rate, per_s: _slips(rate, per_s, 1),
        "1/s",
        (3.0, 10.0, 30.0),
        seconds=6.0,
    ),
    _fault(
        "clock_mismatch_packet",
        "Two clocks that drift apart: so many times a second a USB packet is heard twice.",
        lambda rate, per_s: _slips(rate, per_s, max(1, round(PACKET_S * rate))),
        "1/s",
        (2.0, 5.0, 10.0),
        kind="clock_mismatch",
        seconds=6.0,
    ),
)
