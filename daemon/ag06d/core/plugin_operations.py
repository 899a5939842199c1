"""The operations on plugins: `plugins.*`, but for `plugins.list`."""

from __future__ import annotations

from typing import Any

from ag06d.core.operation import Daemon, Table
from ag06d.wire.vocabulary.plugins import PluginArguments, TraceArguments


class PluginOperations:
    """The plugins' part of the table of operations."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon

    def table(self) -> Table:
        """All of them."""
        return {
            "plugins.info": self._info,
            "plugins.enable": self._enable,
            "plugins.disable": self._disable,
            "plugins.trace": self._trace,
        }

    def _info(self, arguments: PluginArguments, _: object) -> dict[str, Any]:
        return self._daemon.hosts.info(arguments.name)

    def _enable(self, arguments: PluginArguments, dry_run: bool) -> dict[str, Any]:  # noqa: FBT001 - the table's signature
        changed = self._daemon.hosts.enable(arguments.name, dry_run=dry_run)
        return {"plugin": arguments.name, "changed": changed}

    def _disable(self, arguments: PluginArguments, dry_run: bool) -> dict[str, Any]:  # noqa: FBT001 - see _enable
        changed = self._daemon.hosts.disable(arguments.name, dry_run=dry_run)
        return {"plugin": arguments.name, "changed": changed}

    def _trace(self, arguments: TraceArguments, dry_run: bool) -> dict[str, Any]:  # noqa: FBT001 - see _enable
        if dry_run:
            self._daemon.hosts.running(arguments.name)
        else:
            self._daemon.trace(arguments.name, arguments.seconds)
        return {"plugin": arguments.name, "topic": f"trace.{arguments.name}.", "seconds": arguments.seconds}
