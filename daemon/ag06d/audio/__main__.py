"""The audio process's main loop: wait for the device, open it, watch it, and end when it is lost.

Recovery is not done here: PortAudio cannot be trusted after a sound server died, so this process ends
and ag06d starts another. What happens is told to ag06d as JSON lines on stdout.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any, Protocol

from ag06d._native import lib
from ag06d.arena import Arena, AudioStats, HostCell
from ag06d.audio.devices import choose, listed
from ag06d.audio.probe import Probe
from ag06d.audio.spec import EXIT_FATAL, EXIT_LOST, AudioSpec, recording_path
from ag06d.audio.stream import Engine, SoundCard
from ag06d.errors import Ag06Error, DeviceAbsentError, DeviceError

TICK_S = 0.05
RESCAN_S = 0.4
ZERO_INPUT_S = 0.5  # exact zeros for so long raise the question whether the device is still there


class Source(Protocol):
    """A device that runs: a sound card or a recording."""

    @property
    def active(self) -> bool:
        """Whether it runs."""

    def document(self) -> dict[str, Any]:
        """What `status` tells of it."""

    def stop(self) -> None:
        """Stop it."""


def tell(event: str, **fields: Any) -> None:  # noqa: ANN401 - JSON
    """One line to ag06d."""
    print(json.dumps({"event": event, **fields}), flush=True)  # noqa: T201 - stdout is the channel


class AudioProcess:
    """One life of the audio process."""

    def __init__(self, spec: AudioSpec) -> None:
        self.spec = spec
        self.arena = Arena.attach(spec.arena_fd, writable=True)
        self.stats = AudioStats(self.arena)
        self.stopping = False
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, self._stop)

    def _stop(self, *_: object) -> None:
        self.stopping = True

    def beat(self) -> None:
        """Tell ag06d that this loop turns."""
        self.arena.pointer.stats.beat_ns.raw = lib.ag06_now_ns()

    def run(self) -> int:
        """Until asked to stop, the recording's end, or the loss of the device; the exit status."""
        self.beat()
        path = recording_path(self.spec.device)
        if path is not None:
            return self._play(path)
        card = self._wait_for_card()
        if isinstance(card, Path):
            return self._play(card)
        return self._watch(card) if card is not None else 0

    def _open_card(self) -> SoundCard:
        device = choose(self.spec.device, listed())
        return SoundCard(device, Engine(self.arena, self.spec.priority), self.spec.block)

    def _wait_for_card(self) -> SoundCard | Path | None:
        """The device once it is there and opens; the fallback's path; None when asked to stop."""
        import sounddevice  # noqa: PLC0415 - see devices.listed

        told = ""
        while not self.stopping:
            self.beat()
            try:
                return self._open_card()
            except DeviceError as error:
                if isinstance(error, DeviceAbsentError) and (fallback := recording_path(self.spec.fallback)):
                    tell("fallback", reason=str(error), device=self.spec.fallback)
                    return fallback
                if str(error) != told:
                    told = str(error)
                    tell("waiting", reason=told)
            self._nap(RESCAN_S)
            sounddevice._terminate()  # noqa: SLF001 - PortAudio looks for devices only when initialised
            sounddevice._initialize()  # noqa: SLF001 - likewise
        return None

    def _nap(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not self.stopping and time.monotonic() < until:
            self.beat()
            time.sleep(TICK_S)

    def _watch(self, card: SoundCard) -> int:
        """Watch a sound card for the signals of its loss that this process can see."""
        tell("running", device=card.document())
        probe = Probe(self.spec.device)
        zeros_before_asking = ZERO_INPUT_S * self.arena.rate
        while not self.stopping:
            self.beat()
            time.sleep(TICK_S)
            if self.stats.counter("finished"):
                return self._lost("PortAudio ended the stream")
            if not card.active:
                return self._lost("PortAudio says that the stream is inactive")
            if self.stats.counter("zero_input_frames") > zeros_before_asking:
                probe.ask()
            if probe.answer() is False and self.stats.counter("zero_input_frames") > zeros_before_asking:
                return self._lost(f"{card.device.name} is gone")
        return 0

    @staticmethod
    def _lost(reason: str) -> int:
        tell("lost", reason=reason)
        return EXIT_LOST

    def _play(self, path: Path) -> int:
        """Play a recording."""
        from ag06d.audio.recording import RecordingDevice  # noqa: PLC0415 - numpy and soundfile
        from ag06d.audio.sink import WetSink  # noqa: PLC0415 - likewise

        spec = self.spec
        sink_cell = HostCell(spec.sink_fd) if spec.sink_fd is not None else None
        sink = (
            WetSink(self.arena, sink_cell, Path(spec.output) if spec.output else None) if sink_cell else None
        )
        readers = [HostCell(fd) for fd in spec.reader_fds] + ([sink_cell] if sink_cell else [])
        try:
            device = RecordingDevice(
                path,
                Engine(self.arena, 0 if spec.lockstep else spec.priority),
                spec.block,
                loop=spec.loop,
                lockstep=spec.lockstep,
                readers=readers,
            )
        except Ag06Error:
            if sink is not None:
                sink.abandon()
            raise
        tell("running", device=device.document(), frames=device.frame_count)
        while device.active and not self.stopping:
            self.beat()
            if sink is None:
                time.sleep(TICK_S)
            else:
                sink.drain(TICK_S)
        device.stop()
        tell("ended", frames=self.arena.head, **(sink.finish() if sink else {}))
        while not self.stopping:  # readers may still be behind; ag06d says when all is done
            self.beat()
            time.sleep(TICK_S)
        return 0


def main() -> int:
    """Run by ag06d: `python -m ag06d.audio` with an AudioSpec on stdin."""
    spec = AudioSpec(**json.load(sys.stdin))
    if not lib.ag06_die_with_parent(spec.parent):
        return EXIT_FATAL
    try:
        return AudioProcess(spec).run()
    except Ag06Error as error:
        tell("failed", reason=str(error))
        return EXIT_FATAL


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    os._exit(status)  # not through Pa_Terminate, which blocks when the sound server is gone
