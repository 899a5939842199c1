"""Sound for the benchmark of faults: real clips as a studio would have them, in two halves.

One half is for tuning, the other is what is reported on; the file's name decides.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from ag06d.audio.recording import load_recording
from ag06d.paths import SHIPPED_RECORDING

Sound = npt.NDArray[np.float32]

RATE: Final = 48000
PEAK_DB: Final = -3.0
NOISE_DB: Final = (-84.0, -83.0)  # left, right: as of a microphone's amplifier
LONGEST_S: Final = 10.0  # what is longer is cut into pieces
SHORTEST_S: Final = 1.5
# Clips that are faulty themselves, by looking at their files: within 1.5 % of the extreme value lie more
# than three times as many peaks as those a little lower lead to expect ("piled"), or at least 12 samples
# above 90 % of it are the same as the one before ("flat"); or the mean is more than 1 % of full scale.
FAULTY: Final = {
    "2-114280-A.ogg": "piled, above and below",
    "2-117271-A.ogg": "piled and flat",
    "2-118964-A.ogg": "flat",
    "3-144028-A.ogg": "flat, above and below",
    "5-208030-A.ogg": "flat, above and below",
    "2-109505-A.ogg": "piled and flat",
    "5-220026-A.ogg": "piled, above and below, beyond full scale",
    "4-171207-A.ogg": "flat",
    "3-156558-A.ogg": "flat, above and below, from 0.340 s on",
    "5-186924-A.ogg": "flat, above and below",
    "646673_13085623.wav": "mean 3.6 %",
    "cat_purrrr.wav": "piled and flat",
    "distorted.wav": "piled and flat, as its name says",
    "dubstep.flac": "piled and flat, a limiter",
    "glacier-bay-humpback.hq.ogg": "mean 36 %",
    "hiphop.mp3": "flat, above and below",
    "saurabhvermaabd98_applause.wav": "piled and flat",
}
SUFFIXES: Final = (".wav", ".flac", ".ogg", ".mp3")


@dataclass(frozen=True, slots=True)
class Clip:
    """A clip; `sound` is float32 of shape (frames, 2) at RATE."""

    name: str
    source: str
    sound: Sound

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.sound) / RATE


def held_out(name: str) -> bool:
    """Whether a file is of the half that nothing was tuned on."""
    return hashlib.sha256(name.encode()).digest()[-1] % 2 == 1


def files_of(folders: Iterable[Path]) -> Iterator[Path]:
    """Every sound file beneath."""
    for folder in folders:
        yield from sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)


def clips_of(path: Path) -> list[Clip]:
    """A file as a studio would have it: at RATE, on two channels, with a peak of PEAK_DB and some noise.

    Nothing of one that is faulty itself, or shorter than SHORTEST_S.
    """
    if path.name in FAULTY:
        return []
    try:
        sound, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except soundfile.SoundFileError:
        return []
    stereo = np.repeat(sound, 2, axis=1) if sound.shape[1] == 1 else sound[:, :2]
    if rate != RATE:
        stereo = soxr.resample(stereo, rate, RATE, quality="VHQ")
    peak = float(np.abs(stereo).max(initial=0.0))
    if peak == 0 or len(stereo) < SHORTEST_S * RATE:
        return []
    seed = int.from_bytes(hashlib.sha256(path.name.encode()).digest()[:4], "big")
    noise = np.random.default_rng(seed).standard_normal(stereo.shape) * 10 ** (np.array(NOISE_DB) / 20)
    loud = (stereo * (10 ** (PEAK_DB / 20) / peak) + noise).astype(np.float32)
    pieces = max(1, round(len(loud) / (LONGEST_S * RATE)))
    return [
        Clip(f"{path.parent.name}/{path.name}" + (f"#{at}" if pieces > 1 else ""), path.name, piece)
        for at, piece in enumerate(np.array_split(loud, pieces))
    ]


def synthesised() -> list[Clip]:
    """Without any recordings: strings, a drum, an organ, and the clean parts of the shipped recording."""
    rng = np.random.default_rng(6)
    told = load_recording(SHIPPED_RECORDING, RATE)
    clips = [
        Clip(f"studio.flac#{at}", "studio.flac", told[round(begin * RATE) : round(end * RATE)])
        for at, (begin, end) in enumerate(((0.0, 6.0), (5.0, 11.5), (13.0, 21.5), (22.5, 29.0)))
    ]
    seconds = np.arange(8 * RATE) / RATE
    chord = sum(np.sin(2 * np.pi * 110 * k * seconds + k) / k for k in (1, 2, 2.5, 3, 4, 5, 6, 8))
    strokes = np.exp(-8 * (seconds % 0.5)) * rng.standard_normal(len(seconds))
    strings = np.exp(-3 * (seconds % 1.0)) * chord
    for name, sound in (("organ", chord), ("drum", strokes), ("strings", strings + 0.1 * strokes)):
        stereo = np.repeat((0.5 * sound / np.abs(sound).max())[:, None], 2, axis=1)
        noise = rng.standard_normal(stereo.shape) * 10 ** (np.array(NOISE_DB) / 20)
        clips.append(Clip(name, name, (stereo + noise).astype(np.float32)))
    return clips
