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
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ag06d._native import lib
from ag06d.arena import Arena, Hop, HopReader, HostCell, PluginState
from ag06d.arena.cell import UINT64_MAX
from ag06d.errors import RequestError
from ag06d.host.context import HostContext, Shared
from ag06d.host.desk import Asked
from ag06d.host.distant import DistantFeatures
from ag06d.host.doors import Doors
from ag06d.host.link import Link
from ag06d.host.runner import Runner
from ag06d.host.spec import HostSpec, hop_frames
from ag06d.host.trace import Trace
from ag06d.logs import setup_logging
from ag06d.paths import Sockets
from ag06d.plugin import Frame, Reduction
from ag06d.wire import unpack_arrays
from ag06d.wire.hostlink import HostMessage, Kind

WAIT_S = 0.1
TICK_NS = 100_000_000
TICK_HOPS = 10  # in lockstep, where a replay is to be the same each time
STEP_NS = 5_000_000  # between two looks whether the answer to a command is there
DECLARE_NS = 1_000_000_000  # between two attempts to declare features, where no store is there yet
DOORS_NS = 2_000_000  # of requests at the doors, between two looks whether a hop is there
NEVER_NS = UINT64_MAX
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
        sockets = Sockets(Path(spec.socket.removeprefix("ipc://")).parent)
        self.distant = DistantFeatures(self.link.context, sockets)
        self.shared = Shared(
            self.link, self.arena.rate, hop_frames(self.arena.rate), self.distant, lockstep=spec.lockstep
        )
        self.doors = Doors(self.link.context, sockets)
        self.declaring: list[Runner] = []  # whose features the store does not know yet
        self.runners: dict[str, Runner] = {}
        self.traced: list[HostContext] = []
        self.stopping = False
        self._tick_ns = self._step_ns = self._declare_ns = 0  # when the next ones are due
        self._hops = 0
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, self._stop)

    def _stop(self, *_: object) -> None:
        self.stopping = True

    def _failed(self, runner: Runner, state: PluginState, reason: str) -> None:
        log.error("plugin %s: %s: %s", runner.context.name, state.name.lower(), reason)
        header = {"plugin": runner.context.name, "state": state.name.lower(), "reason": reason}
        self.link.send(HostMessage(Kind.PLUGIN, header))
        self.doors.shut(runner.context.name)

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
            if runner.features is not None:
                self.shared.features = runner.features
        self.declaring = [runner for runner in self.runners.values() if runner.active and runner.declares]
        doors = self._open_doors()
        offers = {name: runner.document() | {"door": name in doors} for name, runner in self.runners.items()}
        self.link.send(HostMessage(Kind.HELLO, {"host": self.spec.name, "pid": os.getpid()}, offers))

    def _open_doors(self) -> set[str]:
        """Open the doors of plugins that have direct commands; whose there are."""
        direct = [
            runner
            for runner in self.runners.values()
            if runner.active and any(command.direct for command in runner.desk.commands.values())
        ]
        names = {runner.context.name: runner.desk for runner in direct}
        return {name for name, desk in names.items() if self.doors.open(name, desk, len(names))}

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
        self._watch()

    def _watch(self) -> None:
        """Have messages and requests wake the reader."""
        self._reader.watch([self.link.file(), *self.doors.files()])

    def turn(self, wait_s: float) -> None:
        """Wait for a hop or whatever else is to be done, and do all of it; frames come first."""
        cell, reader = self.cell.pointer, self._reader
        cell.beat_ns.raw = lib.ag06_now_ns()
        hop = reader.next(0.0)
        if hop is None and wait_s and self.link.quiet() and self.doors.quiet():
            hop = reader.next(self._until_due_s(wait_s))
        if hop is not None:
            self._give(hop, reader)
            cell.lost.raw = (self._lost_before + reader.lost) & UINT64_MAX
            cell.position.raw = reader.position
        for message in self.link.received():
            self._handle(message)
        self._step()
        if self.doors.serve(DOORS_NS):
            self._watch()
        self.link.tell_dropped()
        if self.traced:
            self._tell_traces()

    def _until_due_s(self, wait_s: float) -> float:
        """How long nothing is to be done, `wait_s` at most."""
        waits = any(len(runner.desk) for runner in self.runners.values())
        due_ns = min(self._tick_ns, self._step_ns if waits else NEVER_NS)
        return min(wait_s, max(0, due_ns - int(lib.ag06_now_ns())) / 1e9)

    def _step(self) -> None:
        """Ticks and answers that are waited for, when they are due."""
        now_ns = lib.ag06_now_ns()
        if now_ns >= self._step_ns:
            self._step_ns = now_ns + STEP_NS
            for runner in self.runners.values():
                if runner.desk:
                    runner.desk.step()
        if now_ns >= self._tick_ns:
            self._tick_ns = now_ns + TICK_NS
            if not self.spec.lockstep:
                self._tick()

    def _tick(self) -> None:
        for runner in self.runners.values():
            if runner.active:
                runner.tick()
        if self.declaring and lib.ag06_now_ns() >= self._declare_ns:
            self._declare_ns = lib.ag06_now_ns() + DECLARE_NS
            self.declaring = [runner for runner in self.declaring if not runner.declare()]

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

    def _disturbed(self, reader: HopReader) -> npt.NDArray[np.float32] | None:
        """The dry sound as a plugin disturbs it, where one does; behind that plugin's fence."""
        if self.shared.disturber is None:
            return None
        name, disturber = self.shared.disturber
        if not self.runners[name].active:
            self.shared.disturber = None
            return None
        dry = reader.dry.copy()
        if not self.runners[name].deliver(lambda: disturber(dry, reader.wet), "disturb", name):
            self.shared.disturber = None
        dry.flags.writeable = False
        return dry

    def _give(self, hop: Hop, reader: HopReader) -> None:
        dry = self._disturbed(reader)
        frame = Frame(
            dry=reader.dry if dry is None else dry,
            wet=reader.wet,
            position=hop.position,
            mono_ns=hop.mono_ns,
            rate=self.shared.rate,
            lost=hop.lost,
            gap_frames=hop.gap_frames,
            bad_input=bool(hop.flags & BAD_INPUT),
            disturbed=dry is not None,
            reduction_db=Reduction(*hop.reduction_db),
        )
        self.shared.position = frame.position + len(frame.dry)
        self.shared.mono_ns = frame.mono_ns
        for runner in self.runners.values():
            if runner.active:
                runner.process(frame)
        self._hops += 1
        if self.spec.lockstep and self._hops % TICK_HOPS == 0:
            self._tick()

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
        header = message.header

        def outlet(status: str, body: dict[str, Any], buffers: Sequence[bytes]) -> None:
            answer = {"id": header.get("id"), "status": status}
            self.link.send(HostMessage(Kind.REPLY, answer, body, buffers))

        name, deadline_ns = str(header["command"]), int(header["deadline_ns"])
        asked = Asked(name, message.body, message.buffers, deadline_ns, outlet)
        plugin = str(header["plugin"])
        if plugin in self.runners:
            self.runners[plugin].desk.ask(asked)
        else:
            asked.refuse(RequestError("unknown_op", f"plugin {plugin} does not run here"))

    def _reply(self, message: HostMessage) -> None:
        runner = self.runners.get(str(message.header.get("plugin")))
        done = runner.context.calls.pop(message.header.get("id"), None) if runner else None  # type: ignore[arg-type]
        if runner is not None and done is not None:
            status, body = str(message.header.get("status")), message.body
            carried = body.get("arrays", []) if message.buffers else []

            def deliver() -> None:
                arrays = {"arrays": unpack_arrays(carried, message.buffers)} if carried else {}
                done(status, body | arrays)

            runner.deliver(deliver, "reply", status)

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
        self.doors.close()
        self.distant.close()
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
