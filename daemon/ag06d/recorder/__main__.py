"""The recorder's main loop: take from the rings, write, and tell ag06d once a second.

It maps the arena read-only and nobody waits for it: a disk that stalls for longer than the rings hold
costs the recording frames, which are counted and written as silence, and nothing else.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from ag06d._native import lib
from ag06d.arena import Arena
from ag06d.arena.stats import decibels
from ag06d.errors import RequestError
from ag06d.recorder.file import WRITE_ERRORS, RecordingFile
from ag06d.recorder.spec import SOURCES, RecorderSpec
from ag06d.recorder.take import Piece, Take

WAIT_S = 0.2
TELL_NS = 1_000_000_000
LOUDEST = 1e6  # +120 dBFS; a sample beyond it is no sound

EXIT_REFUSED = 1


def tell(event: str, **fields: Any) -> None:  # noqa: ANN401 - JSON
    """One line to ag06d, unless it has not read the last ones: nothing here waits for it either."""
    with suppress(BlockingIOError):
        os.write(sys.stdout.fileno(), json.dumps({"event": event, **fields}).encode() + b"\n")


class Recorder:
    """One recording."""

    def __init__(self, spec: RecorderSpec) -> None:
        """Begin the file; raises RequestError."""
        self.stopping = False
        signal.signal(signal.SIGTERM, self._stop)
        self._rings = SOURCES[spec.source]
        self._arena = Arena.attach(spec.arena_fd)
        path = Path(spec.path)
        if path.parent == Path(spec.folder):
            make_folder(path.parent)
        channels = 2 * len(self._rings)
        self._file = RecordingFile(
            path, spec.sample_format, channels, self._arena.rate, overwrite=spec.overwrite
        )
        self._take = Take(self._arena, spec.source, spec.position)
        self._end = None if spec.frames is None else spec.position + spec.frames
        self._lost = self._gap_frames = 0
        self._peak = np.zeros(channels, np.float32)
        self._recent_peak = np.zeros(channels, np.float32)

    def _stop(self, *_: object) -> None:
        self.stopping = True

    def run(self) -> None:
        """Until the last frame that was asked for, SIGTERM, or an error of the disk."""
        tell("started")
        reason, message = "complete", ""
        try:
            if not self._record():
                reason = "stopped"
        except WRITE_ERRORS as error:
            reason, message = "failed", f"{self._file.path}: cannot be written any more: {error}"
        path = self._file.part
        try:
            path = self._file.finish()
        except WRITE_ERRORS as error:
            reason, message = "failed", message or f"{self._file.path}: cannot be finished: {error}"
        os.set_blocking(sys.stdout.fileno(), True)
        tell("finished", reason=reason, message=message, path=str(path), **self._figures(self._peak))

    def _record(self) -> bool:
        """Write until the end; false when it was asked to stop before."""
        told_ns = lib.ag06_now_ns()
        end, asked = self._end, False
        while end is None or self._take.position < end:
            if self.stopping and not asked:
                asked = True
                here = max(self._arena.head, self._take.position)
                end = here if end is None else min(end, here)
                continue
            piece = self._take.next(end, WAIT_S)
            if piece is not None:
                self._write(piece)
            elif asked:
                break  # the last callback ended halfway
            if (now_ns := lib.ag06_now_ns()) - told_ns >= TELL_NS:
                told_ns = now_ns
                self._file.update()
                tell("progress", **self._figures(self._recent_peak))
                self._recent_peak[:] = 0
        return not asked

    def _write(self, piece: Piece) -> None:
        self._file.silence(piece.lost)
        self._file.write(piece.sound)
        self._lost += piece.lost
        self._gap_frames += piece.gap_frames
        peak = np.fmax.reduce(np.abs(piece.sound), initial=0)
        for so_far in (self._peak, self._recent_peak):
            np.fmax(so_far, peak, out=so_far)

    def _figures(self, peak: Any) -> dict[str, Any]:  # noqa: ANN401 - an array
        levels = [round(decibels(min(float(sample), LOUDEST)), 2) for sample in peak]
        return {
            "seconds": round(self._file.frames / self._arena.rate, 3),
            "frames": self._file.frames,
            "lost_frames": self._lost,
            "gap_frames": self._gap_frames,
            "peak_db": {ring: levels[2 * index : 2 * index + 2] for index, ring in enumerate(self._rings)},
        }


def make_folder(folder: Path) -> None:
    """The daemon's own folder for recordings; raises RequestError."""
    try:
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
    except OSError as error:
        raise RequestError("denied", f"{folder}: cannot be made: {error.strerror}") from error


def main() -> int:
    """Run by ag06d: `python -m ag06d.recorder` with a RecorderSpec on stdin."""
    spec = RecorderSpec(**json.load(sys.stdin))
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    if not lib.ag06_die_with_parent(spec.parent):
        return EXIT_REFUSED
    lib.ag06_renounce_real_time()
    os.set_blocking(sys.stdout.fileno(), False)
    try:
        recorder = Recorder(spec)
    except RequestError as error:
        tell("refused", code=error.code, message=error.message, hint=error.hint)
        return EXIT_REFUSED
    recorder.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
