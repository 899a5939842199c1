"""Reading the configuration again while the daemon runs: what changes at once, and what has to wait.

Nothing here touches the sound. What the audio process was started with stays until the daemon is
started again; a host whose part of the configuration changed begins again where it left off.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ag06d.core.config import Config
from ag06d.core.config.inspection import Inspector
from ag06d.core.config.models import KeyPath
from ag06d.errors import ConfigError, RequestError

LIVE: frozenset[KeyPath] = frozenset({("log", "level"), ("bus", "meters_hz"), ("audio", "stall_ms")})
HOST_LIVE = frozenset({"stall_ms", "max_strikes"})  # read by ag06d itself, whenever it looks
PROBLEMS_TOLD = 20  # in one reply; the log has them all

log = logging.getLogger(__name__)
Reread = Callable[[Config, Inspector], Config]
Apply = Callable[[Config, frozenset[str]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a new configuration comes to.

    `config` is what runs once it is applied, in which the settings of `waiting` are as they were;
    `hosts` have to begin, to begin again, or to end.
    """

    config: Config
    applied: tuple[str, ...]
    hosts: frozenset[str]
    waiting: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """As clients are told."""
        return {
            "applied": list(self.applied),
            "hosts": sorted(self.hosts),
            "needs_restart": list(self.waiting),
        }


def plan(running: Config, wanted: Config) -> Plan:
    """What to do so that a daemon with `running` comes as near to `wanted` as it can without a gap."""
    before, after = running.model_dump(), wanted.model_dump()
    applied: list[KeyPath] = []
    waiting: list[KeyPath] = []
    hosts: set[str] = set()
    home = {plugin: name for name, host in wanted.hosts.items() for plugin in host.plugins}
    for path in differences(before, after):
        match path:
            case ("hosts", name, key) if name in running.hosts and name in wanted.hosts and key in HOST_LIVE:
                pass
            case ("hosts", name, *_):
                hosts.add(name)
            case ("plugins", plugin, *_):
                hosts |= {home[plugin]} if plugin in home else set()
        live = path in LIVE or path[0] in ("hosts", "plugins")
        (applied if live else waiting).append(path)
    sections = {
        name: getattr(running, name) for name in Config.model_fields if name not in ("hosts", "plugins")
    }
    for section, key in LIVE:
        update = {key: getattr(getattr(wanted, section), key)}
        sections[section] = sections[section].model_copy(update=update)
    return Plan(
        wanted.model_copy(update=sections), tuple(_dotted(applied)), frozenset(hosts), tuple(_dotted(waiting))
    )


def differences(before: Mapping[str, Any], after: Mapping[str, Any], at: KeyPath = ()) -> Iterator[KeyPath]:
    """The paths at which two trees are not the same; a table that only one of them has is one path."""
    for key in sorted(before.keys() | after.keys()):
        old, new = before.get(key), after.get(key)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            yield from differences(old, new, (*at, key))
        elif old != new or type(old) is not type(new):
            yield (*at, key)


def _dotted(paths: Iterable[KeyPath]) -> Iterator[str]:
    return (".".join(path) for path in paths)


class Reloader:
    """Reloads, one at a time. `reread` is given what runs, and raises ConfigError with every problem.

    It is run in a thread, and looks at plugins with the inspector that it is given.
    """

    def __init__(
        self,
        config: Config,
        reread: Reread | None,
        apply: Apply,
        announce: Callable[[str, dict[str, Any]], None],
    ) -> None:
        self.config = config
        self._reread, self._apply, self._announce = reread, apply, announce
        self._inspector = Inspector()
        self._one_at_a_time = asyncio.Lock()
        self._present: asyncio.Task[dict[str, Any]] | None = None

    async def reload(self, *, dry_run: bool = False) -> dict[str, Any]:
        """Read the layers again and apply them; what was or would be done.

        One that has begun is done to its end, whether or not who asked for it still waits: half of it would
        leave hosts that are to begin again ended. Raises RequestError conflict when something is wrong with
        the layers, and then nothing was changed.
        """
        if self._reread is None:
            raise RequestError("denied", "this daemon was not started from files that can be read again")
        await self._one_at_a_time.acquire()
        self._present = asyncio.create_task(self._reload(self._reread, dry_run=dry_run))
        self._present.add_done_callback(lambda _: self._one_at_a_time.release())
        return await asyncio.shield(self._present)

    def stop(self) -> None:
        """Wait for no plugin that is being looked at; it is refused, and so is the reload."""
        self._inspector.stop()

    async def _reload(self, reread: Reread, *, dry_run: bool) -> dict[str, Any]:
        try:
            wanted = await asyncio.to_thread(reread, self.config, self._inspector)
        except ConfigError as error:
            raise self._refuse(error.problems, dry_run=dry_run) from error
        planned = plan(self.config, wanted)
        if not dry_run:
            await self._apply(planned.config, planned.hosts)
            self.config = planned.config
            self._tell(planned)
        return planned.document()

    def _refuse(self, problems: list[str], *, dry_run: bool) -> RequestError:
        if not dry_run:
            for problem in problems:
                log.error("configuration: %s", problem)
            log.error("configuration: not reloaded; the one before stays in effect")
            nothing: dict[str, Any] = {"applied": [], "hosts": [], "needs_restart": []}
            self._announce("config", nothing | {"state": "refused", "problems": problems[:PROBLEMS_TOLD]})
        return RequestError(
            "conflict", "; ".join(problems[:PROBLEMS_TOLD]), "the configuration before stays in effect"
        )

    def _tell(self, planned: Plan) -> None:
        for what, names in (
            ("changed", planned.applied),
            ("hosts that begin again", sorted(planned.hosts)),
            ("after a restart of ag06d only", planned.waiting),
        ):
            if names:
                log.info("configuration: %s: %s", what, ", ".join(names))
        log.info("configuration: reloaded")
        self._announce("config", planned.document() | {"state": "reloaded", "problems": []})
