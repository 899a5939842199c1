"""One process with one of the callbacks on the fake mixer, timed by the same C instrument.

Reads requests as JSON lines, {"seconds", "busy", "output"}, opens a stream for each, and answers with a
JSON line; entries and durations of the callbacks go into the file `output`. Ends with stdin.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
import numpy.typing as npt
import sounddevice
from ag06d._native import ffi as native_ffi
from ag06d._native import lib as native
from bench.rig.instruments import open_instruments

from ag06d.arena import CHAIN, Arena, AudioStats
from ag06d.audio.devices import Device, choose, listed
from ag06d.audio.stream import Engine, SoundCard

RATE = 48000
RING_S = 10.0
GAIN = np.float32(0.7079458)  # -3 dB
KEPT_BLOCKS = 16
SETTLE_S = 0.1  # of a new stream, not measured
FLOOR_NS = 125  # a frame: 8 us for 64
CALIBRATION_STEPS = 20_000
MUCH_TOO_LONG = 4.0  # times the callbacks that a round should have; memory for so many

Sound = npt.NDArray[np.float32]


class Tap:
    """Puts the C instrument between PortAudio and whatever callback a stream is opened with."""

    def __init__(self, instruments: Path, block: int) -> None:
        self.ffi, self.lib = open_instruments(instruments)
        self.state: Any = self.ffi.new("instrument_tap *")
        self.kept = np.zeros((2, KEPT_BLOCKS * block, 2), dtype=np.float32)
        self.state.input, self.state.output = (
            self.ffi.cast("float *", self.ffi.from_buffer(sound)) for sound in self.kept
        )
        self.state.kept, self.state.block_frames = KEPT_BLOCKS, block
        self._portaudio: Any = sounddevice._lib  # noqa: SLF001 - both sides open their streams through it
        sounddevice._lib = self  # noqa: SLF001 - likewise

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - PortAudio's functions
        return getattr(self._portaudio, name)

    def Pa_OpenStream(self, *arguments: Any) -> int:  # noqa: ANN401, N802 - PortAudio's
        """As PortAudio's own, with the instrument in between."""
        *others, callback, userdata = arguments
        pa: Any = sounddevice._ffi  # noqa: SLF001 - to cast between two cffi
        self.state.inner = self.ffi.cast("instrument_callback", int(pa.cast("uintptr_t", callback)))
        self.state.userdata = self.ffi.cast("void *", int(pa.cast("uintptr_t", userdata)))
        address = self.ffi.addressof(self.lib, "instrument_tapped")
        tapped = pa.cast("PaStreamCallback *", int(self.ffi.cast("uintptr_t", address)))
        state = pa.cast("void *", int(self.ffi.cast("uintptr_t", self.state)))
        return int(self._portaudio.Pa_OpenStream(*others, tapped, state))

    def Pa_SetStreamFinishedCallback(self, *_: Any) -> int:  # noqa: ANN401, N802 - PortAudio's
        """Left out: it would be given the instrument's data for its own."""
        return 0

    def prepare(self, capacity: int) -> npt.NDArray[np.int64]:
        """Have up to `capacity` callbacks written to the rows returned: entries, durations, processors."""
        times = np.full((3, capacity), -1, dtype=np.int64)  # written, so that no page of it is yet to come
        self.state.entry_ns, self.state.duration_ns, self.state.processor = (
            self.ffi.cast("uint64_t *", self.ffi.from_buffer(row)) for row in times
        )
        self.state.count, self.state.capacity = 0, capacity
        return times


class Side(ABC):
    """One of those that are compared."""

    def __init__(self, tap: Tap, device: Device, block: int) -> None:
        self.tap, self.device, self.block = tap, device, block

    @abstractmethod
    def open(self) -> Any:  # noqa: ANN401 - a stream with stop()
        """A running stream."""

    @abstractmethod
    def document(self) -> dict[str, Any]:
        """Its own account of the round, and what proves that it did its work."""


class Ours(Side):
    """The daemon's C callback: every stage of the chain at work, rings, levels and account."""

    def __init__(self, tap: Tap, device: Device, block: int) -> None:
        super().__init__(tap, device, block)
        self.arena = Arena.create(RATE, RING_S)
        enabled = {p.path: True for p in CHAIN if p.kind == "bool"}
        gains = {p.path: 3.0 for p in CHAIN if p.path.startswith("eq.") and p.path.endswith("gain_db")}
        for slot in ("a", "b"):
            self.arena.publish_chain(slot, enabled | gains | {"highpass.slope_db": 24}, sequence=1)

    def open(self) -> SoundCard:
        """As the audio process opens it."""
        self.engine = Engine(self.arena, priority=60)
        return SoundCard(self.device, self.engine, self.block)

    def _newest(self, ring: str) -> Sound:
        frames = len(self.tap.kept[0])
        sound = np.zeros((frames, 2), dtype=np.float32)
        cursor = native_ffi.new("uint64_t *", self.arena.head - frames)
        lost = native_ffi.new("uint64_t *")
        pointer = native_ffi.from_buffer(sound)
        native.ag06_ring_read(native_ffi.addressof(self.arena.pointer, ring), cursor, pointer, frames, lost)
        return sound

    def document(self) -> dict[str, Any]:
        """The rings hold what came and what left."""
        stats = AudioStats(self.arena).document()
        first = int(self.tap.state.count) % KEPT_BLOCKS * self.block
        kept_in, kept_out = (np.roll(sound, -first, axis=0) for sound in self.tap.kept)
        return {
            "dry_ring_is_input": bool(np.array_equal(self._newest("dry"), kept_in)),
            "wet_ring_is_output": bool(np.array_equal(self._newest("wet"), kept_out)),
            "output_peak": float(np.abs(kept_out).max()),
            "policy": f"{stats['policy']} {stats['priority']}",
        }


class Python(Side):
    """A sounddevice callback that copies with a gain, in numpy."""

    def open(self) -> sounddevice.Stream:
        """As a program with sounddevice would."""
        stream = sounddevice.Stream(
            samplerate=RATE,
            blocksize=self.block,
            device=(self.device.index, self.device.index),
            channels=(2, 2),
            dtype="float32",
            latency="low",
            callback=self._callback,
        )
        stream.start()
        return stream

    def _callback(self, indata: Sound, outdata: Sound, _frames: int, _time: object, _flags: object) -> None:
        np.multiply(indata, GAIN, out=outdata)

    def document(self) -> dict[str, Any]:
        """What left is what came, times the gain."""
        kept_in, kept_out = self.tap.kept
        return {
            "gain_max_abs": float(np.abs(kept_out - kept_in * GAIN).max()),
            "output_peak": float(np.abs(kept_out).max()),
        }


class Floor(Side):
    """A C callback of arithmetic in registers, about as long as ours: what it varies by is the machine's."""

    def __init__(self, tap: Tap, device: Device, block: int) -> None:
        super().__init__(tap, device, block)
        self._steps = tap.ffi.new("uint64_t *", 1)
        self._steps[0] = self._calibrated()

    def _calibrated(self) -> int:
        """Steps that take FLOOR_NS a frame, from the fastest of some tries."""
        silence = self.tap.ffi.new("float[]", 2 * self.block)
        self._steps[0] = CALIBRATION_STEPS
        fastest_ns = min(self._time(silence) for _ in range(100))
        return int(CALIBRATION_STEPS * FLOOR_NS * self.block / fastest_ns)

    def _time(self, silence: Any) -> int:  # noqa: ANN401 - a cffi array
        began_ns = time.monotonic_ns()
        self.tap.lib.instrument_floor(silence, silence, 1, self.tap.ffi.NULL, 0, self._steps)
        return time.monotonic_ns() - began_ns

    def open(self) -> sounddevice._StreamBase:
        """As ours, with another function."""
        pa: Any = sounddevice._ffi  # noqa: SLF001 - a C callback has no public door

        def address(pointer: Any) -> Any:  # noqa: ANN401 - from one cffi to another
            return pa.cast("void *", int(self.tap.ffi.cast("uintptr_t", pointer)))

        stream = sounddevice._StreamBase(  # noqa: SLF001 - likewise
            kind="duplex",
            samplerate=RATE,
            blocksize=self.block,
            device=(self.device.index, self.device.index),
            channels=(2, 2),
            dtype="float32",
            latency="low",
            callback=address(self.tap.ffi.addressof(self.tap.lib, "instrument_floor")),
            userdata=address(self._steps),
        )
        stream.start()
        return stream

    def document(self) -> dict[str, Any]:
        """That sound came through."""
        return {"output_peak": float(np.abs(self.tap.kept[1]).max())}


SIDES: dict[str, type[Side]] = {"ours": Ours, "python": Python, "floor": Floor}


@contextmanager
def busy_thread(*, wanted: bool) -> Iterator[None]:
    """A thread of this process that runs Python without end."""
    stopping = False

    def spin() -> None:
        number = 0
        while not stopping:
            number += 1

    thread = threading.Thread(target=spin)
    if wanted:
        thread.start()
    try:
        yield
    finally:
        stopping = True
        if wanted:
            thread.join()


def run(side: Side, tap: Tap, request: dict[str, Any]) -> dict[str, Any]:
    """One round; the answer."""
    capacity = int(MUCH_TOO_LONG * request["seconds"] * RATE / side.block)
    times = tap.prepare(capacity)
    stream = side.open()
    with busy_thread(wanted=request["busy"]):
        time.sleep(SETTLE_S)
        tap.state.restart = 1
        began_ns = time.monotonic_ns()
        time.sleep(request["seconds"])
        count = min(int(tap.state.count), capacity)
        ended_ns = time.monotonic_ns()
    stream.stop()
    document = side.document()
    if close := getattr(stream, "close", None):
        close()
    np.save(request["output"], times[:, :count])
    return document | {"callbacks": count, "elapsed_s": (ended_ns - began_ns) / 1e9}


def main() -> None:
    """Answer requests until stdin ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("side", choices=SIDES)
    parser.add_argument("block", type=int)
    parser.add_argument("instruments", type=Path)
    chosen = parser.parse_args()
    device = choose("auto", listed())
    tap = Tap(chosen.instruments, chosen.block)
    side = SIDES[chosen.side](tap, device, chosen.block)
    for line in sys.stdin:
        print(json.dumps(run(side, tap, json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
    sounddevice._terminate()  # noqa: SLF001 - the server lives; if this blocks, we are killed
    os._exit(0)
