"""The audio account and the levels, read from the arena."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field
from typing import Any

from ag06d._native import ffi, lib
from ag06d.arena.memory import SLOTS, Arena

_POLICIES = {os.SCHED_OTHER: "other", os.SCHED_FIFO: "fifo", os.SCHED_RR: "rr"}
_FLAGS = ("input_underflows", "input_overflows", "output_underflows", "output_overflows", "priming")
_QUANTILES = {"p50": 0.5, "p99": 0.99, "p999": 0.999}
SILENCE_DB = -200.0
STAGES = ("gate", "deess", "comp", "limiter")


def decibels(linear: float) -> float:
    """20 log10, not below -200."""
    return max(20 * math.log10(linear), SILENCE_DB) if linear > 0 else SILENCE_DB


class AudioStats:
    """The callback's counters, as `status` shows them."""

    def __init__(self, arena: Arena) -> None:
        self._arena = arena
        self._stats = arena.pointer.stats

    def counter(self, name: str) -> int:
        """The counter `name` of `ag06_stats` as it stands."""
        return int(getattr(self._stats, name).raw)

    def frames(self) -> int:
        """Frames delivered since the stream started."""
        return self._arena.head - self.counter("stream_position") if self.counter("stream_start_ns") else 0

    def expected_frames(self) -> int:
        """Frames that the clock says should have come since the stream started.

        Counted to the newest callback, or to the present moment once a callback is overdue by more
        than four periods.
        """
        start, last = self.counter("stream_start_ns"), self.counter("last_entry_ns")
        if not start or last < start:
            return 0
        block, rate = self.counter("last_frames"), self._arena.rate
        silent_ns = lib.ag06_now_ns() - last
        until = last if silent_ns < 4e9 * block / rate else last + silent_ns
        return round((until - start) * rate / 1e9) + block

    def silent_s(self) -> float:
        """Seconds since the newest callback; infinite before the first of this stream."""
        if not self.counter("stream_start_ns"):
            return math.inf
        return float((lib.ag06_now_ns() - self.counter("last_entry_ns")) / 1e9)

    def document(self) -> dict[str, Any]:
        """The `audio` part of `status`.

        callbacks, frames and expected_frames count since the device started; the rest since the daemon did.
        """
        histogram = self._stats.duration_histogram
        duration = {
            name: round(lib.ag06_quantile_u64(histogram, q) / 1000, 1) for name, q in _QUANTILES.items()
        }
        duration["max"] = round(self.counter("max_duration_ns") / 1000, 1)
        return {
            "callbacks": self.counter("stream_callbacks"),
            "frames": self.frames(),
            "expected_frames": self.expected_frames(),
            "overruns": self.counter("overruns"),
            "late": self.counter("late"),
            "nan_trips": self.counter("nan_trips"),
            "bad_input_frames": self.counter("bad_input_frames"),
            "flags": {name: self.counter(name) for name in _FLAGS},
            "duration_us": duration,
            "policy": _POLICIES.get(self.counter("policy"), str(self.counter("policy"))),
            "priority": self.counter("priority"),
            "position": self._arena.head,
            "streams": self.counter("streams"),
            "gap_frames": self.counter("gap_frames"),
            "latency_frames": self._arena.latency,
        }


@dataclass(slots=True)
class Levels:
    """Peak and RMS of a stretch of sound, per channel, linear."""

    peak: list[float] = field(default_factory=lambda: [0.0, 0.0])
    squares: list[float] = field(default_factory=lambda: [0.0, 0.0])
    frames: int = 0

    def add(self, frames: int, peak: Any, rms: Any) -> None:  # noqa: ANN401 - cffi arrays
        """Take in a block."""
        self.frames += frames
        for channel in range(len(self.peak)):
            self.peak[channel] = max(self.peak[channel], peak[channel])
            self.squares[channel] += rms[channel] ** 2 * frames

    def document(self) -> dict[str, list[float]]:
        """`peak_db` and `rms_db` per channel, in dBFS (a full-scale square wave has 0 dB RMS)."""
        return {
            "peak_db": [round(decibels(peak), 2) for peak in self.peak],
            "rms_db": [
                round(decibels(math.sqrt(squares / max(self.frames, 1))), 2) for squares in self.squares
            ],
        }


def no_reduction() -> dict[str, dict[str, float]]:
    """Nothing: the dB by which each stage of each slot turns down."""
    return {slot: dict.fromkeys(STAGES, 0.0) for slot in SLOTS}


class BlockFollower:
    """Reads block headers as they come, for meters."""

    def __init__(self, arena: Arena) -> None:
        self._ring = ffi.addressof(arena.pointer, "blocks")
        self._cursor = ffi.new("uint64_t *", lib.ag06_ring_head(self._ring))
        self._lost = ffi.new("uint64_t *")
        self._block = ffi.new("ag06_block *")

    def collect(self) -> dict[str, Any] | None:
        """Levels, gain reduction and flags of all blocks since the last call; None when there were none."""
        dry, wet = Levels(), Levels()
        reduction = no_reduction()
        flags = 0
        block = self._block
        while True:
            status = lib.ag06_ring_read(self._ring, self._cursor, block, 1, self._lost)
            if status == lib.AG06_RING_EMPTY:
                break
            if status == lib.AG06_RING_LAPPED:
                continue
            dry.add(block.frames, block.dry_peak, block.dry_rms)
            wet.add(block.frames, block.wet_peak, block.wet_rms)
            flags |= block.flags
            for slot, stages in enumerate(reduction.values()):
                for stage, most in stages.items():
                    stages[stage] = round(max(most, getattr(block.reduction[slot], stage)), 2)
        if not dry.frames:
            return None
        return {
            "frames": dry.frames,
            "dry": dry.document(),
            "wet": wet.document(),
            "reduction_db": reduction,
            "flags": flags,
        }
