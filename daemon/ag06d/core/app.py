"""The daemon, put together: arena, state, bus, audio process and hosts, from start to clean stop."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ag06d import paths
from ag06d._native import lib
from ag06d.arena import Arena, BlockFollower, Meters, no_reduction
from ag06d.arena.parameters import Value
from ag06d.core.audio import AudioSupervisor
from ag06d.core.bus import Bus
from ag06d.core.config import Config
from ag06d.core.folders import SocketFolder, lock_state_folder
from ag06d.core.history import History
from ag06d.core.hosts import HostSupervisor
from ag06d.core.link import HostLink
from ag06d.core.operations import Operations
from ag06d.core.presets import PresetLibrary
from ag06d.core.recordings import Recordings
from ag06d.core.reload import Reloader, Reread
from ag06d.core.state import SLOTS, StateTree
from ag06d.core.state_file import NAME as STATE_FILE
from ag06d.core.state_file import StateFile, restore
from ag06d.errors import Ag06Error, RequestError
from ag06d.paths import Sockets
from ag06d.wire import Message, Reply, Request

log = logging.getLogger(__name__)

NO_LEVELS: dict[str, Any] = {"peak_db": [-200.0, -200.0], "rms_db": [-200.0, -200.0]}


@dataclass(frozen=True, slots=True)
class Lockstep:
    """How a recording is replayed: as fast as the hosts go; what leaves the chain is written to `output`."""

    output: Path | None = None


class Daemon:
    """One daemon. Make it within a running event loop, then `run()`."""

    def __init__(
        self,
        config: Config,
        sockets: Sockets,
        state_folder: Path,
        lockstep: Lockstep | None = None,
        reread: Reread | None = None,
    ) -> None:
        """`reread` is how the configuration is read again.

        Raises DaemonRunningError, ConfigError, RequestError or PresetError (start presets).
        """
        self.config = config
        self.stop_requested = asyncio.Event()
        self._reload_requested = asyncio.Event()
        self._reloader = Reloader(config, reread, self._configure, self.announce)
        self._broken = False
        self._terminal = sys.stdin is not None and sys.stdin.isatty()
        self._started_ns = lib.ag06_now_ns()
        self._folder = SocketFolder(sockets)
        self._state_lock = lock_state_folder(state_folder) if lockstep is None else None
        self._arena = Arena.create(config.audio.rate, config.audio.ring_seconds)
        self.state = StateTree()
        self.presets = PresetLibrary(state_folder / "presets")
        self._sequences = dict.fromkeys(SLOTS, 0)
        self._load_start_presets()
        self._state_file: StateFile | None = None  # a replay neither restores a state nor leaves one
        if lockstep is None:
            self._restore(state_folder / STATE_FILE)
            self._state_file = StateFile(state_folder / STATE_FILE, self.state)
        self._switch()
        for slot in SLOTS:
            self._publish_chain(slot)
        self.history = History(self.state)
        self.bus = Bus(sockets, lambda: self._arena.head, config.bus)
        self.hosts = HostSupervisor(
            config,
            self._arena,
            parent=os.getpid(),
            socket=sockets.hosts,
            state_folder=state_folder,
            plugin_folder=paths.plugin_folder(config.plugin.folder),
            lockstep=lockstep is not None,
            announce=self.announce,
        )
        self.audio = AudioSupervisor(
            config.audio,
            self._arena,
            os.getpid(),
            announce=self.announce,
            lockstep=lockstep is not None,
            output=lockstep.output if lockstep else None,
            readers=self.hosts.cells,
        )
        self.recordings = Recordings(self._arena, state_folder / "recordings", os.getpid(), self.announce)
        self._link = HostLink(self.bus, self.hosts, self.bus.router(sockets.hosts), self.state.flat)
        self._operations = Operations(self)
        self._follower = BlockFollower(self._arena)
        self._readings = Meters(self._arena)
        self._meters: dict[str, Any] = {}
        self._collect_meters()
        self.state.listen(self._state_changed)

    @property
    def boot(self) -> str:
        """Identity of this run of the daemon."""
        return self.bus.boot

    @property
    def arena(self) -> Arena:
        """The arena, for those who measure it."""
        return self._arena

    def _load_start_presets(self) -> None:
        for slot, name in (("a", self.config.preset.start), ("b", self.config.preset.start_b)):
            preset = self.presets.load(name)
            values = {f"chain.{slot}.{path}": value for path, value in preset.chain.items()}
            self.state.update(values | {f"preset.{slot}": name})

    def _restore(self, path: Path) -> None:
        if self.config.preset.restore and restore(path, self.state):
            switched = [name for name in ("mute", "bypass") if self.state.flat()[f"audio.{name}"]]
            on = f"; {' and '.join(switched)} still on" if switched else ""
            log.info("restored the state from %s%s", path, on)

    def _switch(self) -> None:
        audio = self.state.flat("audio")
        self._arena.switch(
            mute=bool(audio["audio.mute"]), bypass=bool(audio["audio.bypass"]), slot=str(audio["audio.slot"])
        )

    def _publish_chain(self, slot: str) -> None:
        self._sequences[slot] += 1
        self._arena.publish_chain(slot, self.state.chain(slot), self._sequences[slot])

    def _state_changed(self, revision: int, changes: dict[str, Value]) -> None:
        for slot in SLOTS:
            if any(path.startswith(f"chain.{slot}.") for path in changes):
                self._publish_chain(slot)
        if any(path.startswith("audio.") for path in changes):
            self._switch()
        delta = {"revision": revision, "changes": changes, "sequences": self.sequences()}
        self.bus.publish("events", "state", delta | {"history": self.history.depth()})
        self._link.tell_state(changes)

    def announce(self, topic: str, body: dict[str, Any]) -> None:
        """Publish on `events`."""
        self.bus.publish("events", topic, body)

    def sequences(self) -> dict[str, int]:
        """Sequence of the newest parameters of each slot; `meters` echoes those in effect."""
        return dict(self._sequences)

    def topics(self) -> dict[str, dict[str, Any]]:
        """Topics that plugins registered."""
        return self._link.topics

    def plugin_commands(self) -> dict[str, dict[str, Any]]:
        """Operations that plugins registered."""
        return self._link.commands

    def doors(self) -> dict[str, str]:
        """Plugins that can be asked directly, and their sockets' files."""
        return self._link.doors()

    def trace(self, plugin: str, seconds: float) -> None:
        """Publish what happens around a plugin, for so long; raises RequestError."""
        self._link.trace(plugin, seconds)

    async def hosts_heard(self, patience_s: float) -> None:
        """Wait until all that plugins have published so far is published; raises TimeoutError."""
        await self._link.synchronise(patience_s)

    async def plugin_command(self, request: Request) -> Reply:
        """Have a plugin answer."""
        return await self._link.command(request)

    def meters(self) -> dict[str, Any]:
        """The newest levels and loudness."""
        return self._meters

    def reset_meters(self) -> int:
        """Have the integrated measures begin afresh; the number that `meters` echoes in `resets`."""
        return self._readings.reset()

    def programme(self) -> dict[str, dict[str, Any]]:
        """What dry and wet were as a whole: loudness, range and maxima since the start or reset."""
        return self._readings.programme()

    def _collect_meters(self) -> bool:
        levels = self._follower.collect()
        fresh = levels is not None
        if levels is None:
            levels = {
                "frames": 0,
                "dry": NO_LEVELS,
                "wet": NO_LEVELS,
                "reduction_db": no_reduction(),
                "flags": 0,
            }
        readings = self._readings.document()
        applied = {slot: self._arena.applied(slot) for slot in SLOTS}
        self._meters = levels | {
            "dry": levels["dry"] | readings["dry"],
            "wet": levels["wet"] | readings["wet"],
            "resets": readings["resets"],
            "applied": {slot: {"sequence": s, "position": p} for slot, (s, p) in applied.items()},
        }
        return fresh

    async def _publish_meters(self) -> None:
        while True:
            await asyncio.sleep(1 / self.config.bus.meters_hz)
            if self._collect_meters():
                self.bus.publish("stream", "meters", self._meters)

    def status(self) -> dict[str, Any]:
        """The document of `ag06ctl status`."""
        audio = self.config.audio
        device = {"name": audio.device, "rate": audio.rate, "block": audio.block} | self.audio.device
        plugins: dict[str, Any] = {}
        for host in self.hosts.hosts.values():
            plugins |= host.plugin_documents()
        presets = {slot: str(self.state.flat(f"preset.{slot}")[f"preset.{slot}"]) for slot in SLOTS}
        return {
            "state": self.audio.state,
            "reason": self.audio.reason,
            "device": device,
            "audio": self.audio.stats.document() | {"restarts": self.audio.restarts},
            "hosts": {name: host.document() for name, host in self.hosts.hosts.items()},
            "plugins": plugins,
            "pids": {"ag06d": os.getpid(), "audio": self.audio.pid},
            "preset": presets,
            "preset_changed": {
                slot: self.presets.changed(name, self.state.chain(slot)) for slot, name in presets.items()
            },
            "switches": {
                path.removeprefix("audio."): value for path, value in self.state.flat("audio").items()
            },
            "bus": self.bus.account(),
            "boot": self.boot,
            "revision": self.state.revision,
            "uptime_s": round((lib.ag06_now_ns() - self._started_ns) / 1e9, 1),
        }

    def _pulse(self) -> dict[str, Any]:
        return {"state": self.audio.state, "revision": self.state.revision}

    async def run(
        self, duration_s: float | None = None, until: Callable[[], Coroutine[Any, Any, None]] | None = None
    ) -> None:
        """Until SIGTERM, SIGINT, `duration_s`, or the end of `until`; then stop cleanly."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop_requested.set)
        loop.add_signal_handler(signal.SIGHUP, self._hang_up)
        work = (
            self.bus.serve(self._operations),
            self.bus.greet(),
            self.bus.heartbeat(self._pulse),
            self._link.serve(self._operations),
            self._publish_meters(),
            self.audio.watch(),
            self.hosts.watch(),
            self._reload_when_requested(),
            *((self._state_file.keep(),) if self._state_file else ()),
        )
        tasks = [asyncio.create_task(self._guard(task)) for task in work]
        self.hosts.start()
        self.audio.start()
        if duration_s is not None:
            loop.call_later(duration_s, self.stop_requested.set)
        log.info("ready: boot %s", self.boot)
        try:
            await self._wait(until)
        finally:
            await self._close(tasks)

    def _hang_up(self) -> None:
        """SIGHUP: the end of the terminal that we run in; a service reads its configuration again."""
        if self._terminal:
            self.stop_requested.set()
        else:
            log.info("SIGHUP: reading the configuration again")
            self._reload_requested.set()

    async def _reload_when_requested(self) -> None:
        while True:
            await self._reload_requested.wait()
            self._reload_requested.clear()
            try:
                await self.reload()
            except RequestError:
                log.warning("SIGHUP: the configuration stays as it is")
            except Exception:
                log.exception("SIGHUP: the configuration could not be read again")

    async def reload(self, *, dry_run: bool = False) -> dict[str, Any]:
        """Read the configuration again, and apply what can be applied; raises RequestError."""
        return await self._reloader.reload(dry_run=dry_run)

    async def _configure(self, config: Config, hosts: frozenset[str]) -> None:
        """Run with `config`; `hosts` are those whose part of it is new."""
        self.config = config
        logging.getLogger().setLevel(config.log.level.upper())
        self.audio.configure(config.audio)
        self._link.forget(hosts, keep={plugin for host in config.hosts.values() for plugin in host.plugins})
        await self.hosts.configure(config, hosts)
        self._link.tell_log_level(config.log.level)

    async def _wait(self, until: Callable[[], Coroutine[Any, Any, None]] | None) -> None:
        waits = {asyncio.create_task(self.stop_requested.wait())}
        if until is not None:
            waits.add(asyncio.create_task(until()))  # type: ignore[arg-type]
        done, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        for task in done:
            task.result()

    async def _guard(self, work: Coroutine[Any, Any, None]) -> None:
        """A part of the daemon that fails takes it down in good order, rather than leaving it half alive."""
        try:
            await work
        except asyncio.CancelledError:
            raise
        except Exception:
            log.exception("a part of the daemon failed; stopping")
            self._broken = True
            self.stop_requested.set()

    async def _close(self, tasks: list[asyncio.Task[None]]) -> None:
        self._reloader.stop()
        await asyncio.gather(self.audio.stop(), self.hosts.stop(), self.recordings.close())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._state_file is not None:
            await self._state_file.close()
        self.announce("heartbeat", {"state": "stopping", "revision": self.state.revision})
        self.bus.close()
        self._folder.release()
        if self._state_lock is not None:
            self._state_lock.release()
        log.info("stopped")
        if self._broken:
            raise Ag06Error("a part of the daemon failed; the log says which")


def observe(daemon: Daemon, topic: str, handler: Callable[[Message], None]) -> None:
    """Have `handler` see what is published under `topic`."""
    daemon.bus.observe(lambda message: handler(message) if message.topic.startswith(topic) else None)
