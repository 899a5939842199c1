"""The same chain in ours and in pedalboard, each run over the same sound; bench/chain.py times them.

Both: gain, high-pass, gate, four-band EQ, compressor, gain, true-peak limiter with look-ahead, gain.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from ag06d._native import ffi
from bench.common import NATIVE, RIG, compile_library
from cffi import FFI

from ag06d.arena.parameters import ChainValues, design
from ag06d.audio.recording import load_recording
from ag06d.paths import SHIPPED_RECORDING

Sound = npt.NDArray[np.float32]  # (frames, 2)
Run = Callable[[], float]  # over all of the sound; microseconds of CPU per block

RATE = 48000
BLOCKS = (64, 512)
HAS_PEDALBOARD = find_spec("pedalboard") is not None
LOOKAHEAD_MS = 1.5  # of our limiter

TRIM: ChainValues = {"trim.gain_db": 3.0}
HIGHPASS: ChainValues = {"highpass.enabled": True, "highpass.frequency_hz": 80.0, "highpass.slope_db": 12}
GATE: ChainValues = {
    "gate.enabled": True,
    "gate.threshold_db": -45.0,
    "gate.ratio": 4.0,
    "gate.attack_ms": 1.0,
    "gate.release_ms": 150.0,
    "gate.range_db": 90.0,  # pedalboard's has none of these three
    "gate.hysteresis_db": 0.0,
    "gate.hold_ms": 0.0,
}
EQ: ChainValues = {
    "eq.low.enabled": True,
    "eq.low.frequency_hz": 120.0,
    "eq.low.gain_db": -3.0,
    "eq.low.q": 0.7071,
    "eq.peak1.enabled": True,
    "eq.peak1.frequency_hz": 400.0,
    "eq.peak1.gain_db": -3.0,
    "eq.peak1.q": 1.0,
    "eq.peak2.enabled": True,
    "eq.peak2.frequency_hz": 3000.0,
    "eq.peak2.gain_db": 3.0,
    "eq.peak2.q": 1.0,
    "eq.high.enabled": True,
    "eq.high.frequency_hz": 8000.0,
    "eq.high.gain_db": 2.0,
    "eq.high.q": 0.7071,
}
COMP: ChainValues = {
    "comp.enabled": True,
    "comp.threshold_db": -24.0,
    "comp.ratio": 3.0,
    "comp.knee_db": 0.0,  # pedalboard's has none
    "comp.attack_ms": 8.0,
    "comp.release_ms": 120.0,
}
MAKEUP: ChainValues = {"comp.makeup_db": 8.0}
LIMITER: ChainValues = {"limiter.enabled": True, "limiter.ceiling_db": -1.0, "limiter.release_ms": 60.0}
LEVEL: ChainValues = {"level.gain_db": -1.0}

NOTHING: ChainValues = {"limiter.enabled": False}
WHOLE: ChainValues = {**TRIM, **HIGHPASS, **GATE, **EQ, **COMP, **MAKEUP, **LIMITER, **LEVEL}
# In the other slot: the same stages, set otherwise.
OTHER: ChainValues = {**WHOLE, "highpass.frequency_hz": 100.0, "eq.peak1.frequency_hz": 300.0}
# What pedalboard does not have, too.
EVERYTHING: ChainValues = {"highpass.slope_db": 24, "deess.enabled": True, "comp.sidechain_hz": 100.0}


def recording(seconds: float) -> Sound:
    """The beginning of the shipped recording."""
    return np.ascontiguousarray(load_recording(SHIPPED_RECORDING, RATE)[: round(seconds * RATE)])


def compile_harness(folder: Path) -> Path:
    """Our native code with chain_harness.c, as the extension is compiled, in `folder`."""
    sources = [RIG / "chain_harness.c", *sorted((NATIVE / "src").glob("*.c*"))]
    return compile_library(sources, folder / "chain.so", "-Wno-psabi", "-lm", "-lstdc++")


class Harness:
    """The compiled harness; makes engines and runs them."""

    def __init__(self, library: Path) -> None:
        self._ffi: Any = FFI()
        self._ffi.cdef((RIG / "chain_harness.h").read_text().replace("#include <stdint.h>", ""))
        self._lib: Any = self._ffi.dlopen(str(library))

    def mark(self) -> None:
        """Have callgrind, if it watches, write down its count."""
        self._lib.harness_mark()

    def engine(self, slot_a: ChainValues, slot_b: ChainValues = NOTHING) -> Any:  # noqa: ANN401 - from cffi
        """An engine with its slots set."""
        blocks = [bytes(ffi.buffer(design(values, RATE))) for values in (slot_a, slot_b)]
        engine = self._lib.harness_new(RATE, *map(self._ffi.from_buffer, blocks))
        if engine == self._ffi.NULL:
            raise MemoryError("no memory for an engine")
        return self._ffi.gc(engine, self._lib.harness_free)

    def run(self, function: str, engine: Any, sound: Sound, output: Sound, block: int) -> float:  # noqa: ANN401
        """`harness_process` or `harness_callback` over all whole blocks; microseconds of each."""
        count = len(sound) // block
        frames = [self._ffi.from_buffer("float[]", array) for array in (sound, output)]
        took_ns: int = getattr(self._lib, function)(engine, *frames, block, count)
        return took_ns / count / 1000


def our_runs(harness: Harness, sound: Sound) -> dict[str, Run]:
    """The chain in one slot, in both, and the whole callback with everything on."""
    output = np.empty_like(sound)
    kinds = {
        "chain": ("harness_process", WHOLE, NOTHING),
        "both_slots": ("harness_process", WHOLE, OTHER),
        "callback": ("harness_callback", {**WHOLE, **EVERYTHING}, {**OTHER, **EVERYTHING}),
    }
    return {
        f"{kind}_{block}": partial(
            harness.run, function, harness.engine(slot_a, slot_b), sound, output, block
        )
        for block in BLOCKS
        for kind, (function, slot_a, slot_b) in kinds.items()
    }


def board(values: ChainValues, *, true_peak: bool = True) -> Any:  # noqa: ANN401 - pedalboard may not be there
    """A Pedalboard of the stages that `values` names, in our order."""
    pedalboard: Any = import_module("pedalboard")  # GPL: a peer that need not be installed

    def made(kind: Any, stage: str, *names: str) -> list[Any]:  # noqa: ANN401 - likewise
        if f"{stage}.{names[0]}" not in values:
            return []
        return [kind(*(values[f"{stage}.{name}"] for name in names))]

    limiter = partial(pedalboard.BrickwallLimiter, lookahead_ms=LOOKAHEAD_MS, true_peak=true_peak)
    ballistics = ("threshold_db", "ratio", "attack_ms", "release_ms")
    band = ("frequency_hz", "gain_db", "q")
    return pedalboard.Pedalboard(
        [
            *made(pedalboard.Gain, "trim", "gain_db"),
            # Of the first order: two have the slope of our one.
            *made(pedalboard.HighpassFilter, "highpass", "frequency_hz"),
            *made(pedalboard.HighpassFilter, "highpass", "frequency_hz"),
            *made(pedalboard.NoiseGate, "gate", *ballistics),
            *made(pedalboard.LowShelfFilter, "eq.low", *band),
            *made(pedalboard.PeakFilter, "eq.peak1", *band),
            *made(pedalboard.PeakFilter, "eq.peak2", *band),
            *made(pedalboard.HighShelfFilter, "eq.high", *band),
            *made(pedalboard.Compressor, "comp", *ballistics),
            *made(pedalboard.Gain, "comp", "makeup_db"),
            *made(limiter, "limiter", "ceiling_db", "release_ms"),
            *made(pedalboard.Gain, "level", "gain_db"),
        ]
    )


def their_runs(sound: Sound) -> dict[str, Run]:
    """Pedalboard called once a block, or once for all blocks; each also without true peak."""
    runs: dict[str, Run] = {}
    if not HAS_PEDALBOARD:
        return runs
    planar = np.ascontiguousarray(sound.T)  # its own layout, so that it need not copy
    for block in BLOCKS:
        cut = [
            np.ascontiguousarray(planar[:, at : at + block]) for at in range(0, len(sound) - block + 1, block)
        ]
        for suffix, true_peak in (("", True), ("_sample_peak", False)):
            stem = f"pedalboard_{block}{suffix}"
            runs[stem] = partial(_called, board(WHOLE, true_peak=true_peak), cut, block)
            runs[f"{stem}_long"] = partial(_called_once, board(WHOLE, true_peak=true_peak), planar, block)
    return runs


def _called(chain: Any, cut: list[Sound], block: int) -> float:  # noqa: ANN401 - see board
    began = time.thread_time_ns()
    for part in cut:
        chain(part, RATE, block, reset=False)
    return (time.thread_time_ns() - began) / len(cut) / 1000


def _called_once(chain: Any, planar: Sound, block: int) -> float:  # noqa: ANN401 - see board
    began = time.thread_time_ns()
    chain(planar, RATE, block, reset=False)
    count: int = planar.shape[1] // block
    return (time.thread_time_ns() - began) / count / 1000


def all_runs(harness: Harness, sound: Sound) -> Mapping[str, Run]:
    """Ours and theirs, by the names of the figures."""
    return {**our_runs(harness, sound), **their_runs(sound)}
