"""The DSP chain against pedalboard's: the same stages, settings and sound, at 64 and at 512 frames a block.

High-pass, gate, four-band EQ, compressor and true-peak limiter, with gains before, between and after.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from shutil import which

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.common import Report, machine_note, measure, options, print_table, progress, scratch, target
from bench.rig.chain_count import count_instructions
from bench.rig.chain_parity import parity
from bench.rig.chain_sides import BLOCKS, HAS_PEDALBOARD, RATE, Harness, all_runs, compile_harness, recording

EPILOG = """\
Microseconds of CPU time per block: the mean over a recording, and of that the median over rounds.
chain        ours in one slot, from C; the other slot has every stage off
both_slots   the same stages on in the other slot too
callback     all of the callback: both slots with every stage on, de-esser and 24 dB high-pass too, rings
             and all meters
pedalboard   called from Python once a block, as it is used at that block size
.._long      called once for the whole recording, which it cuts into such blocks itself: its DSP alone
.._sample_peak  its limiter without true peak, which is less than ours does
instructions    per block, counted by callgrind on half a second of sound

The ratios are pedalboard / chain. Targets: 4 at 64 frames and 3 at 512; both slots at most 1.7 times
one; the callback within 1 % of a period of 64 frames. --quick counts no instructions.
Needs: the `bench` dependency group; for the instructions Debian's valgrind.
"""
OURS = ("chain", "both_slots", "callback")
SECONDS, QUICK_SECONDS = 10.0, 4.0
AHEAD = {64: 4.0, 512: 3.0}
BOTH_SLOTS_MOST = 1.7
PERIOD_SHARE_MOST = 0.01
DIFFERENCES = (
    "pedalboard's high-pass is of the first order; two in a row are 3 dB lower at the corner than our one",
    "both limiters look ahead 1.5 ms and estimate the true peak, pedalboard at 4 times the rate, ours at 8",
    "pedalboard runs in float32 and each channel by itself, ours in float64 with the channels linked",
    "ours runs both slots as lanes of the same vectors, whether one of them or both have work",
)


def report(times: Mapping[str, float], counts: Mapping[str, float]) -> Report:
    """Figures, ratios and the targets."""
    result = Report("chain")
    for name, took_us in times.items():
        side = result.peers if name.startswith("pedalboard") else result.ours
        side[name] = {"p50_us": took_us}
        if name in counts:
            side[name]["instructions"] = counts[name]
    for block in BLOCKS:
        ours_us = times[f"chain_{block}"]
        peers = [name for name in result.peers if name.startswith(f"pedalboard_{block}")]
        result.ratios |= {name: times[name] / ours_us for name in peers}
        for name in (f"pedalboard_{block}", f"pedalboard_{block}_long"):
            if name in times:
                result.checks[f"ahead_of_{name}"] = target(result.ratios[name], AHEAD[block])
        both = times[f"both_slots_{block}"] / ours_us
        result.checks[f"both_slots_to_one_{block}"] = target(both, BOTH_SLOTS_MOST, most=True)
    period_us = 1e6 * BLOCKS[0] / RATE
    whole = times[f"callback_{BLOCKS[0]}"] / period_us
    result.checks["callback_share_of_period_64"] = target(whole, PERIOD_SHARE_MOST, most=True)
    return result


def print_figures(times: Mapping[str, float], counts: Mapping[str, float]) -> None:
    """One row a side, one column a block size."""
    sides = [*OURS, *sorted({name.replace("_64", "") for name in times if name.startswith("pedalboard_64")})]
    named = {
        side: [
            f"pedalboard_{block}{side.removeprefix('pedalboard')}" if side not in OURS else f"{side}_{block}"
            for block in BLOCKS
        ]
        for side in sides
    }
    heads = ["", *(f"us at {block}" for block in BLOCKS), *(f"instr. at {block}" for block in BLOCKS)]
    rows: list[list[str | float]] = [
        [side, *(times[name] for name in names), *(counts.get(name, "-") for name in names)]
        for side, names in named.items()
    ]
    print_table("per block of stereo frames", heads, rows)


def main() -> None:
    """Run the benchmark."""
    chosen = options(__doc__, EPILOG, rounds=11)
    rounds = min(chosen.rounds, 5) if chosen.quick else chosen.rounds
    sound = recording(QUICK_SECONDS if chosen.quick else SECONDS)
    counts: dict[str, float] = {}
    with scratch() as folder:
        library = compile_harness(folder)
        harness = Harness(library)
        times = measure(all_runs(harness, sound), rounds, quiet=chosen.json)
        same = parity(harness, sound) if HAS_PEDALBOARD else {}
        if not chosen.quick:
            progress("counting instructions", silent=chosen.json)
            counts = count_instructions(library, folder)
    result = report(times, counts)
    result.checks |= same
    result.notes = [*DIFFERENCES, *_absent(quick=chosen.quick), machine_note()]
    if not chosen.json:
        print_figures(times, counts)
    result.finish(json_only=chosen.json)


def _absent(*, quick: bool) -> list[str]:
    notes = []
    if not HAS_PEDALBOARD:
        notes.append("pedalboard: absent, it is not installed")
    if quick:
        notes.append("instructions: not counted in a quick run")
    elif which("valgrind") is None:
        notes.append("instructions: absent, valgrind is not installed")
    notes.append("camilladsp: absent; a program of its own, to be built from Rust crates")
    return notes


if __name__ == "__main__":
    main()
