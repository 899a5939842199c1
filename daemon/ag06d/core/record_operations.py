"""The operations on recordings: `record.*`."""

from __future__ import annotations

from typing import Any

from ag06d.core.operation import Daemon, Table
from ag06d.wire.vocabulary.recordings import StartArguments, StopArguments


class RecordOperations:
    """The recordings' part of the table of operations."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon

    def table(self) -> Table:
        """All of them."""
        return {"record.start": self._start, "record.stop": self._stop, "record.list": self._list}

    async def _start(self, arguments: StartArguments, dry_run: bool) -> dict[str, Any]:  # noqa: FBT001 - the table's signature
        recordings = self._daemon.recordings
        spec = recordings.prepare(**dict(arguments))
        name = None
        if not dry_run:
            name = (await recordings.start(spec, background=arguments.background)).name
        return {"recording": name, "path": spec.path, "position": spec.position}

    async def _stop(self, arguments: StopArguments, dry_run: bool) -> dict[str, Any]:  # noqa: FBT001 - see _start
        recording = self._daemon.recordings.named(arguments.recording)
        if not dry_run:
            await self._daemon.recordings.stop(recording)
        return recording.document()

    def _list(self, *_: object) -> dict[str, Any]:
        return {"recordings": self._daemon.recordings.documents()}
