"""Faults put into clips where a listener hears them, for the benchmark of faults."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from bench.rig.faults_corpus import RATE, Clip, Sound

from ag06_plugins.anomaly.inject import FAULTS, Fault, disturbed

LEAD_S: Final = 1.0  # of sound before a fault, at the least
SLOW_LEAD_S: Final = 8.0  # where what is normal must be learnt before
SLOW_S: Final = 2.0  # a fault that lasts as long is a slow one
TAIL_S: Final = 0.5
JOIN_S: Final = 0.05  # a clip that is too short is repeated, over such a crossfade
TRIES: Final = 12
HOP: Final = RATE // 100

# What a listener hears: over 20 ms the fault's difference to the sound is no fainter than this, and no
# further below the sound.
WINDOW: Final = RATE // 50
AUDIBLE_DB: Final = -60.0
MASKED_DB: Final = -30.0
CLIPPED_WINDOWS: Final = 3  # of clipping: a peak alone is not heard
TELLING: Final = 3e-3  # samples that tell of the gain
DISTORTED: Final = 0.05  # of what it is, is another sample off that is clipped
# A click, or a joint behind which all is different: in second differences it stands out of all that is
# within 20 ms, by so much.
STANDS_OUT_DB: Final = 12.0
AROUND: Final = RATE // 50
JOINT: Final = 8  # frames that make up one
SLIP_DB: Final = 6.0  # of many, each may stand out less
JOINTS_LEAST: Final = 5
LOST_DB: Final = 12.0  # of the sum of both channels, where they are against each other
PAUSE_DB: Final = -45.0
SOUNDS_LEAST: Final = 0.4  # of the time, before a slow fault and in it
ENOUGH_TINY: Final = 1e-4
JUDGED_AS: Final = {"clipping_filtered": "clipping_below"}


@dataclass(frozen=True, slots=True)
class Case:
    """A fault in a clip: `sound` has it from `start` to `end`, in frames."""

    clip: Clip
    fault: Fault
    strength: str
    sound: Sound
    start: int
    end: int


def lengthened(sound: Sound, frames: int) -> Sound:
    """`sound`, repeated until it is as long; ends fade into beginnings."""
    join = round(JOIN_S * RATE)
    fade = np.linspace(0, 1, join, dtype=np.float32)[:, None]
    result = sound
    while len(result) < frames:
        seam = result[-join:] * np.sqrt(1 - fade) + sound[:join] * np.sqrt(fade)
        result = np.concatenate([result[:-join], seam, sound[join:]])
    return result


def cases(clips: Iterable[Clip], faults: Iterable[Fault]) -> Iterator[Case]:
    """Every fault at every strength in every clip, but where it would not be heard."""
    faults = list(faults)
    for clip in clips:
        for fault in faults:
            for strength, amount in fault.strengths.items():
                case = placed(clip, fault, strength, amount)
                if case is not None:
                    yield case


def placed(clip: Clip, fault: Fault, strength: str, amount: float) -> Case | None:
    """The fault at a place where it is heard, chosen by the names; None if there is none."""
    lead_s = SLOW_LEAD_S if fault.seconds >= SLOW_S else LEAD_S
    sound = lengthened(clip.sound, round((lead_s + fault.seconds + TAIL_S + 1) * RATE))
    seed = hashlib.sha256(f"{clip.name} {fault.name} {strength}".encode()).digest()
    rng = np.random.default_rng(int.from_bytes(seed[:8], "big"))
    length = round(fault.seconds * RATE)
    last = len(sound) - length - round(TAIL_S * RATE)
    for _ in range(TRIES):
        start = int(rng.integers(round(lead_s * RATE), last))
        other = disturbed(fault, sound, RATE, start=start, frames=length, strength=amount, seed=int(seed[8]))
        differs = np.flatnonzero((np.abs(other - sound) > ENOUGH_TINY).any(axis=1))
        if not len(differs):
            continue
        begin, end = int(differs[0]), int(differs[-1]) + 1
        judged = other
        if fault.name in JUDGED_AS:  # a filter delays, and so all is different
            plain = FAULTS[JUDGED_AS[fault.name]]
            judged = disturbed(plain, sound, RATE, start=start, frames=length, strength=amount)
        if fault.kind == "clipping":
            begin, end = clipped(sound, judged, begin, end)
        if heard(sound, judged, fault, amount, begin, end):
            return Case(clip, fault, strength, other, begin, end)
    return None


def heard(  # noqa: PLR0913, PLR0917 - before, after, what, how much, from where to where
    sound: Sound, other: Sound, fault: Fault, amount: float, start: int, end: int
) -> bool:
    """Whether a listener hears what is done from `start` to `end`."""
    if fault.kind == "clock_mismatch":
        return sum(stands_out(other, at, SLIP_DB) for at in joints(fault, amount, start, end)) >= JOINTS_LEAST
    if fault.kind == "click":
        return any(stands_out(other, at, STANDS_OUT_DB) for at in joints(fault, amount, start, end))
    if fault.seconds >= SLOW_S and fault.kind != "dc_offset":  # nobody hears it in a pause
        lead = sound[start - round(SLOW_LEAD_S * RATE) : start]
        loud = sounds(lead) >= SOUNDS_LEAST and sounds(sound[start:end]) >= SOUNDS_LEAST
        return loud and (fault.kind != "phase_inversion" or lost_db(sound, other, start, end) > LOST_DB)
    least = CLIPPED_WINDOWS if fault.kind == "clipping" else 1
    end = max(end, start + WINDOW)
    clean, wrong = sound[start:end], other[start:end]
    difference = distortion(clean, wrong) if fault.kind == "clipping" else levels(wrong - clean)
    audible = (difference > AUDIBLE_DB) & (difference > levels(wrong) + MASKED_DB)
    return bool(audible.any(axis=1).sum() >= least)


def clipped(sound: Sound, other: Sound, start: int, end: int) -> tuple[int, int]:
    """The first frame that an amplifier of this gain would have had otherwise, and the one after the last."""
    clean, wrong = sound[start:end], other[start:end]
    told = np.abs(clean) > TELLING
    gain = np.quantile(wrong[told] / clean[told], 0.98) if told.any() else 0.0
    differs = np.flatnonzero((np.abs(wrong - gain * clean) > DISTORTED * np.abs(wrong)).any(axis=1))
    return (start + int(differs[0]), start + int(differs[-1]) + 1) if len(differs) else (start, end)


def cut(sound: Sound) -> Sound:
    """Whole windows: (windows, WINDOW, channels)."""
    count = max(1, len(sound) // WINDOW)
    return np.resize(sound, (count * WINDOW, sound.shape[1])).reshape(count, WINDOW, -1)


def levels(sound: Sound) -> Sound:
    """RMS level in dB of each window and channel."""
    return np.asarray(10 * np.log10(np.mean(np.square(cut(sound)), axis=1) + 1e-12), dtype=np.float32)


def distortion(clean: Sound, wrong: Sound) -> Sound:
    """Level in dB of what is wrong in each window and channel but for how loud it is."""
    before, after = cut(clean).astype(np.float64), cut(wrong).astype(np.float64)
    gain = (before * after).sum(axis=1, keepdims=True) / (
        np.square(before).sum(axis=1, keepdims=True) + 1e-12
    )
    left = np.mean(np.square(after - gain * before), axis=1)
    return np.asarray(10 * np.log10(left + 1e-12), dtype=np.float32)


def sounds(sound: Sound) -> float:
    """How much of it is more than a pause."""
    return float(np.mean(levels(sound).max(axis=1) > PAUSE_DB))


def lost_db(sound: Sound, other: Sound, start: int, end: int) -> float:
    """How much fainter the sum of both channels is than it was."""
    before, after = (np.mean(np.square(one[start:end].sum(axis=1))) for one in (sound, other))
    return float(10 * np.log10((before + 1e-12) / (after + 1e-12)))


def stands_out(sound: Sound, at: int, least_db: float) -> bool:
    """Whether what is at a frame stands out of all around it."""
    bend = np.abs(np.diff(sound[at - AROUND : at + AROUND], 2, axis=0)).max(axis=1)
    middle = slice(AROUND - JOINT, AROUND + JOINT)
    peak = bend[middle].max()
    bend[middle] = 0
    return bool(peak > bend.max() * 10 ** (least_db / 20) + ENOUGH_TINY)


def joints(fault: Fault, amount: float, start: int, end: int) -> list[int]:
    """Where a click is, or the joints of a sound that is heard twice or late."""
    if fault.kind == "clock_mismatch":
        return [round(start + k * RATE / amount) for k in range(int((end - start) * amount / RATE))]
    return [start, end] if fault.name == "repeat" else [start]
