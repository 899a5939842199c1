"""The audio callback: ours in C with the whole chain, against a Python callback that copies with a gain.

Both run on jackd's dummy backend through PortAudio, in processes of their own, with blocks of 64, 128
and 256 frames; first alone, then with a busy Python thread in the process and two busy processes beside
it. The same C instrument, put between PortAudio and the callback, times both: all that PortAudio waits
for, the wait for Python's lock included.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from bench.common import (
    RIG,
    Report,
    busy_processes,
    cpu_times,
    machine_note,
    medians,
    options,
    percentiles,
    print_table,
    progress,
    scratch,
)
from bench.rig.instruments import compile_instruments
from bench.rig.jackd import RATE, end_by_stdin, fake_mixer, missing
from bench.rig.stalls import Stalls, Times, collect, watching

EPILOG = """\
overran  callbacks that took longer than a period: sound was lost, whoever is to blame
own      of these, those that no stall of the machine explains; a sleeper of the highest priority on
         every processor tells when it was away itself
calm     p99.9 of the callbacks during which their processor was not seen to be away
% period p99.9 as a share of the period
floor    a C callback of arithmetic in registers, about as long as ours: what the machine adds to any
late     callbacks that began more than 1.5 periods after the one before
missing  callbacks that the clock says were due and that never came
p50..    durations in microseconds, median of the rounds' percentiles

The ratios are of p99.9 durations; python is python_64_busy. The target is a p99.9 below 5 % of the
period at 64 frames and not one overrun of our own in 100,000 callbacks.
--quick leaves 128 frames out.
Needs: jackd (Debian's jackd2), and the `bench` dependency group.
"""
BLOCKS = (64, 128, 256)
LOADS = ("alone", "busy")
BUSY_PROCESSES = 2
LATE_PERIODS = 1.5
HEADLINE = "64_busy"


@dataclass
class Account:
    """All rounds of one side under one condition."""

    period_ns: float
    rounds: list[Times] = field(default_factory=list)  # entries, durations, processors
    missing: int = 0

    def add(self, times: Times, elapsed_s: float) -> None:
        """Take in a round."""
        self.rounds.append(times)
        self.missing += max(0, round(elapsed_s * 1e9 / self.period_ns) - times.shape[1])

    def document(self, stalls: Stalls) -> dict[str, float]:
        """The figures; which overruns were the machine's is asked of `stalls`."""
        figures = medians([percentiles(durations) for _, durations, _ in self.rounds])
        late = sum(
            np.count_nonzero(np.diff(times[0]) > LATE_PERIODS * self.period_ns) for times in self.rounds
        )
        entries, durations, processors = np.concatenate(self.rounds, axis=1)
        overran = durations > self.period_ns
        away = stalls.cover(entries, durations, processors)
        return figures | {
            "p999_of_period": figures["p999_us"] * 1000 / self.period_ns,
            "p999_calm_us": percentiles(durations[away == 0])["p999_us"],
            "callbacks": len(entries),
            "overruns": int(np.count_nonzero(overran)),
            "own_overruns": int(np.count_nonzero(overran & (durations - away > self.period_ns))),
            "overrun_share": float(np.mean(overran)),
            "late": int(late),
            "missing": self.missing,
        }


class Bench:
    """The rounds and what came of them."""

    def __init__(self, folder: Path, rounds: int, *, quiet: bool) -> None:
        self._folder, self._rounds, self._quiet = folder, rounds, quiet
        self._log = folder / "streams.log"
        self.instruments = compile_instruments(folder)
        self._cpu = cpu_times()
        self.accounts: dict[tuple[str, str], Account] = {}
        self.answers: dict[str, list[dict[str, Any]]] = defaultdict(list)

    def stolen(self) -> float:
        """Share of the processors' time that the host of a virtual machine took since the start."""
        total, stolen = (now - then for now, then in zip(cpu_times(), self._cpu, strict=True))
        return stolen / max(total, 1)

    def block(self, block: int, seconds: dict[str, float]) -> None:
        """All rounds with blocks of `block` frames; `seconds` is the length of a side's round."""
        with ExitStack() as stack:
            environment = stack.enter_context(fake_mixer(block, self.instruments))
            log = stack.enter_context(self._log.open("a"))
            children = {}
            for side in seconds:
                command = [sys.executable, str(RIG / "stream.py"), side, str(block), str(self.instruments)]
                children[side] = subprocess.Popen(
                    command,
                    env=environment,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    text=True,
                )
                stack.callback(end_by_stdin, children[side])
            for number in range(self._rounds):
                progress(f"{block} frames, round {number + 1} of {self._rounds}", silent=self._quiet)
                for load in LOADS:
                    with busy_processes(BUSY_PROCESSES if load == "busy" else 0):
                        for side, length in seconds.items():
                            self._round(children[side], side, block, load, length)

    def _round(self, child: subprocess.Popen[str], side: str, block: int, load: str, seconds: float) -> None:
        output = self._folder / "times.npy"
        request = {"seconds": seconds, "busy": load == "busy", "output": str(output)}
        if child.stdin is None or child.stdout is None:
            raise RuntimeError("a stream process without pipes")
        child.stdin.write(json.dumps(request) + "\n")
        child.stdin.flush()
        line = child.stdout.readline()
        if not line:
            raise RuntimeError(
                f"the stream process of {side} ended with {child.wait()}:\n{self._log.read_text()[-2000:]}"
            )
        answer = json.loads(line)
        self.answers[side].append(answer)
        account = self.accounts.setdefault((side, f"{block}_{load}"), Account(1e9 * block / RATE))
        account.add(np.load(output), answer["elapsed_s"])


def report(bench: Bench, stalls: Stalls, *, quiet: bool) -> Report:
    """Figures, ratios and checks; and the table."""
    result = Report("callback")
    figures = {key: account.document(stalls) for key, account in bench.accounts.items()}
    rows: list[list[str | float]] = [
        [
            f"{condition} {side}",
            *(int(entry[key]) for key in ("callbacks", "overruns", "own_overruns", "late", "missing")),
            *(entry[key] for key in ("p50_us", "p99_us", "p999_us", "max_us", "p999_calm_us")),
            100 * entry["p999_of_period"],
        ]
        for (side, condition), entry in sorted(figures.items(), key=lambda item: _order(item[0]))
    ]
    if not quiet:
        heads = [
            "",
            "calls",
            "overran",
            "own",
            "late",
            "missing",
            "p50",
            "p99",
            "p99.9",
            "max",
            "calm",
            "% period",
        ]
        print_table("callback durations in microseconds", heads, rows)
    for (side, condition), entry in figures.items():
        if side != "python":
            result.ours[condition if side == "ours" else f"floor_{condition}"] = entry
        else:
            result.peers[f"python_{condition}"] = entry
            result.ratios[f"python_{condition}"] = entry["p999_us"] / figures["ours", condition]["p999_us"]
    result.ours |= figures["ours", HEADLINE]
    result.peers["python"] = result.peers[f"python_{HEADLINE}"]
    result.ratios = {"python": result.ratios[f"python_{HEADLINE}"]} | result.ratios
    _check(result, bench, stalls)
    return result


def _order(key: tuple[str, str]) -> tuple[int, str, str]:
    side, condition = key
    block, load = condition.split("_")
    return int(block), load, side


def _check(result: Report, bench: Bench, stalls: Stalls) -> None:
    ours, python = bench.answers["ours"], bench.answers["python"]
    at_64 = [result.ours[f"64_{load}"] for load in LOADS]
    result.checks = {
        "dry_ring_is_input": all(answer["dry_ring_is_input"] for answer in ours),
        "wet_ring_is_output": all(answer["wet_ring_is_output"] for answer in ours),
        "python_output_minus_input_times_gain": max(answer["gain_max_abs"] for answer in python),
        "sound_came_through": all(answer["output_peak"] > 0.01 for answer in ours + python),
        "p999_below_5_percent_of_period_at_64": all(entry["p999_of_period"] < 0.05 for entry in at_64),
        "callbacks_at_64": sum(entry["callbacks"] for entry in at_64),
        "own_overruns_at_64": sum(entry["own_overruns"] for entry in at_64),
    }
    periods = {block: stalls.longer_than(1e9 * block / RATE) for block in BLOCKS}
    floor = max(result.ours[f"floor_64_{load}"]["p999_us"] for load in LOADS)
    result.notes = [
        f"a callback of 8 us that touches no memory has a p99.9 of {floor:.0f} us here at 64 frames",
        f"the host took {100 * bench.stolen():.1f} % of the processors' time",
        f"the callback's thread ran as {', '.join(sorted({answer['policy'] for answer in ours}))}",
        "the machine was away longer than a period "
        + ", ".join(f"{count} times ({block} frames)" for block, count in periods.items())
        + f"; longest {stalls.longest_us:.0f} us",
        machine_note(),
    ]
    if not stalls.fifo:
        result.notes.append("no real-time priority for the watch: load counts as the machine's stalls")


def _plan(callbacks: int, rounds: int, *, quick: bool) -> dict[int, dict[str, float]]:
    """Seconds of a round, by block and side; the floor is measured where the target is."""
    if quick:
        return {
            64: {"ours": 0.5, "python": 0.25, "floor": 0.25},
            256: {"ours": 0.25, "python": 0.25},
        }
    at_64 = callbacks * 64 / RATE / (len(LOADS) * rounds)
    return {64: {"ours": at_64, "python": 1.5, "floor": 3.0}} | {
        block: {"ours": 1.5, "python": 1.0} for block in BLOCKS[1:]
    }


def main() -> None:
    """Run the benchmark."""
    count = {"type": int, "default": 100_000, "metavar": "N", "help": "our callbacks at 64 frames (100000)"}
    chosen = options(__doc__, EPILOG, arguments=[("--callbacks", count)])
    if reason := missing():
        Report("callback", notes=[f"not run: {reason}"]).finish(json_only=chosen.json)
        return
    seconds = _plan(chosen.callbacks, chosen.rounds, quick=chosen.quick)
    with scratch() as folder:
        bench = Bench(folder, chosen.rounds, quiet=chosen.json)
        seen = folder / "stalls.npz"
        with watching(bench.instruments, seen) as watch:
            for block, lengths in seconds.items():
                bench.block(block, lengths)
            stalls = collect(watch, seen)
        report(bench, stalls, quiet=chosen.json).finish(json_only=chosen.json)


if __name__ == "__main__":
    main()
