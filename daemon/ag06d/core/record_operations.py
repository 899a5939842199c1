"""The operations on recordings: `record.*`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from ag06d.core.operation import Arguments, Daemon, Operation


class StartArguments(Arguments):
    """The body of `record.start`."""

    path: Annotated[str, Field(min_length=1, max_length=4096)] | None = None
    """A .wav or .flac file: an absolute path, or a name in the daemon's own folder; default: the date."""
    source: Literal["dry", "wet", "both"] = "wet"
    """What goes into the chain, what leaves it, or both: a file of four channels, dry first."""
    before_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    """Seconds from before now, as far as the rings hold them."""
    duration_s: Annotated[float, Field(gt=0, le=1e7, allow_inf_nan=False)] | None = None
    """Stop by itself so many seconds from now; those before come on top."""
    sample_format: Literal["float", "int24"] | None = None
    """Of a .wav: float (the default) or int24; a .flac has int24."""
    overwrite: bool = False
    """Whether the file may take the place of one that is there."""


class StopArguments(Arguments):
    """The body of `record.stop`."""

    recording: Annotated[str, Field(max_length=100)] | None = None
    """As `record.start` has told; default: the only one that runs."""


class RecordOperations:
    """The recordings' part of the table of operations."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon

    def table(self) -> tuple[Operation, ...]:
        """All of them."""
        return (
            Operation("record.start", "Record dry, wet or both into a file", self._start, StartArguments),
            Operation("record.stop", "End a recording, and what it came to", self._stop, StopArguments),
            Operation("record.list", "The recordings that run, and the last ones that did", self._list),
        )

    async def _start(self, arguments: StartArguments, dry_run: bool) -> dict[str, Any]:  # noqa: FBT001 - the table's signature
        recordings = self._daemon.recordings
        spec = recordings.prepare(**dict(arguments))
        name = None if dry_run else (await recordings.start(spec)).name
        return {"recording": name, "path": spec.path, "position": spec.position}

    async def _stop(self, arguments: StopArguments, dry_run: bool) -> dict[str, Any]:  # noqa: FBT001 - see _start
        recording = self._daemon.recordings.named(arguments.recording)
        if not dry_run:
            await self._daemon.recordings.stop(recording)
        return recording.document()

    def _list(self, *_: object) -> dict[str, Any]:
        return {"recordings": self._daemon.recordings.documents()}
