"""Supervision of the audio process: its states, and having it back when it was lost.

The states, each published with a reason: `waiting` for the device, `starting`, `running`, `stalled`
(no callbacks), `degraded` (callbacks that overran), `stopping`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ag06d._native import lib
from ag06d.arena import Arena, AudioStats, HostCell
from ag06d.audio.spec import EXIT_FATAL, AudioSpec
from ag06d.core.child import BackOff
from ag06d.core.config import AudioConfig
from ag06d.core.kept import RETRY_S, KeptProcess, Spec

TICK_S = 0.05
START_S = 15.0  # opening a device may take so long before it counts as wedged
BEAT_S = 2.0  # the process's own loop must turn so often
DEGRADED_S = 5.0
DEGRADED_SHARE = 0.01  # of callbacks within DEGRADED_S that overran

log = logging.getLogger(__name__)


class AudioSupervisor:
    """Keeps one audio process, and knows its state.

    `changed` is called whenever state, reason or device changed; `announce` with (topic, body).
    """

    def __init__(  # noqa: PLR0913 - what it stands between
        self,
        config: AudioConfig,
        arena: Arena,
        parent: int,
        *,
        announce: Callable[[str, dict[str, Any]], None],
        lockstep: bool = False,
        output: Path | None = None,
        readers: Sequence[HostCell] = (),
    ) -> None:
        self.state = "starting"
        self.reason = ""
        self.device: dict[str, Any] = {}
        self.stats = AudioStats(arena)
        self.ended: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self.restarts = -1
        self._config, self._arena, self._parent = config, arena, parent
        self._announce = announce
        self._lockstep, self._output, self._readers = lockstep, output, readers
        self._sink = HostCell() if lockstep or output else None
        self._device = config.device
        self._fallback = config.fallback
        self._process = KeptProcess(
            "ag06d.audio",
            BackOff(first_s=0.1, longest_s=1.0, healthy_s=2.0),
            spec=self._spec,
            said=self._heard,
            ended=self._process_ended,
            failed=lambda error: self._become("starting", f"the audio process cannot be started: {error}"),
        )
        self._ticked_ns = 0
        self._note = ""  # what is to be known while all is well
        self._streams = 0
        self._overruns: list[tuple[int, int, int]] = []  # (ns, callbacks, overruns)

    @property
    def pid(self) -> int:
        """The audio process, 0 when there is none."""
        return self._process.pid

    def configure(self, config: AudioConfig) -> None:
        """Take over what can change while a device runs: `stall_ms`."""
        self._config = self._config.model_copy(update={"stall_ms": config.stall_ms})

    def start(self) -> None:
        """Start the audio process."""
        self._process.start()

    def _spec(self) -> Spec:
        self._arena.rewind_params()  # the last one may have died between two steps of taking a block
        self._ticked_ns = lib.ag06_now_ns()
        self._arena.pointer.stats.stream_start_ns.raw = 0
        self.restarts += 1
        cells = [*self._readers, *([self._sink] if self._sink else [])]
        spec = AudioSpec(
            parent=self._parent,
            arena_fd=self._arena.fd,
            device=self._device,
            block=self._config.block,
            priority=self._config.priority,
            fallback=self._fallback,
            loop=self._config.loop,
            lockstep=self._lockstep,
            output=str(self._output) if self._output else None,
            reader_fds=[cell.fd for cell in self._readers] if self._lockstep else [],
            sink_fd=self._sink.fd if self._sink else None,
        )
        if self.state != "waiting":
            self._become("starting", self.reason)
        return asdict(spec), [self._arena.fd, *(cell.fd for cell in cells)]

    def _become(self, state: str, reason: str) -> None:
        if self.state == "stopping" or (state, reason) == (self.state, self.reason):
            return
        self.state, self.reason = state, reason
        log.info("audio: %s%s", state, f": {reason}" if reason else "")
        self._announce("audio.state", {"state": state, "reason": reason, "device": self.device})

    def _heard(self, line: dict[str, Any]) -> None:
        match line.get("event"):
            case "waiting":
                self.device = {}
                self._become("waiting", line["reason"])
            case "fallback":
                self._note = f"{line['reason']}; playing {line['device']} instead"
                log.info("audio: %s", self._note)
                self._device, self._fallback = line["device"], ""
            case "running":
                self.device = line["device"]
            case "lost" | "failed":
                self._process.why = line["reason"]
            case "ended":
                self._become("waiting", "the recording has ended")
                if not self.ended.done():
                    self.ended.set_result(line)
            case _:
                log.warning("audio: said %s", line)

    def _process_ended(self, status: int, reason: str) -> float | None:
        if not self.ended.done() and self._lockstep:
            self.ended.set_exception(RuntimeError(reason))
        if status == EXIT_FATAL:
            self._become("waiting", reason)
            return RETRY_S  # trying again at once does not mend it
        log.warning("audio: process %s", reason)
        self._become("starting", reason)
        return None

    async def watch(self) -> None:
        """Look after the audio process, until cancelled."""
        while True:
            self._tick()
            await asyncio.sleep(TICK_S)

    def _tick(self) -> None:
        now = lib.ag06_now_ns()
        held_up = now - self._ticked_ns > 4e9 * TICK_S  # we were, so our view of the others is no proof
        self._ticked_ns = now
        self._announce_stream()
        if held_up or not self.pid or self.ended.done() or self._lockstep:
            return
        silent_s = self.stats.silent_s()
        beat_s = (now - max(self.stats.counter("beat_ns"), self._process.started_ns)) / 1e9
        alive_s = (now - self._process.started_ns) / 1e9
        stall_s = self._config.stall_ms / 1000
        patience_s = START_S  # to load its libraries, and for a sound server that is slow to answer
        if self.stats.counter("stream_start_ns"):
            patience_s = max(BEAT_S, stall_s)
            self._judge_stream(silent_s, stall_s)
        elif self.state != "waiting" and alive_s > START_S:
            self._kill(f"no callback within {START_S:g} s of its start")
        if beat_s > patience_s:
            self._kill(f"the audio process did not answer for {beat_s:.1f} s")

    def _judge_stream(self, silent_s: float, stall_s: float) -> None:
        if silent_s > stall_s:
            self._kill(f"no callback for {silent_s * 1000:.0f} ms")
        elif silent_s > stall_s / 2:
            self._become("stalled", f"no callback for {silent_s * 1000:.0f} ms")
        elif overran := self._overrun_share():
            self._become("degraded", overran)
        else:
            self._become("running", self._note)

    def _overrun_share(self) -> str:
        """In words, when too many of the last seconds' callbacks overran."""
        now = lib.ag06_now_ns()
        counts = (now, self.stats.counter("callbacks"), self.stats.counter("overruns"))
        self._overruns = [entry for entry in self._overruns if now - entry[0] < DEGRADED_S * 1e9] + [counts]
        callbacks, overruns = (counts[i] - self._overruns[0][i] for i in (1, 2))
        if overruns <= DEGRADED_SHARE * callbacks:
            return ""
        return f"more than {DEGRADED_SHARE:.0%} of callbacks overran in the last {DEGRADED_S:g} s"

    def _announce_stream(self) -> None:
        streams = self.stats.counter("streams")
        if streams == self._streams:
            return
        self._streams = streams
        gap = self.stats.counter("gap_frames")
        body = {"streams": streams, "position": self._arena.head, "gap_frames_total": gap}
        self._announce("audio.stream", body)

    def _kill(self, reason: str) -> None:
        if self._process.kill(reason):
            self._become("stalled", reason)

    async def stop(self, patience_s: float = 1.0) -> None:
        """Ask the process to end, and end it if it does not."""
        self._become("stopping", "")
        self.state = "stopping"
        await self._process.stop(patience_s)
