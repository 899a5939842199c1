"""The machine's own stalls: a precise sleeper on every processor, above all else in priority.

When it does not wake, nothing on that processor could have: a callback that was away just then is
not to blame.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
import numpy.typing as npt
from bench.rig.instruments import open_instruments

PERIOD_NS = 500_000
THRESHOLD_NS = 100_000
PRIORITY = 90
CAPACITY = 100_000

Times = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Stalls:
    """Stretches in which a processor was away, by processor: rows of from and until, CLOCK_MONOTONIC in ns.

    A stretch begins where the sleeper was last seen awake, so that it is up to a period too long.
    """

    by_processor: dict[int, Times]
    longest_us: float
    fifo: bool

    def longer_than(self, period_ns: float) -> int:
        """How many were longer than a period."""
        return sum(
            int(np.count_nonzero(u - f - PERIOD_NS > period_ns)) for f, u in self.by_processor.values()
        )

    def cover(self, entries: Times, durations: Times, processors: Times) -> Times:
        """For each callback, the nanoseconds in which the processor it ran on was away."""
        covered = np.zeros(len(entries), dtype=np.int64)
        for processor, (began, ended) in self.by_processor.items():
            here = np.flatnonzero(processors == processor)
            starts, ends = entries[here], entries[here] + durations[here]
            for first in range(2):  # a callback meets hardly more than two stalls
                index = np.searchsorted(ended, starts) + first
                there = index < len(began)
                stall = np.where(there, index, 0)
                if len(began):
                    overlap = np.minimum(ended[stall], ends) - np.maximum(began[stall], starts)
                    covered[here] += np.where(there, np.maximum(overlap, 0), 0)
        return covered


@contextmanager
def watching(instruments: Path, output: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Watch from here on; `collect()` on what is yielded ends the watch."""
    process = subprocess.Popen(
        [sys.executable, __file__, str(instruments), str(output)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        if process.stdout is None or process.stdout.readline() != b"ready\n":
            raise RuntimeError("the watch for stalls did not start")
        yield process
    finally:
        process.kill()
        process.wait()


def collect(process: subprocess.Popen[bytes], output: Path) -> Stalls:
    """End the watch and return what it saw."""
    process.send_signal(signal.SIGTERM)
    process.wait(10)
    with np.load(output) as seen:
        stretches = {int(name): seen[name] for name in seen.files if name.isdigit()}
        return Stalls(stretches, float(seen["longest_us"]), bool(seen["fifo"]))


class _Sleeper:
    """The sleeper of one processor."""

    def __init__(self, instruments: Path, processor: int) -> None:
        self._ffi, self._lib = open_instruments(instruments)
        self.processor = processor
        self.fifo = False
        self.bounds = np.zeros((2, CAPACITY), dtype=np.int64)
        state: Any = self._ffi.new("instrument_sleeper *")
        state.period_ns, state.threshold_ns, state.capacity = PERIOD_NS, THRESHOLD_NS, CAPACITY
        state.from_ns, state.until_ns = (
            self._ffi.cast("uint64_t *", self._ffi.from_buffer(row)) for row in self.bounds
        )
        self.state = state
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        os.sched_setaffinity(0, {self.processor})
        try:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
            self.fifo = True
        except PermissionError:
            pass  # reported: without it the watch sees the load too, and explains too much
        self._lib.instrument_sleep(self.state)


def main() -> None:
    """Watch until SIGTERM, then write what was seen."""
    instruments, output = Path(sys.argv[1]), Path(sys.argv[2])
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    sleepers = [_Sleeper(instruments, processor) for processor in sorted(os.sched_getaffinity(0))]
    for sleeper in sleepers:
        sleeper.thread.start()
    print("ready", flush=True)
    stopping.wait()
    for sleeper in sleepers:
        sleeper.state.stop = 1
        sleeper.thread.join()
    stretches = {
        str(sleeper.processor): sleeper.bounds[:, : min(sleeper.state.count, CAPACITY)]
        for sleeper in sleepers
    }
    longest_us = max(sleeper.state.latest_ns for sleeper in sleepers) / 1000
    fifo = all(sleeper.fifo for sleeper in sleepers)
    arrays: dict[str, Any] = {"longest_us": longest_us, "fifo": fifo} | stretches
    np.savez(output, **arrays)


if __name__ == "__main__":
    main()
