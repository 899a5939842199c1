"""One plugin host: started with the plugins that may run, watched, and started again when it ends.

The cell that a host leaves behind says in which plugin's call it ended, if in any.
"""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ag06d._native import lib
from ag06d.arena import Arena, HostCell
from ag06d.core.blame import Blame
from ag06d.core.child import BackOff
from ag06d.core.config import HostConfig
from ag06d.core.kept import KeptProcess, Spec
from ag06d.host.spec import HostSpec, PluginSpec, hop_frames

NO_DEADLINE_MS = 1e9  # in lockstep nobody waits, and a replay is the same on a slower machine
LOCKSTEP_STALL_S = 15.0
ENDED = ("quarantined", "refused")
START_S = 30.0  # importing and setting up all plugins may take so long

log = logging.getLogger(__name__)
Announce = Callable[[str, dict[str, Any]], None]


@dataclass(slots=True)
class HostSetting:
    """What all hosts of a daemon have in common; what changes is for those that start afterwards."""

    arena: Arena
    parent: int
    socket: str
    state_folder: Path
    plugin_folder: Path
    plugin_configs: dict[str, dict[str, Any]]
    log_level: str
    lockstep: bool
    announce: Announce


class HostProcess:
    """One host, through all the lives of its process.

    `judge(self, culprit, reason)` is told of an end and of the plugin in whose call it came; it returns
    what KeptProcess's `ended` may.
    """

    def __init__(
        self,
        name: str,
        config: HostConfig,
        setting: HostSetting,
        judge: Callable[[HostProcess, str | None, str], float | None],
        blame: Blame | None = None,
    ) -> None:
        self.name, self.config = name, config
        self.state = "starting"
        self.restarts = -1  # that nobody asked for
        self.cell = HostCell()
        self.ready = False  # said hello
        self.dropped = 0  # messages that it could not send to ag06d, of all its lives
        self.offers: dict[str, dict[str, Any]] = {}  # of each plugin, as it said in its hello
        self.blame = blame or Blame()
        self.lent: frozenset[str] = frozenset()  # plugins that run elsewhere for the time being
        self._setting = setting
        self._judge = judge
        self._process = KeptProcess(
            "ag06d.host",
            BackOff(first_s=0.2, longest_s=5.0, healthy_s=30.0),
            spec=self._spec,
            ended=self._ended,
            failed=lambda error: self.become("starting", f"the host cannot be started: {error}"),
        )
        self._asked = False

    @property
    def pid(self) -> int:
        """The host's process, 0 when there is none."""
        return self._process.pid

    @property
    def own(self) -> list[str]:
        """Its plugins, but for those that run elsewhere."""
        return [plugin for plugin in self.config.plugins if plugin not in self.lent]

    @property
    def allowed(self) -> list[str]:
        """Its plugins that were not put out."""
        return [plugin for plugin in self.own if plugin not in self.blame.ended_as]

    def succeed(self, other: HostProcess) -> None:
        """Go on where `other`, which has ended, left off, with its account of the plugins that both have."""
        self.restarts, self._asked = other.restarts, True
        self.cell.follow(other.cell)
        for index, plugin in enumerate(self.config.plugins):
            if plugin in other.config.plugins:
                self.cell.adopt(index, other.cell, other.config.plugins.index(plugin))
        other.cell.close()

    def start(self) -> None:
        """Start the process with the plugins that are allowed."""
        self._process.start()

    def renew(self) -> None:
        """Have the process begin again, because what it is to run has changed."""
        self._asked = True
        self._process.renew()

    def _spec(self) -> Spec:
        setting = self._setting
        # Where the last process left off; one that had not begun to read has no place.
        known = setting.lockstep or self.cell.position
        position = min(self.cell.position, setting.arena.head) if known else None
        self.restarts += not self._asked
        self._asked = False
        self.ready = False
        self.cell.restart(position or 0)
        self.become("starting", "")
        plugins = [
            PluginSpec(plugin, index, setting.plugin_configs.get(plugin, {}))
            for index, plugin in enumerate(self.config.plugins)
            if plugin in self.allowed
        ]
        spec = HostSpec(
            parent=setting.parent,
            name=self.name,
            arena_fd=setting.arena.read_only_fd,
            cell_fd=self.cell.fd,
            socket=setting.socket,
            plugins=plugins,
            state_folder=str(setting.state_folder),
            plugin_folder=str(setting.plugin_folder),
            lockstep=setting.lockstep,
            position=position,
            scheduling=self.config.scheduling,
            nice=self.config.nice,
            memory_mb=self.config.memory_mb,
            deadline_ms=NO_DEADLINE_MS if setting.lockstep else self.config.deadline_ms,
            max_errors=self.config.max_errors,
            log_level=setting.log_level,
        )
        return asdict(spec), [setting.arena.read_only_fd, self.cell.fd]

    def become(self, state: str, reason: str) -> None:
        """Be in `state`, and say so."""
        if self.state == "stopping":
            return
        self.state = state
        body = {"host": self.name, "state": state, "reason": reason, "restarts": max(self.restarts, 0)}
        self._setting.announce("host", body)

    def said_hello(self, offers: dict[str, dict[str, Any]]) -> None:
        """The host is ready; `offers` is what each of its plugins registered."""
        self.ready = True
        self.offers |= offers
        self.become("running", "")

    def put_out(self, plugin: str, state: str, reason: str) -> None:
        """A plugin is no longer run, until it is enabled again."""
        self.blame.put_out(plugin, state, reason)
        self.say(plugin, state, reason)

    def say(self, plugin: str, state: str, reason: str) -> None:
        """Announce a plugin's state."""
        body = {"plugin": plugin, "host": self.name, "state": state, "reason": reason}
        self._setting.announce("plugin", body)

    def put_out_plugins(self) -> list[str]:
        """Plugins that are no longer run."""
        return [plugin for plugin in self.own if plugin in self.blame.ended_as]

    def _ended(self, status: int, reason: str) -> float | None:
        culprit = self._culprit()
        self.ready = False
        log.warning("host %s: %s%s", self.name, reason, f" in plugin {culprit}" if culprit else "")
        self.become("starting", reason)
        if not self._process.why and status == -signal.SIGKILL:
            return None  # somebody else's doing
        if culprit is not None:
            self.cell.skip(hop_frames(self._setting.arena.rate))  # or the same sound ends it again
        return self._judge(self, culprit, reason)

    def _culprit(self) -> str | None:
        """The plugin that the host was in when it ended."""
        inside = self._inside()
        return self.config.plugins[inside[0]] if inside is not None else None

    def _inside(self) -> tuple[int, int] | None:
        """As the cell says, if it can be true."""
        inside = self.cell.inside()
        return inside if inside is not None and inside[0] < len(self.config.plugins) else None

    def tick(self) -> None:
        """Replace the host when a plugin does not return, or the host itself does not turn."""
        if not self.pid:
            return
        now = lib.ag06_now_ns()
        stall_s = self.config.stall_ms / 1000 if self.ready else START_S
        if self._setting.lockstep:  # there a plugin that publishes may have to wait for us
            stall_s = max(stall_s, LOCKSTEP_STALL_S)
        inside = self._inside()
        if inside is not None and now - inside[1] > stall_s * 1e9:
            self._process.kill(
                f"plugin {self.config.plugins[inside[0]]} did not return for {(now - inside[1]) / 1e9:.1f} s"
            )
        elif now - self.cell.beat_ns > stall_s * 1e9:
            self._process.kill(f"the host did not turn for {(now - self.cell.beat_ns) / 1e9:.1f} s")

    def document(self) -> dict[str, Any]:
        """Its part of `hosts` in `status`."""
        return {
            "pid": self.pid,
            "state": self.state,
            "restarts": max(self.restarts, 0),
            "position": self.cell.position,
            "lost_frames": self.cell.lost_frames,
            "dropped": self.dropped,
            "plugins": self.own,
            "memory_mb": resident_mb(self.pid),
        }

    def plugin_documents(self) -> dict[str, dict[str, Any]]:
        """Its plugins' parts of `plugins` in `status`."""
        documents = {}
        for plugin in self.own:
            document = {"host": self.name, **self.cell.plugin(self.config.plugins.index(plugin))}
            first_frames = self.restarts <= 0 and self.pid and document["frames"]  # may be ahead of its hello
            if not self.ready and not first_frames:
                document["state"] = "starting"
            elif document["state"] in ENDED:
                document["state"] = "degraded"  # until the host's word, with the reason, has come
            if plugin in self.blame.ended_as:
                document |= {"state": self.blame.ended_as[plugin], "reason": self.blame.reasons[plugin]}
            documents[plugin] = document
        return documents

    def leave(self) -> None:
        """It has ended and is not to come back."""
        body = {"host": self.name, "state": "ended", "reason": "it is no longer configured"}
        self._setting.announce("host", body | {"restarts": max(self.restarts, 0)})
        self.cell.close()

    def release(self) -> None:
        """Do not start the process again once it ends."""
        self._process.release()

    async def stop(self, patience_s: float) -> None:
        """Ask the process to end, and end it if it does not."""
        self.state = "stopping"
        await self._process.stop(patience_s)


def resident_mb(pid: int) -> float:
    """Resident memory of a process in MiB; 0 when there is none."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return 0.0
    return round(pages * 4096 / (1 << 20), 1)
