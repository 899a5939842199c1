"""Feature extraction against other libraries, hop by hop of 10 ms as a live stream comes, one channel.

The common set: RMS, peak, zero crossings, spectral centroid, rolloff, flatness and flux, 13 MFCC.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from bench.common import Report, machine_note, measure, options, print_table, target
from bench.rig.features_sides import (
    COMMON,
    DIFFERENCES,
    HOP,
    MODULES,
    RATE,
    STREAMING,
    Side,
    Sound,
    available,
    numpy_side,
    opensmile_whole,
    ours,
)

from ag06d.audio.recording import load_recording
from ag06d.features import Extractor, elements
from ag06d.paths import SHIPPED_RECORDING

EPILOG = """\
Microseconds of CPU time per hop of 480 frames, the window 2048: the mean over a recording, and of that
the median over rounds.
common       our groups of which the common set is a part, called from Python once a hop
whole        all our features, called so
batch_..     a whole recording in one call; its CPU time over its length is batch_times_real_time
stereo       all features of left, right and mid, in one call

The ratios are peer / common. The parity is that of the common set with the same formulas in numpy: the
largest difference in dB, and of what is in Hz or 1/s as a share of the rate.
Needs: the `bench` dependency group.
"""
SECONDS, QUICK_SECONDS = 6.0, 2.0
COMMON_MOST_US, WHOLE_MOST_US, BATCH_LEAST = 10.0, 40.0, 500.0
PARITY = (
    ("rms_db", 1.0),
    ("peak_db", 1.0),
    ("zero_crossing_rate", RATE),
    ("spectral_centroid", RATE),
    ("spectral_rolloff", RATE),
    ("spectral_flatness", 1.0),
    ("spectral_flux", 1.0),
)

Run = Callable[[], float]  # over all of the sound; microseconds of CPU per hop


def streamed(side: Side, hops: list[Sound]) -> float:
    """Microseconds per hop, called once for each."""
    began = time.process_time_ns()
    for hop in hops:
        side(hop)
    return (time.process_time_ns() - began) / len(hops) / 1000


def at_once(side: Side, sound: Sound, hops: int) -> float:
    """Microseconds per hop, called once for all."""
    began = time.process_time_ns()
    side(sound)
    return (time.process_time_ns() - began) / hops / 1000


def all_runs(stereo: Sound) -> dict[str, Run]:
    """Ours and theirs, by the names of the figures."""
    sound = np.ascontiguousarray(stereo[:, 0])
    hops = [sound[at : at + HOP] for at in range(0, len(sound) - HOP + 1, HOP)]
    runs: dict[str, Run] = {
        "common": partial(streamed, ours(), hops),
        "whole": partial(streamed, ours(None), hops),
        "batch_common": partial(at_once, ours(), sound, len(hops)),
        "batch_whole": partial(at_once, ours(None), sound, len(hops)),
        "stereo": partial(at_once, Extractor(RATE).extract, stereo, len(hops)),
    }
    for name, make in STREAMING.items():
        if available(name):
            runs[name] = partial(streamed, make(), hops)
    if available("opensmile"):
        runs["opensmile"] = partial(at_once, opensmile_whole(), sound, len(hops))
    return runs


def parity(sound: Sound) -> dict[str, float]:
    """The largest difference between ours and the formulas in numpy, feature by feature."""
    fields = [name for name, _ in elements(("left",))]
    hops = [sound[at : at + HOP] for at in range(0, len(sound) - HOP + 1, HOP)]
    theirs_of = numpy_side()
    theirs = [theirs_of(hop) for hop in hops]
    rows = Extractor(RATE, 1, COMMON).extract(sound)
    found = {}
    for index, (name, scale) in enumerate(PARITY):
        column = np.array([row[index] for row in theirs])
        found[name] = float(np.abs(rows[:, fields.index(f"left.{name}")] - column).max() / scale)
    mfcc = np.array([row[-1] for row in theirs])
    at = fields.index("left.mfcc_00")
    found["mfcc"] = float(np.abs(rows[:, at : at + mfcc.shape[1]] - mfcc).max())
    return found


def report(times: Mapping[str, float], differences: Mapping[str, float]) -> Report:
    """Figures, ratios and the targets."""
    result = Report("features")
    for name, took_us in times.items():
        side = result.peers if name in MODULES else result.ours
        side[name] = {"p50_us": took_us}
    result.ours |= result.ours["common"]
    result.ratios = {name: times[name] / times["common"] for name in result.peers}
    hop_us = 1e6 * HOP / RATE
    result.checks = {
        "parity_max_abs": max(differences.values()),
        "parity": dict(differences),
        "common_set_us": target(times["common"], COMMON_MOST_US, most=True),
        "whole_set_us": target(times["whole"], WHOLE_MOST_US, most=True),
        "batch_times_real_time": target(hop_us / times["batch_common"], BATCH_LEAST),
        "batch_whole_times_real_time": target(hop_us / times["batch_whole"], BATCH_LEAST),
    }
    return result


def main() -> None:
    """Run the benchmark."""
    chosen = options(__doc__, EPILOG, rounds=11)
    rounds = min(chosen.rounds, 5) if chosen.quick else chosen.rounds
    seconds = QUICK_SECONDS if chosen.quick else SECONDS
    stereo = np.ascontiguousarray(load_recording(SHIPPED_RECORDING, RATE)[: round(seconds * RATE)])
    times = measure(all_runs(stereo), rounds, quiet=chosen.json)
    result = report(times, parity(np.ascontiguousarray(stereo[:, 0])))
    absent = [f"{name}: absent, it is not installed" for name in MODULES if not available(name)]
    result.notes = [*DIFFERENCES, *absent, machine_note()]
    if not chosen.json:
        rows: list[list[str | float]] = [[name, took_us] for name, took_us in times.items()]
        print_table("CPU per hop of 10 ms", ["", "us"], rows)
    result.finish(json_only=chosen.json)


if __name__ == "__main__":
    main()
