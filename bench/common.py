"""What every benchmark needs: its options, statistics, a table for people, one JSON line for programs."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt

ROOT = Path(__file__).resolve().parent.parent
NATIVE = ROOT / "native"
RIG = ROOT / "bench" / "rig"
ROUNDS_MIN = 5
# As native/build_native.py compiles the extension.
C_FLAGS = ("-O3", "-ffp-contract=off", "-fno-math-errno", "-pthread", "-Wall", "-Wextra")

Figures = dict[str, float]


def options(
    doc: str | None,
    epilog: str,
    *,
    rounds: int = ROUNDS_MIN,
    arguments: Sequence[tuple[str, dict[str, Any]]] = (),
) -> argparse.Namespace:
    """The command line: `--quick`, `--json`, `--rounds` and the benchmark's own `arguments`.

    `doc` is the benchmark's docstring and `epilog` says how its figures are to be read.
    """
    parser = argparse.ArgumentParser(
        description=doc, epilog=epilog, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="shorter rounds; ends within 45 s")
    parser.add_argument("--json", action="store_true", help="only the last line, one JSON object")
    parser.add_argument(
        "--rounds",
        type=int,
        default=rounds,
        metavar="N",
        help=f"interleaved rounds, at least {ROUNDS_MIN}; figures are medians over them (default: {rounds})",
    )
    for name, settings in arguments:
        parser.add_argument(name, **settings)
    chosen = parser.parse_args()
    if chosen.rounds < ROUNDS_MIN:
        parser.error(f"--rounds {chosen.rounds}: at least {ROUNDS_MIN}, or a median says little")
    return chosen


def percentiles(nanoseconds: npt.NDArray[np.int64]) -> Figures:
    """p50, p99, p99.9 and maximum in microseconds."""
    if not len(nanoseconds):
        return {"p50_us": 0.0, "p99_us": 0.0, "p999_us": 0.0, "max_us": 0.0}
    p50, p99, p999, most = np.percentile(nanoseconds, [50, 99, 99.9, 100]) / 1000
    return {"p50_us": float(p50), "p99_us": float(p99), "p999_us": float(p999), "max_us": float(most)}


def medians(rounds: Sequence[Mapping[str, float]]) -> Figures:
    """Key by key, the median over rounds."""
    return {key: float(median(figures[key] for figures in rounds)) for key in rounds[0]}


def measure(runs: Mapping[str, Callable[[], float]], rounds: int, *, quiet: bool) -> dict[str, float]:
    """Medians over interleaved rounds; every side runs once before them."""
    names = list(runs)
    times: dict[str, list[float]] = {name: [] for name in names}
    for run in runs.values():
        run()
    for number in range(rounds):
        progress(f"round {number + 1} of {rounds}", silent=quiet)
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            times[name].append(runs[name]())
    return {name: median(entries) for name, entries in times.items()}


def rounded(value: Any, digits: int = 4) -> Any:  # noqa: ANN401 - anything JSON can carry
    """`value` with every float in it cut to `digits` significant ones."""
    if isinstance(value, float):
        return float(f"{value:.{digits}g}")
    if isinstance(value, Mapping):
        return {key: rounded(entry, digits) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(entry, digits) for entry in value]
    return value


@dataclass
class Report:
    """A benchmark's result. `ratios` above 1 mean that we are ahead."""

    bench: str
    ours: dict[str, Any] = field(default_factory=dict)
    peers: dict[str, Any] = field(default_factory=dict)
    ratios: Figures = field(default_factory=dict)
    checks: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def finish(self, *, json_only: bool) -> None:
        """Print checks, ratios and notes for a person, then the JSON line."""
        if not json_only:
            for title, entries in (("ahead by", self.ratios), ("checks", self.checks)):
                if not entries:
                    continue
                print(
                    f"\n{title}: " + ", ".join(f"{name} {_brief(value)}" for name, value in entries.items())
                )
            for note in self.notes:
                print(f"note: {note}")
            print()
        print(json.dumps(rounded(vars(self))), flush=True)


def _brief(value: Any) -> str:  # noqa: ANN401 - a check may be anything
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def target(measured: float, limit: float, *, most: bool = False) -> dict[str, Any]:
    """A check with what was measured: at least `limit`, or at most."""
    passed = measured <= limit if most else measured >= limit
    return {"measured": measured, "most" if most else "least": limit, "passed": passed}


def print_table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str | float]]) -> None:
    """A table whose first column is names and the rest figures."""
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max(len(line[i]) for line in [list(heads), *cells]) for i in range(len(heads))]
    print(f"\n{title}")
    for line in [list(heads), *cells]:
        print(
            "  " + line[0].ljust(widths[0]),
            *(text.rjust(width) for text, width in zip(line[1:], widths[1:], strict=True)),
            sep="  ",
        )


def _cell(value: str | float) -> str:
    if isinstance(value, str | int):
        return str(value)
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def progress(text: str, *, silent: bool) -> None:
    """A line on stderr that says what goes on."""
    if not silent:
        print(text, file=sys.stderr, flush=True)


def machine_note() -> str:
    """Processors and load, without which no figure means much."""
    one, five, _ = os.getloadavg()
    return f"{os.cpu_count()} processors; load {one:.1f} over the last minute, {five:.1f} over five"


def cpu_times() -> tuple[int, int]:
    """Ticks of all processors since boot: all told, and those that a virtual machine's host took."""
    line = Path("/proc/stat").read_text().split("\n", 1)[0]
    user, nice, system, idle, iowait, irq, softirq, steal, *_ = map(int, line.split()[1:])
    return user + nice + system + idle + iowait + irq + softirq + steal, steal


@contextmanager
def scratch() -> Iterator[Path]:
    """A temporary folder with a short path, as sockets need."""
    with TemporaryDirectory(prefix="ag06b") as folder:
        yield Path(folder)


def compile_library(sources: Sequence[Path], output: Path, *flags: str) -> Path:
    """A shared library of C and C++ `sources`, compiled as the extension is; raises if it cannot be."""
    command = [
        "gcc",
        *C_FLAGS,
        f"-I{NATIVE / 'include'}",
        f"-I{NATIVE / 'src'}",
        f"-I{RIG}",
        "-fPIC",
        "-shared",
    ]
    subprocess.run([*command, "-o", str(output), *map(str, sources), *flags], check=True)
    return output


@contextmanager
def busy_processes(count: int) -> Iterator[None]:
    """That many processes beside us that only burn time."""
    spin = [sys.executable, "-c", "while True: pass"]
    started = [subprocess.Popen(spin) for _ in range(count)]
    try:
        yield
    finally:
        for process in started:
            process.kill()
            process.wait()
