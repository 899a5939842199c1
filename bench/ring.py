"""Our ring in shared memory against bare memcpy, a PortAudio-style ring and JACK's.

A pair is one write of a block and one read of it, in one thread: what a ring costs beyond copying twice.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from ctypes.util import find_library
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from bench.common import (
    NATIVE,
    RIG,
    Report,
    compile_library,
    machine_note,
    options,
    print_table,
    scratch,
)
from cffi import FFI

EPILOG = """\
Nanoseconds per pair, median over rounds, for blocks of stereo float32 frames. memcpy is the same storage
without any account of what is in it, the floor for every ring. portaudio is a ring of our own writing
that works as pa_ringbuffer does; jack is jack_ringbuffer from the libjack that is installed.
Only ours may be read by any number of processes and tells a lapped reader how much it lost.

The ratios are peer / ours at 64 frames and, with suffixes, at the others; memcpy from 0.8 on is the
target: within 25 % of two bare copies.
"""
BLOCKS = (64, 128, 256)
FRAME_BYTES = 8
INPUT_FRAMES = 4096  # the sound that goes round, in the first-level caches
JACK = """
void *jack_ringbuffer_create(size_t bytes);
size_t jack_ringbuffer_write(void *ring, const char *from, size_t bytes);
size_t jack_ringbuffer_read(void *ring, char *to, size_t bytes);
"""


class Harness:
    """The rings, compiled, and the sound that goes through them."""

    def __init__(self, folder: Path, capacity: int) -> None:
        sources = [RIG / "ring_harness.c", RIG / "ring_portaudio.c", NATIVE / "src" / "ring.c"]
        self._ffi: Any = FFI()
        self._ffi.cdef((RIG / "ring_harness.h").read_text().replace("#include <stdint.h>", ""))
        self._lib: Any = self._ffi.dlopen(str(compile_library(sources, folder / "rings.so")))
        self.rings = {
            name: self._ffi.new("harness_ring *", getattr(self._lib, f"harness_{name}")(capacity))
            for name in ("ours", "memcpy", "portaudio")
        }
        if (jack := self._jack(capacity)) is not None:
            self.rings["jack"] = jack
        shape = (INPUT_FRAMES, 2)
        self._input = np.random.default_rng(6).uniform(-1, 1, shape).astype(np.float32)

    def _jack(self, capacity: int) -> Any:  # noqa: ANN401 - a cffi struct, or None
        name = find_library("jack")
        if name is None:
            return None
        self._ffi.cdef(JACK)
        self._libjack: Any = self._ffi.dlopen(name)
        functions = [
            self._ffi.cast("void *", self._ffi.addressof(self._libjack, f"jack_ringbuffer_{function}"))
            for function in ("create", "write", "read")
        ]
        return self._ffi.new("harness_ring *", self._lib.harness_jack(capacity, *functions))

    def run(self, name: str, block: int, pairs: int) -> tuple[float, bool]:
        """Nanoseconds per pair, and whether what came out is what went in."""
        output = np.zeros_like(self._input)
        pointers = [self._ffi.from_buffer(sound) for sound in (self._input, output)]
        took_ns = self._lib.harness_run(
            self.rings[name], *pointers, block * FRAME_BYTES, INPUT_FRAMES // block, pairs
        )
        return took_ns / pairs, bool(took_ns and np.array_equal(self._input, output))


def measure(harness: Harness, rounds: int, pairs: int) -> tuple[dict[str, dict[int, float]], dict[str, bool]]:
    """Nanoseconds per pair by ring and block, and whether each ring's contents were right throughout."""
    times: dict[str, dict[int, list[float]]] = {name: {b: [] for b in BLOCKS} for name in harness.rings}
    right = dict.fromkeys(harness.rings, True)
    names = list(harness.rings)
    for number in range(rounds):
        for block in BLOCKS:
            for name in names[number % len(names) :] + names[: number % len(names)]:
                took_ns, same = harness.run(name, block, pairs)
                times[name][block].append(took_ns)
                right[name] &= same
    return {name: {b: median(ns) for b, ns in blocks.items()} for name, blocks in times.items()}, right


def figures(times: Mapping[int, float]) -> dict[str, float]:
    """As the JSON line has them."""
    return {f"ns_{block}": ns for block, ns in times.items()}


def main() -> None:
    """Run the benchmark."""
    frames = {
        "type": int,
        "default": 8192,
        "metavar": "N",
        "help": "frames a ring holds, a power of two (8192)",
    }
    chosen = options(__doc__, EPILOG, rounds=25, arguments=[("--capacity", frames)])
    with scratch() as folder:
        harness = Harness(folder, chosen.capacity)
        times, right = measure(harness, chosen.rounds, pairs=20_000 if chosen.quick else 200_000)
    report = Report("ring", ours=figures(times["ours"]))
    for name in ("memcpy", "portaudio", "jack"):
        if name not in times:
            report.notes.append(f"{name}: absent, libjack is not installed")
            continue
        report.peers[name] = figures(times[name])
        for block in BLOCKS:
            key = name if block == BLOCKS[0] else f"{name}_{block}"
            report.ratios[key] = times[name][block] / times["ours"][block]
    report.checks = {f"contents_{name}": same for name, same in right.items()}
    report.checks["within_25_percent_of_memcpy_at_64"] = report.ratios["memcpy"] >= 1 / 1.25
    report.notes += [f"rings of {chosen.capacity} frames", machine_note()]
    if not chosen.json:
        rows: list[list[str | float]] = [[name, *(ns[b] for b in BLOCKS)] for name, ns in times.items()]
        print_table("nanoseconds per write and read", ["frames", *map(str, BLOCKS)], rows)
    report.finish(json_only=chosen.json)


if __name__ == "__main__":
    main()
