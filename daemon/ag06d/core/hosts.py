"""Supervision of the plugin hosts: starting, watching, blaming, quarantine.

A host that dies is back after a pause that grows. The cell it leaves behind says which plugin it was
in; a plugin that costs its host too often is quarantined, and the host goes on without it.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ag06d._native import lib
from ag06d.arena import Arena, HostCell
from ag06d.core.child import BackOff, Child, describe_end
from ag06d.core.config import Config, HostConfig
from ag06d.host.spec import HostSpec, PluginSpec, hop_frames

TICK_S = 0.1
RETRY_S = 2.0  # after a process could not even be started
START_S = 30.0  # importing and setting up all plugins may take so long
STRIKE_S = 600.0  # strikes older than this are forgiven
ENDED = ("quarantined", "refused")

log = logging.getLogger(__name__)
Announce = Callable[[str, dict[str, Any]], None]


class HostProcess:
    """One host, through all the lives of its process."""

    def __init__(  # noqa: PLR0913 - what it stands between
        self,
        name: str,
        config: HostConfig,
        plugin_configs: dict[str, dict[str, Any]],
        arena: Arena,
        *,
        parent: int,
        socket: str,
        state_folder: Path,
        log_level: str,
        lockstep: bool,
        announce: Announce,
    ) -> None:
        self.name, self.config = name, config
        self.state = "starting"
        self.restarts = -1
        self.cell = HostCell()
        self.ready = False  # said hello
        self.dropped = 0  # messages that it could not send to ag06d, of all its lives
        self.reasons: dict[str, str] = {}  # of plugins that were put out
        self._ended_as: dict[str, str] = {}
        self._plugin_configs = plugin_configs
        self._arena, self._parent, self._socket = arena, parent, socket
        self._state_folder, self._log_level, self._lockstep = state_folder, log_level, lockstep
        self._announce = announce
        self._child: Child | None = None
        self._back_off = BackOff(first_s=0.2, longest_s=5.0, healthy_s=30.0)
        self._strikes: dict[str, list[int]] = defaultdict(list)
        self._started_ns = 0
        self._why = ""

    @property
    def pid(self) -> int:
        """The host's process, 0 when there is none."""
        return self._child.pid if self._child is not None and self._child.alive else 0

    def start(self) -> None:
        """Start the process with the plugins that are still allowed."""
        if self.state == "stopping":
            return
        first = self.restarts < 0
        # Where the last process left off; one that had not begun to read has no place.
        known = self._lockstep or self.cell.position
        position = min(self.cell.position, self._arena.head) if known else None
        self.restarts += 1
        self.ready = False
        self._why = ""
        self._started_ns = lib.ag06_now_ns()
        self.cell.restart(position or 0)
        self._become("starting", "")
        plugins = [
            PluginSpec(plugin, index, self._plugin_configs.get(plugin, {}))
            for index, plugin in enumerate(self.config.plugins)
            if plugin not in self._ended_as or (self._ended_as[plugin] == "refused" and first)
        ]
        spec = HostSpec(
            parent=self._parent,
            name=self.name,
            arena_fd=self._arena.read_only_fd,
            cell_fd=self.cell.fd,
            socket=self._socket,
            plugins=plugins,
            state_folder=str(self._state_folder),
            position=position,
            scheduling=self.config.scheduling,
            nice=self.config.nice,
            memory_mb=self.config.memory_mb,
            deadline_ms=self.config.deadline_ms,
            max_errors=self.config.max_errors,
            log_level=self._log_level,
        )
        fds = [self._arena.read_only_fd, self.cell.fd]
        try:
            self._child = Child("ag06d.host", asdict(spec), fds, ended=self._child_ended)
        except OSError as error:  # no process or file to be had at present
            self._child = None
            self._become("starting", f"the host cannot be started: {error}")
            asyncio.get_running_loop().call_later(RETRY_S, self.start)

    def _become(self, state: str, reason: str) -> None:
        if self.state == "stopping":
            return
        self.state = state
        self._announce(
            "host", {"host": self.name, "state": state, "reason": reason, "restarts": self.restarts}
        )

    def said_hello(self) -> None:
        """The host is ready."""
        self.ready = True
        self._become("running", "")

    def put_out(self, plugin: str, state: str, reason: str) -> None:
        """A plugin is no longer run, for the rest of ag06d's life."""
        self._ended_as[plugin] = state
        self.reasons[plugin] = reason
        self._announce("plugin", {"plugin": plugin, "host": self.name, "state": state, "reason": reason})

    def put_out_plugins(self) -> list[str]:
        """Plugins that are no longer run."""
        return list(self._ended_as)

    def _child_ended(self, status: int) -> None:
        if self.state == "stopping":
            return
        reason = self._why or describe_end(status)
        culprit = self._culprit()
        log.warning("host %s: %s%s", self.name, reason, f" in plugin {culprit}" if culprit else "")
        if culprit is not None and (self._why or status != -signal.SIGKILL):  # else somebody else's doing
            self._strike(culprit, reason)
            self.cell.skip(hop_frames(self._arena.rate))  # or the same sound ends it again
        self._become("starting", reason)
        lived_s = (lib.ag06_now_ns() - self._started_ns) / 1e9
        asyncio.get_running_loop().call_later(self._back_off.after(lived_s), self.start)

    def _culprit(self) -> str | None:
        """The plugin that the host was in when it ended."""
        inside = self._inside()
        return self.config.plugins[inside[0]] if inside is not None else None

    def _inside(self) -> tuple[int, int] | None:
        """As the cell says, if it can be true."""
        inside = self.cell.inside()
        return inside if inside is not None and inside[0] < len(self.config.plugins) else None

    def _strike(self, plugin: str, reason: str) -> None:
        now = lib.ag06_now_ns()
        recent = [ns for ns in self._strikes[plugin] if now - ns < STRIKE_S * 1e9] + [now]
        self._strikes[plugin] = recent
        if len(recent) >= self.config.max_strikes:
            self.put_out(plugin, "quarantined", f"cost its host {len(recent)} times; the last time: {reason}")

    def tick(self) -> None:
        """Replace the host when a plugin does not return, or the host itself does not turn."""
        if not self.pid or self._why:
            return
        now = lib.ag06_now_ns()
        stall_s = self.config.stall_ms / 1000 if self.ready else START_S
        inside = self._inside()
        if inside is not None and now - inside[1] > stall_s * 1e9:
            self._kill(
                f"plugin {self.config.plugins[inside[0]]} did not return for {(now - inside[1]) / 1e9:.1f} s"
            )
        elif now - self.cell.beat_ns > stall_s * 1e9:
            self._kill(f"the host did not turn for {(now - self.cell.beat_ns) / 1e9:.1f} s")

    def _kill(self, reason: str) -> None:
        self._why = reason
        if self._child is not None:
            self._child.kill()

    def document(self) -> dict[str, Any]:
        """Its part of `hosts` in `status`."""
        return {
            "pid": self.pid,
            "state": self.state,
            "restarts": self.restarts,
            "position": self.cell.position,
            "lost_frames": self.cell.lost_frames,
            "dropped": self.dropped,
            "plugins": list(self.config.plugins),
            "memory_mb": resident_mb(self.pid),
        }

    def plugin_documents(self) -> dict[str, dict[str, Any]]:
        """Its plugins' parts of `plugins` in `status`."""
        documents = {}
        for index, plugin in enumerate(self.config.plugins):
            document = {"host": self.name, **self.cell.plugin(index)}
            if not self.ready:
                document["state"] = "starting"
            if plugin in self._ended_as:
                document |= {"state": self._ended_as[plugin], "reason": self.reasons[plugin]}
            documents[plugin] = document
        return documents

    async def stop(self, patience_s: float) -> None:
        """Ask the process to end, and end it if it does not."""
        self.state = "stopping"
        if self._child is not None:
            await self._child.stop(patience_s)

    def send_signal(self, number: signal.Signals) -> None:
        """For tests and for the governor of background work."""
        if self._child is not None:
            self._child.signal(number)


class HostSupervisor:
    """All hosts of the configuration."""

    def __init__(  # noqa: PLR0913 - what the hosts stand between
        self,
        config: Config,
        arena: Arena,
        *,
        parent: int,
        socket: str,
        state_folder: Path,
        lockstep: bool,
        announce: Announce,
    ) -> None:
        self.hosts = {
            name: HostProcess(
                name,
                host,
                config.plugins,
                arena,
                parent=parent,
                socket=socket,
                state_folder=state_folder,
                log_level=config.log.level,
                lockstep=lockstep,
                announce=announce,
            )
            for name, host in config.hosts.items()
            if host.plugins
        }

    @property
    def cells(self) -> list[HostCell]:
        """Every host's cell."""
        return [host.cell for host in self.hosts.values()]

    def start(self) -> None:
        """Start all hosts."""
        for host in self.hosts.values():
            host.start()

    def host_of(self, plugin: str) -> HostProcess | None:
        """The host that runs `plugin`."""
        return next((host for host in self.hosts.values() if plugin in host.config.plugins), None)

    async def watch(self) -> None:
        """Look after the hosts, until cancelled."""
        before = lib.ag06_now_ns()
        while True:
            await asyncio.sleep(TICK_S)
            now = lib.ag06_now_ns()
            if now - before < 4e9 * TICK_S:  # else we were held up, and so perhaps were they
                for host in self.hosts.values():
                    host.tick()
            before = now

    async def stop(self, patience_s: float = 1.0) -> None:
        """Stop all hosts, at the same time."""
        await asyncio.gather(*(host.stop(patience_s) for host in self.hosts.values()))


def resident_mb(pid: int) -> float:
    """Resident memory of a process in MiB; 0 when there is none."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return 0.0
    return round(pages * 4096 / (1 << 20), 1)
