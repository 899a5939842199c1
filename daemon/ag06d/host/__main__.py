"""The host's main loop: nap until the next hop, give it to each plugin, see to messages."""

from __future__ import annotations

import faulthandler
import gc
import json
import logging
import os
import resource
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ag06d._native import lib
from ag06d.arena import Arena, HopReader, HostCell, PluginState
from ag06d.arena.cell import UINT64_MAX
from ag06d.errors import RequestError
from ag06d.host.context import HostContext, Shared
from ag06d.host.link import Link
from ag06d.host.runner import Runner
from ag06d.host.spec import HostSpec, hop_frames
from ag06d.host.trace import Trace
from ag06d.logs import setup_logging
from ag06d.plugin import Frame, Reduction
from ag06d.wire.hostlink import HostMessage, Kind

WAIT_S = 0.1
LOCKSTEP_S = 10.0  # in lockstep nothing may be dropped for being faster than ag06d
POLICIES = {"batch": os.SCHED_BATCH, "idle": os.SCHED_IDLE}
BAD_INPUT: int = lib.AG06_BLOCK_NAN

log = logging.getLogger(__name__)


class Host:
    """One life of a host."""

    def __init__(self, spec: HostSpec) -> None:
        self.spec = spec
        self.arena = Arena.attach(spec.arena_fd)
        self.cell = HostCell(spec.cell_fd)
        self.link = Link(spec.socket, spec.name, patience_s=LOCKSTEP_S if spec.lockstep else 0)
        self.shared = Shared(self.link, self.arena.rate, hop_frames(self.arena.rate))
        self.runners: dict[str, Runner] = {}
        self.traced: list[HostContext] = []
        self.stopping = False
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, self._stop)

    def _stop(self, *_: object) -> None:
        self.stopping = True

    def _failed(self, runner: Runner, state: PluginState, reason: str) -> None:
        log.error("plugin %s: %s: %s", runner.context.name, state.name.lower(), reason)
        header = {"plugin": runner.context.name, "state": state.name.lower(), "reason": reason}
        self.link.send(HostMessage(Kind.PLUGIN, header))

    def start_plugins(self) -> None:
        """Load every plugin, one behind its fence after the other, and tell ag06d what they offer."""
        for plugin in self.spec.plugins:
            self.cell.pointer.beat_ns.raw = lib.ag06_now_ns()
            context = HostContext(
                plugin.name, self.shared, Path(self.spec.state_folder) / "plugins" / plugin.name
            )
            runner = Runner(
                context,
                plugin.index,
                self.cell,
                deadline_ms=self.spec.deadline_ms,
                max_errors=self.spec.max_errors,
                failed=self._failed,
                plugin_folder=Path(self.spec.plugin_folder),
            )
            runner.start(plugin.config)
            self.runners[plugin.name] = runner
        offers = {name: runner.document() for name, runner in self.runners.items()}
        self.link.send(HostMessage(Kind.HELLO, {"host": self.spec.name, "pid": os.getpid()}, offers))

    def run(self) -> None:
        """Until asked to stop."""
        self.begin()
        gc.collect()
        gc.freeze()
        while not self.stopping:
            self.turn(WAIT_S)

    def begin(self) -> None:
        """Start reading: where the last host left off, or at the newest hop."""
        position = self.spec.position
        if position is None:
            position = self.arena.head - self.arena.head % self.shared.hop
        self._reader = HopReader(self.arena, self.shared.hop, position)
        self._lost_before = self.cell.lost_frames

    def turn(self, wait_s: float) -> None:
        """Wait for a hop, give it to every plugin, and see to the messages."""
        cell, reader = self.cell.pointer, self._reader
        cell.beat_ns.raw = lib.ag06_now_ns()
        hop = reader.next(wait_s)
        if hop is not None:
            self._give(
                Frame(
                    dry=reader.dry,
                    wet=reader.wet,
                    position=hop.position,
                    mono_ns=hop.mono_ns,
                    rate=self.shared.rate,
                    lost=hop.lost,
                    gap_frames=hop.gap_frames,
                    bad_input=bool(hop.flags & BAD_INPUT),
                    reduction_db=Reduction(*hop.reduction_db),
                )
            )
            cell.lost.raw = (self._lost_before + reader.lost) & UINT64_MAX
            cell.position.raw = reader.position
        for message in self.link.received():
            self._handle(message)
        self.link.tell_dropped()
        if self.traced:
            self._tell_traces()

    def _trace(self, plugin: str, seconds: float) -> None:
        """Trace `plugin` from now on, or for so much longer; not at all with 0."""
        runner = self.runners.get(plugin)
        if runner is None:
            return
        context = runner.context
        if context.trace is not None:
            context.trace.renew(seconds)
        elif seconds > 0:
            context.trace = Trace(seconds)
            self.traced.append(context)

    def _tell_traces(self) -> None:
        for context in list(self.traced):
            trace = context.trace
            if trace is not None and (body := trace.take()):
                header = {"plugin": context.name, "pos": self.shared.position, "mono": self.shared.mono_ns}
                self.link.send(HostMessage(Kind.TRACE, header, body))
            if trace is None or trace.over:
                context.trace = None
                self.traced.remove(context)

    def _give(self, frame: Frame) -> None:
        self.shared.position = frame.position + len(frame.dry)
        self.shared.mono_ns = frame.mono_ns
        for runner in self.runners.values():
            if runner.active:
                runner.process(frame)

    def _handle(self, message: HostMessage) -> None:
        match message.kind:
            case Kind.STATE:
                self.shared.state.update(message.body)
            case Kind.REQUEST:
                self._command(message)
            case Kind.REPLY:
                self._reply(message)
            case Kind.MESSAGE:
                self._message(message)
            case Kind.TRACE:
                self._trace(str(message.header["plugin"]), float(message.header["seconds"]))
            case Kind.SYNC:
                self.link.send(message)
            case Kind.LOG:
                logging.getLogger().setLevel(str(message.header["level"]).upper())
            case Kind.STOP:
                self.stopping = True
            case _:
                log.warning("ag06d sent a message of kind %s", message.kind)

    def _command(self, message: HostMessage) -> None:
        status, body = "ok", dict[str, Any]()
        try:
            runner = self.runners[str(message.header["plugin"])]
            body = dict(runner.command(str(message.header["command"]), message.body))
        except RequestError as error:
            status, body = "error", {"code": error.code, "message": error.message, "hint": error.hint}
        self.link.send(HostMessage(Kind.REPLY, {"id": message.header.get("id"), "status": status}, body))

    def _reply(self, message: HostMessage) -> None:
        runner = self.runners.get(str(message.header.get("plugin")))
        done = runner.context.calls.pop(message.header.get("id"), None) if runner else None  # type: ignore[arg-type]
        if runner is not None and done is not None:
            status, body = str(message.header.get("status")), message.body
            runner.deliver(lambda: done(status, body), "reply", status)

    def _message(self, message: HostMessage) -> None:
        topic, body, buffers = str(message.header.get("topic")), message.body, list(message.buffers)
        for runner in self.runners.values():
            for prefix, handler in runner.context.subscriptions:
                if topic.startswith(prefix) and runner.active:
                    runner.deliver(lambda handler=handler: handler(topic, body, buffers), "message", topic)  # type: ignore[misc]

    def close(self) -> None:
        """Let the plugins end, and what is queued go out."""
        for runner in self.runners.values():
            runner.close()
        self.link.close()


def confine(scheduling: str, nice: int, memory_mb: int) -> None:
    """Take on the host's scheduling class and memory limit; give up what could starve the audio."""
    if scheduling in POLICIES:
        os.sched_setscheduler(0, POLICIES[scheduling], os.sched_param(0))
    if nice:
        os.nice(nice)
    lib.ag06_renounce_real_time()
    limit = memory_mb << 20
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def main(document: Mapping[str, Any]) -> int:
    """Run by ag06d: `python -m ag06d.host` with a HostSpec on stdin."""
    spec = HostSpec.from_json(dict(document))
    if not lib.ag06_die_with_parent(spec.parent):
        return 1
    setup_logging(spec.log_level, f"host {spec.name}")
    faulthandler.enable()
    logging.captureWarnings(True)  # such as DeprecatedApiWarning
    confine(spec.scheduling, spec.nice, spec.memory_mb)
    host = Host(spec)
    host.start_plugins()
    host.run()
    host.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(json.load(sys.stdin)))
