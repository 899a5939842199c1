#!/usr/bin/env python3
"""Make the looping studio recording and the list of the faults in it.

A monitor that claims to hear clipping and dropouts can only be tested on audio
whose faults are known to the sample. This script makes such audio: two voices
at a desk microphone in a small room, and two faults inside their speech. The
room noise is circular and the speech keeps clear of both ends, so the recording
loops without a seam.

It writes studio.flac (the recording) and studio.toml (what it is, and where the
faults are). It needs espeak-ng (Debian package espeak-ng) and the Python
packages numpy, soundfile and soxr; the same versions give the same bytes.
"""

import argparse
import io
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import soundfile as sf  # type: ignore[import-untyped,unused-ignore]
import soxr  # type: ignore[import-untyped,unused-ignore]

Signal = npt.NDArray[np.float64]

RECORDINGS = Path(__file__).resolve().parents[2] / "daemon" / "ag06d" / "recordings"
HEADER = """\
title = "Two voices at a desk microphone"
licence = "CC0-1.0"  # of the recording; the text was written for this project
made_by = "contrib/recording/make_recording.py, with the voices of espeak-ng"
"""

RATE_HZ = 48_000
LEAD_IN_S = 0.7  # of room noise alone
FULL_SCALE = 32_768  # of 16-bit samples

SPEECH_RMS_DBFS = -23.0
CLEAN_PEAK_DBFS = -6.0  # no clean sample reaches it
NOISE_RMS_DBFS = -60.0
NOISE_LOW_CUT_HZ = 40.0
NOISE_SLOPE = -0.75  # exponent of amplitude over frequency: pink -0.5, brown -1
NOISE_SEED = 6
REFLECTIONS_MS_DB = ((3.1, -15), (4.7, -18), (8.3, -21), (12.7, -25), (19.1, -30))
ZERO_RUN_LIMIT_S = 0.002  # longer digital silence would pass for a dropout

CLIPPING_GAIN_DB = 24.0
INSIDE_DBFS = NOISE_RMS_DBFS + 28  # all around a fault, in every window of this length:
INSIDE_WINDOW_S = 0.1  # longer than the closure of a consonant
SEARCH_S = 0.6  # how far from its nominal time a fault may start
FAULT_GRID = 6  # frames in a USB microframe, 125 us: exact in six decimals of a second

HOST = ("-v", "en-us", "-p", "38", "-s", "160")  # voice, pitch, words per minute
GUEST = ("-v", "en-gb", "-p", "62", "-s", "152")
SCRIPT = (  # voice, text, pause after it in seconds
    (HOST, "Good evening, and welcome to Signal Path, the show on small studios.", 0.6),
    (HOST, "With me is somebody who has recorded choirs in kitchens.", 1.3),
    (GUEST, "Only in a kitchen while our own living room was empty all along.", 0.5),
    (GUEST, "But it is true that I'd rather move a microphone than turn a knob.", 1.2),
    (HOST, "Then let us begin there, for our listeners know all about knobs.", 0.7),
    (GUEST, "Gladly. Close your eyes now and listen to the room around my voice.", 0.7),
)


class Fault(NamedTuple):
    """An audible fault from start_frame up to, but not including, end_frame."""

    kind: str
    start_frame: int
    end_frame: int


def require(message: str, *, holds: bool) -> None:
    """Stop with a message unless a condition holds."""
    if not holds:
        raise RuntimeError(message)


def amplitude(level_db: float) -> float:
    """Turn a level in dB into a factor."""
    return float(10 ** (level_db / 20))


def scale(signal: Signal, rms_dbfs: float) -> Signal:
    """Bring a signal to an RMS level."""
    return signal * (amplitude(rms_dbfs) / float(np.sqrt(np.mean(signal**2))))


def frames(time_s: float) -> int:
    """Turn a time into a number of frames."""
    return round(time_s * RATE_HZ)


def speak(voice: tuple[str, ...], text: str) -> Signal:
    """Speak a text at the speech level, without silence around it."""
    espeak = shutil.which("espeak-ng") or ""
    require("espeak-ng not found: install Debian package espeak-ng", holds=bool(espeak))
    command = [espeak, *voice, "--stdout", text]
    wav = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    spoken, rate_hz = sf.read(io.BytesIO(wav), dtype="float64")
    sounding = np.flatnonzero(np.abs(spoken) > amplitude(NOISE_RMS_DBFS))
    spoken = spoken[sounding[0] : sounding[-1] + 1]
    return scale(soxr.resample(spoken, rate_hz, RATE_HZ, "VHQ"), SPEECH_RMS_DBFS)


def lay_out_speech() -> Signal:
    """Join all that is said and the pauses, and fill up the last second."""
    parts = [np.zeros(frames(LEAD_IN_S))]
    for voice, text, pause_s in SCRIPT:
        parts += [speak(voice, text), np.zeros(frames(pause_s))]
    speech = np.concatenate(parts)
    return np.pad(speech, (0, -len(speech) % RATE_HZ))


def add_room(dry: Signal) -> Signal:
    """Add the early reflections of a small room, then round off the peaks."""
    wet = dry.copy()
    for delay_ms, level_db in REFLECTIONS_MS_DB:
        delay = frames(delay_ms / 1000)
        wet[delay:] += dry[:-delay] * amplitude(level_db)
    rounded: Signal = wet / (1 + (wet / amplitude(CLEAN_PEAK_DBFS - 1)) ** 4) ** 0.25
    return rounded


def room_noise(length: int) -> Signal:
    """Make noise whose period is the whole recording, so that it has no seam."""
    frequency_hz = np.fft.rfftfreq(length, 1 / RATE_HZ)
    phase = np.random.default_rng(NOISE_SEED).uniform(0, 2 * np.pi, len(frequency_hz))
    audible = frequency_hz >= NOISE_LOW_CUT_HZ
    magnitude = np.where(audible, np.maximum(frequency_hz, 1) ** NOISE_SLOPE, 0)
    noise = np.fft.irfft(magnitude * np.exp(1j * phase), length)
    return scale(noise, NOISE_RMS_DBFS)


def find_starts(mix: Signal, near_s: float, length: int) -> npt.NDArray[np.intp]:
    """List the starts of a fault that have no quiet window in or beside the fault."""
    window = frames(INSIDE_WINDOW_S)
    energy = np.pad(np.cumsum(mix**2), (1, 0))
    quiet = (energy[window:] - energy[:-window]) / window < amplitude(INSIDE_DBFS) ** 2
    quiet_before = np.pad(np.cumsum(quiet), (1, 0))
    starts = np.arange(frames(near_s - SEARCH_S), frames(near_s + SEARCH_S), FAULT_GRID)
    loud = quiet_before[starts + length + 1] == quiet_before[starts - window]
    require(f"no speech for a fault near {near_s} s", holds=bool(loud.any()))
    return starts[np.flatnonzero(loud)]


def add_clipping(mix: Signal, near_s: float, length: int) -> Fault:
    """Drive speech far over full scale, with steps of gain only near zero."""
    starts = find_starts(mix, near_s, length)
    edges = np.maximum(np.abs(mix[starts]), np.abs(mix[starts + length]))
    start = int(starts[np.argmin(edges)])
    mix[start : start + length] *= amplitude(CLIPPING_GAIN_DB)
    return Fault("clipping", start, start + length)


def add_dropout(mix: Signal, near_s: float, length: int) -> Fault:
    """Blank loud speech, with the abrupt edges that lost USB packets leave."""
    starts = find_starts(mix, near_s, length)
    edges = np.minimum(np.abs(mix[starts - 1]), np.abs(mix[starts + length]))
    start = int(starts[np.argmax(edges)])
    mix[start : start + length] = 0
    return Fault("dropout", start, start + length)


def check_clean_parts(samples: npt.NDArray[np.int16], faults: list[Fault]) -> None:
    """Make sure that nothing outside the faults could pass for one."""
    clean = samples.astype(np.float64)
    for fault in faults:
        clean[fault.start_frame : fault.end_frame] = 1
    peak = float(np.abs(clean).max()) / FULL_SCALE
    require("a clean part is too loud", holds=peak < amplitude(CLEAN_PEAK_DBFS))
    silence_s = float(np.diff(np.flatnonzero(clean)).max() - 1) / RATE_HZ
    require("a clean part is silent", holds=silence_s <= ZERO_RUN_LIMIT_S)


def describe(faults: list[Fault], duration_s: float) -> str:
    """Describe the recording as TOML."""
    text = f"{HEADER}duration_s = {duration_s}\nrate = {RATE_HZ}\nchannels = 1\n"
    for kind, start, end in faults:
        text += f'\n[[faults]]\nkind = "{kind}"\n'
        text += f"start_s = {start / RATE_HZ:.6f}\nend_s = {end / RATE_HZ:.6f}\n"
        text += f"start_frame = {start}\nend_frame = {end}  # first frame after it\n"
    return text


def make_recording(output: Path) -> str:
    """Make both files in a folder, and return the description."""
    speech = add_room(lay_out_speech())
    mix = speech + room_noise(len(speech))
    clipping = add_clipping(mix, near_s=12.0, length=frames(0.8))
    faults = [clipping, add_dropout(mix, near_s=22.0, length=frames(0.12))]
    scaled = np.round(mix * FULL_SCALE)  # the noise is dither enough
    samples = np.clip(scaled, -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)  # flat tops
    check_clean_parts(samples, faults)
    output.mkdir(parents=True, exist_ok=True)
    sf.write(output / "studio.flac", samples, RATE_HZ, "PCM_16")
    description = describe(faults, len(mix) / RATE_HZ)
    (output / "studio.toml").write_text(description, encoding="utf-8")
    return description


def main() -> None:
    """Run from the command line."""
    layout = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=layout)
    text = "folder for both files (default: daemon/ag06d/recordings of this checkout)"
    parser.add_argument("--output", metavar="DIR", type=Path, default=RECORDINGS, help=text)
    try:
        sys.stdout.write(make_recording(parser.parse_args().output))
    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
        parser.exit(1, f"{parser.prog}: {error}\n")


if __name__ == "__main__":
    main()
