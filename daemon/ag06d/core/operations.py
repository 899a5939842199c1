"""Every operation that a client may ask of the daemon itself: its arguments, its meaning, its answer.

Arguments are pydantic models, so a wrong one is answered with what is wrong, and `describe` can tell
a program all of it. Unknown fields are ignored: an older daemon understands a newer client.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ag06d.core.presets import PresetLibrary
from ag06d.core.state import StateTree, nest
from ag06d.errors import PresetError, RequestError
from ag06d.wire import PROTOCOL, Reply, Request


class Arguments(BaseModel):
    """The body of a request."""

    model_config = ConfigDict(extra="ignore", strict=True, use_attribute_docstrings=True)


class NoArguments(Arguments):
    """An empty body."""


class PathArguments(Arguments):
    """The body of `get`."""

    path: str = ""
    """A path of the state tree; empty for all of it."""


class SetArguments(Arguments):
    """The body of `set`."""

    changes: dict[str, bool | int | float | str | dict[str, Any]] = Field(min_length=1)
    """Path to value, to {"add": number} or to {"toggle": true}; all are made, or none."""


class PresetArguments(Arguments):
    """The body of `preset.show`."""

    name: str
    """Name of the preset."""


class ApplyArguments(PresetArguments):
    """The body of `preset.apply`."""

    slot: Literal["a", "b"] | None = None
    """Slot to load it into; default: the one that is heard."""


class Daemon(Protocol):
    """What the operations need of the daemon."""

    state: StateTree
    presets: PresetLibrary

    @property
    def boot(self) -> str:
        """Identity of this run of the daemon."""

    def status(self) -> dict[str, Any]:
        """The document of `status`."""

    def meters(self) -> dict[str, Any]:
        """The newest levels."""

    def sequences(self) -> dict[str, int]:
        """Sequence of the newest parameters of each slot."""

    def topics(self) -> dict[str, dict[str, Any]]:
        """Topics that plugins registered."""

    def plugin_commands(self) -> dict[str, dict[str, Any]]:
        """Operations that plugins registered."""

    async def plugin_command(self, request: Request) -> Reply:
        """Have a plugin answer."""

    def announce(self, topic: str, body: dict[str, Any]) -> None:
        """Publish on `events`."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation; `run` is given the checked arguments and whether it is a dry run."""

    name: str
    doc: str
    run: Callable[[Any, bool], dict[str, Any]]
    arguments: type[Arguments] = NoArguments


class Operations:
    """The table of operations, and the way in."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._table = {
            operation.name: operation
            for operation in (
                Operation("hello", "Who answers, and in which version of the protocol", self._hello),
                Operation(
                    "describe", "Every operation, path and topic, with units and ranges", self._describe
                ),
                Operation("status", "State of device, audio, hosts and plugins", lambda *_: daemon.status()),
                Operation(
                    "snapshot",
                    "The state tree with its revision, to begin following `state.`",
                    self._snapshot,
                ),
                Operation("get", "Part of the state tree", self._get, PathArguments),
                Operation("set", "Change the state tree", self._set, SetArguments),
                Operation("meters", "Levels of the last twentieth of a second", lambda *_: daemon.meters()),
                Operation("hosts.list", "The plugin hosts", lambda *_: {"hosts": daemon.status()["hosts"]}),
                Operation("plugins.list", "The plugins", lambda *_: {"plugins": daemon.status()["plugins"]}),
                Operation(
                    "preset.list", "All presets, and what is wrong with unreadable ones", self._preset_list
                ),
                Operation("preset.show", "One preset with its chain", self._preset_show, PresetArguments),
                Operation("preset.apply", "Crossfade a slot to a preset", self._preset_apply, ApplyArguments),
            )
        }

    def names(self) -> list[str]:
        """The daemon's own operations."""
        return sorted(self._table)

    async def __call__(self, request: Request) -> Reply:
        """Carry out a request; raises RequestError."""
        operation = self._table.get(request.op)
        answer: Awaitable[Reply]
        if operation is not None:
            answer = self._own(operation, request)
        elif request.op in self._daemon.plugin_commands():
            answer = self._daemon.plugin_command(request)
        else:
            raise RequestError(
                "unknown_op", f"there is no operation {request.op!r}", "`describe` lists them all"
            )
        if request.deadline_ms is None:
            return await answer
        try:
            return await asyncio.wait_for(answer, request.deadline_ms / 1000)
        except TimeoutError:
            raise RequestError(
                "deadline", f"{request.op} was not done within {request.deadline_ms:g} ms"
            ) from None

    async def _own(self, operation: Operation, request: Request) -> Reply:
        try:
            arguments = operation.arguments.model_validate(request.body)
        except ValidationError as error:
            problems = [f"{'.'.join(map(str, entry['loc']))}: {entry['msg']}" for entry in error.errors()]
            raise RequestError(
                "bad_request", f"{operation.name}: {'; '.join(problems)}", "see `describe`"
            ) from error
        return Reply(request.id, "ok", operation.run(arguments, request.dry_run))

    def _hello(self, *_: object) -> dict[str, Any]:
        return {"protocol": PROTOCOL.decode(), "boot": self._daemon.boot, "operations": self.names()}

    def _describe(self, *_: object) -> dict[str, Any]:
        operations = {
            name: {"doc": operation.doc, "arguments": operation.arguments.model_json_schema()}
            for name, operation in self._table.items()
        }
        return {
            "protocol": PROTOCOL.decode(),
            "operations": operations | self._daemon.plugin_commands(),
            "paths": {
                path: parameter.describe() for path, parameter in self._daemon.state.parameters.items()
            },
            "topics": self._daemon.topics(),
        }

    def _snapshot(self, *_: object) -> dict[str, Any]:
        state = self._daemon.state
        return {"boot": self._daemon.boot, "revision": state.revision, "state": nest(state.flat())}

    def _get(self, arguments: PathArguments, _: object) -> dict[str, Any]:
        return {"revision": self._daemon.state.revision, "values": self._daemon.state.flat(arguments.path)}

    def _set(self, arguments: SetArguments, dry_run: bool) -> dict[str, Any]:  # noqa: FBT001 - the table's signature
        changed = self._daemon.state.set(arguments.changes, dry_run=dry_run)
        return self._changed(changed)

    def _changed(self, changed: dict[str, Any]) -> dict[str, Any]:
        return {
            "revision": self._daemon.state.revision,
            "changed": changed,
            "sequences": self._daemon.sequences(),
        }

    def _preset_list(self, *_: object) -> dict[str, Any]:
        presets, problems = self._daemon.presets.all()
        return {"presets": [preset.summary() for preset in presets], "problems": problems}

    def _load(self, name: str) -> Any:  # noqa: ANN401 - a Preset; its errors become answers
        try:
            return self._daemon.presets.load(name)
        except PresetError as error:
            raise RequestError("bad_request", str(error), "mend the file; nothing was changed") from error

    def _preset_show(self, arguments: PresetArguments, _: object) -> dict[str, Any]:
        preset = self._load(arguments.name)
        return {**preset.summary(), "chain": nest(preset.chain)}

    def _preset_apply(self, arguments: ApplyArguments, dry_run: bool) -> dict[str, Any]:  # noqa: FBT001 - see _set
        preset = self._load(arguments.name)
        state = self._daemon.state
        slot = arguments.slot or str(state.flat("audio.slot")["audio.slot"])
        values = {f"chain.{slot}.{path}": value for path, value in preset.chain.items()}
        changed = state.update(values | {f"preset.{slot}": preset.name}, dry_run=dry_run)
        if not dry_run:
            self._daemon.announce("preset", {"name": preset.name, "slot": slot})
        return {"name": preset.name, "slot": slot, **self._changed(changed)}
