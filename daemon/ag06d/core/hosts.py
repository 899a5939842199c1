"""Supervision of the plugin hosts: all of them, who is switched off, and who is to blame for an end.

In whose call a host ended is a hint and no proof: a plugin may have a thread that exits, close what is
not its own, or keep the interpreter's lock. When a host has ended too often, its plugins are given a
host each for the time being, on probation: none of them misses a frame, and the guilty one ends alone.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from ag06d._native import lib
from ag06d.arena import Arena, HostCell
from ag06d.core.config import Config, HostConfig
from ag06d.core.config.masking import without_secrets
from ag06d.core.disabled import DisabledPlugins
from ag06d.core.host_process import Announce, HostProcess, HostSetting
from ag06d.errors import RequestError

TICK_S = 0.1
PROBATION_S = 600.0  # without an end, the plugins are together again
PATIENCE_S = 1.0
SHOWN = ("value", "default")  # of a setting: what may be secret
UNKNOWN: dict[str, Any] = {  # of a plugin that was never loaded
    "active": False,
    "distribution": None,
    "version": None,
    "file": None,
    "api": "",
    "hooks": [],
    "settings": [],
    "topics": [],
    "commands": [],
}


class Probation:
    """A host whose plugins run in a part each."""

    def __init__(self, parts: dict[str, HostProcess]) -> None:
        self.parts = parts  # plugin to its part
        self.began_ns = lib.ag06_now_ns()

    def over(self, host: HostProcess) -> bool:
        """Whether the guilty one was put out, or nobody did anything for long enough."""
        found = any(plugin in host.blame.ended_as for plugin in self.parts)
        return found or lib.ag06_now_ns() - self.began_ns > PROBATION_S * 1e9


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
        plugin_folder: Path,
        lockstep: bool,
        announce: Announce,
    ) -> None:
        self._setting = HostSetting(
            arena=arena,
            parent=parent,
            socket=socket,
            state_folder=state_folder,
            plugin_folder=plugin_folder,
            plugin_configs=config.plugins,
            log_level=config.log.level,
            lockstep=lockstep,
            announce=announce,
        )
        self._probations: dict[str, Probation] = {}  # of hosts by name
        self._leaving: set[asyncio.Task[None]] = set()
        self._stopping = False
        # A replay is to be the same wherever it runs; what somebody switched off here is not asked.
        self._disabled = DisabledPlugins(None if lockstep else state_folder)
        self.hosts = {name: self._make(name, host) for name, host in config.hosts.items() if host.plugins}

    def _make(self, name: str, config: HostConfig) -> HostProcess:
        """A host that has not been started, without the plugins that are switched off."""
        process = HostProcess(name, config, self._setting, self._judge)
        for plugin in config.plugins:
            if plugin in self._disabled.names:
                process.blame.put_out(plugin, "disabled", "disabled by a client, before the last start")
        return process

    @property
    def cells(self) -> list[HostCell]:
        """Every host's cell."""
        return [host.cell for host in self.hosts.values()]

    def start(self) -> None:
        """Start all hosts."""
        for host in self.hosts.values():
            host.start()

    def host_of(self, plugin: str) -> HostProcess | None:
        """The host that runs `plugin`, at present."""
        return next((host for host in self.hosts.values() if plugin in host.own), None)

    def running(self, plugin: str) -> HostProcess:
        """The host that runs `plugin`; raises RequestError where it does not run."""
        self._home_of(plugin)
        host = self.host_of(plugin)
        if host is None or not host.ready:
            raise RequestError("not_ready", f"the host of plugin {plugin} is not ready", "ask again later")
        if plugin in host.blame.ended_as:
            state = host.blame.ended_as[plugin]
            raise RequestError("conflict", f"plugin {plugin} is {state}", f"ag06ctl plugins enable {plugin}")
        return host

    def info(self, plugin: str) -> dict[str, Any]:
        """All that is known of a plugin; raises RequestError unknown_path."""
        home = self._home_of(plugin)
        host = self.host_of(plugin) or home
        known = UNKNOWN | home.offers.get(plugin, {}) | host.offers.get(plugin, {})
        for private in ("active", "door"):
            known.pop(private, None)
        known["settings"] = [
            entry | {part: without_secrets(entry[part], ("plugins", plugin, entry["key"])) for part in SHOWN}
            for entry in known["settings"]
        ]
        return {"plugin": plugin} | known | host.plugin_documents()[plugin]

    def _home_of(self, plugin: str) -> HostProcess:
        """The host that `plugin` is configured for; raises RequestError unknown_path."""
        for host in self.hosts.values():
            if plugin in host.config.plugins:
                return host
        there = ", ".join(plugin for host in self.hosts.values() for plugin in host.config.plugins)
        raise RequestError(
            "unknown_path",
            f"no host runs a plugin {plugin!r}",
            f"there are {there or 'none'}; others are named in [hosts.NAME] plugins",
        )

    def disable(self, plugin: str, *, dry_run: bool = False) -> bool:
        """Take `plugin` out of its host, now and after a restart; false if it was out already.

        Raises RequestError unknown_path, or internal when that cannot be remembered.
        """
        home = self._home_of(plugin)
        if home.blame.ended_as.get(plugin) == "disabled":
            return False
        if not dry_run:
            self._disabled.add(plugin)
            home.put_out(plugin, "disabled", "disabled by a client")
            self._renew(home)
        return True

    def enable(self, plugin: str, *, dry_run: bool = False) -> bool:
        """Bring back a plugin that was disabled, quarantined or refused; false if it was none of these.

        Raises RequestError as `disable` does.
        """
        home = self._home_of(plugin)
        if plugin not in home.blame.ended_as:
            return False
        if not dry_run:
            self._disabled.discard(plugin)
            home.blame.forgive(plugin)
            home.say(plugin, "starting", "enabled by a client")
            self._renew(home)
        return True

    def _renew(self, host: HostProcess) -> None:
        if host.name in self._probations:
            self._reunite(host)
        else:
            host.renew()

    async def configure(self, config: Config, changed: Collection[str]) -> None:
        """Run what `config` says: the hosts in `changed` begin, end, or begin again where they left off.

        A host that begins again does so with all of its plugins but those that are disabled; none begins
        before the others have ended, so that no plugin ever runs in two.
        """
        self._setting.plugin_configs, self._setting.log_level = config.plugins, config.log.level
        for host in self.hosts.values():
            home = host.name.partition(".")[0]  # a part on probation has its host's name before its own
            if home in config.hosts and home not in changed:
                host.config = config.hosts[home].model_copy(update={"plugins": host.config.plugins})
        await asyncio.gather(*self._leaving)
        ended = {name: self.hosts[name] for name in changed if name in self.hosts}
        await asyncio.gather(*(self._end(host) for host in ended.values()))
        if self._stopping:
            return
        wanted = {name: config.hosts[name] for name in changed if name in config.hosts}
        for name in sorted(changed):
            if name in wanted and wanted[name].plugins:
                self.hosts[name] = self._make(name, wanted[name])
                if name in ended:
                    self.hosts[name].succeed(ended[name])
                self.hosts[name].start()
            elif name in ended:
                del self.hosts[name]
                ended[name].leave()

    async def _end(self, host: HostProcess) -> None:
        """Have a host end for good, and if it is on probation, what its parts left off be its own."""
        if (probation := self._probations.pop(host.name, None)) is not None:
            for part in probation.parts.values():
                del self.hosts[part.name]
            await self._gather(host, probation.parts)
        await host.stop(PATIENCE_S)

    def _judge(self, host: HostProcess, culprit: str | None, reason: str) -> float | None:
        """The host ended, in the call of `culprit` or in none; the pause before its next start."""
        times, in_culprit = host.blame.end(culprit)
        limit, allowed = host.config.max_strikes, host.allowed
        if len(allowed) > 1 and self._setting.lockstep:  # the writer waits for the hosts there were
            if culprit is not None and in_culprit >= limit:
                self._quarantine(host, culprit, f"{in_culprit} times; the last time: {reason}")
        elif len(allowed) > 1 and times >= limit:
            self._split(host, f"ended {times} times; the last time: {reason}")
            return math.inf
        elif len(allowed) == 1 and times >= limit:
            others = [part for part in self._parts_beside(host) if part.allowed]
            # What ends it outside of its calls is its own doing only while those beside it live.
            if culprit is not None or not others or any(part.ready for part in others):
                last = "the last time, with it alone: " if others else "the last time: "
                self._quarantine(host, allowed[0], f"{times} times; {last}{reason}")
        return None

    def _quarantine(self, host: HostProcess, plugin: str, what: str) -> None:
        host.put_out(plugin, "quarantined", f"cost its host {what}")

    def _parts_beside(self, host: HostProcess) -> list[HostProcess]:
        for probation in self._probations.values():
            parts = list(probation.parts.values())
            if host in parts:
                return [part for part in parts if part is not host]
        return []

    def _split(self, host: HostProcess, reason: str) -> None:
        """Give each plugin of a host that does not run a host of its own, where the common one left off."""
        parts = {}
        for plugin in host.allowed:
            config = host.config.model_copy(update={"plugins": (plugin,)})
            name = f"{host.name}.{plugin}"
            part = HostProcess(name, config, self._setting, self._judge, host.blame)
            part.cell.adopt(0, host.cell, host.config.plugins.index(plugin))
            part.cell.restart(host.cell.position)
            parts[plugin] = part
        host.lent = frozenset(parts)
        host.ready = False
        host.become("probation", reason)
        self._probations[host.name] = Probation(parts)
        for part in parts.values():
            self.hosts[part.name] = part
            part.start()

    def _reunite(self, host: HostProcess) -> None:
        """Have the plugins of a host on probation run together again."""
        parts = self._probations.pop(host.name).parts
        host.lent = frozenset()
        for part in parts.values():
            del self.hosts[part.name]
        task = asyncio.create_task(self._gather(host, parts, then=host.renew))
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    async def _gather(
        self, host: HostProcess, parts: dict[str, HostProcess], then: Callable[[], None] = lambda: None
    ) -> None:
        await asyncio.gather(*(part.stop(PATIENCE_S) for part in parts.values()))
        for plugin, part in parts.items():
            host.cell.adopt(host.config.plugins.index(plugin), part.cell, 0)
        going_on = [part.cell for plugin, part in parts.items() if plugin in host.allowed]
        if going_on and all(cell.position for cell in going_on):
            host.cell.join(going_on)
        for part in parts.values():
            part.cell.close()
        then()

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
            for name, probation in list(self._probations.items()):
                if probation.over(self.hosts[name]):
                    self._reunite(self.hosts[name])

    async def stop(self, patience_s: float = PATIENCE_S) -> None:
        """Stop all hosts, at the same time."""
        self._stopping = True
        for host in self.hosts.values():
            host.release()
        await asyncio.gather(*self._leaving)
        await asyncio.gather(*(host.stop(patience_s) for host in self.hosts.values()))
