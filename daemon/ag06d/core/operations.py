"""Every operation that a client may ask of the daemon itself: its arguments, its meaning, its answer.

Arguments are pydantic models, so a wrong one is answered with what is wrong, and `describe` can tell
a program all of it. Unknown fields are ignored: an older daemon understands a newer client.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Annotated, Any

from pydantic import Field, ValidationError

from ag06d.core.operation import Arguments, Daemon, Operation, changed
from ag06d.core.preset_operations import PresetOperations
from ag06d.core.record_operations import RecordOperations
from ag06d.errors import RequestError
from ag06d.tree import nest
from ag06d.wire import PROTOCOL, Reply, Request

CHANGES_MAX = 1000  # of one `set`
PROBLEMS_TOLD = 10  # of arguments that are wrong in many places
Name = Annotated[str, Field(max_length=200)]
Change = bool | int | float | str | dict[str, Any]


class PathArguments(Arguments):
    """The body of `get`."""

    path: Name = ""
    """A path of the state tree; empty for all of it."""


class SetArguments(Arguments):
    """The body of `set`."""

    changes: dict[Name, Change] = Field(min_length=1)
    """Path to value, to {"add": number} or to {"toggle": true}; all are made, or none."""


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
                Operation(
                    "meters", "Levels, loudness and true peak of dry and wet", lambda *_: daemon.meters()
                ),
                Operation(
                    "meters.reset",
                    "Begin integrated loudness, loudness range and all maxima afresh",
                    self._meters_reset,
                ),
                Operation("hosts.list", "The plugin hosts", lambda *_: {"hosts": daemon.status()["hosts"]}),
                Operation("plugins.list", "The plugins", lambda *_: {"plugins": daemon.status()["plugins"]}),
                *PresetOperations(daemon).table(),
                *RecordOperations(daemon).table(),
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
        for name, part in request.body.items():  # before pydantic looks at each entry
            if isinstance(part, dict | list) and len(part) > CHANGES_MAX:
                message = f"{operation.name}: {name[:100]}: {len(part)} entries; {CHANGES_MAX} at once"
                raise RequestError("bad_request", message, "ask in parts")
        try:
            arguments = operation.arguments.model_validate(request.body)
        except ValidationError as error:
            problems = [
                f"{'.'.join(map(str, entry['loc']))}: {entry['msg']}"
                for entry in error.errors()[:PROBLEMS_TOLD]
            ]
            raise RequestError(
                "bad_request", f"{operation.name}: {'; '.join(problems)}", "see `describe`"
            ) from error
        answer = operation.run(arguments, request.dry_run)
        return Reply(request.id, "ok", answer if isinstance(answer, dict) else await answer)

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
        return {
            "boot": self._daemon.boot,
            "revision": state.revision,
            "state": nest(state.flat()),
            "history": self._daemon.history.depth(),
        }

    def _get(self, arguments: PathArguments, _: object) -> dict[str, Any]:
        return {"revision": self._daemon.state.revision, "values": self._daemon.state.flat(arguments.path)}

    def _set(self, arguments: SetArguments, dry_run: bool) -> dict[str, Any]:  # noqa: FBT001 - the table's signature
        return changed(self._daemon, self._daemon.state.set(arguments.changes, dry_run=dry_run))

    def _meters_reset(self, _: object, dry_run: bool) -> dict[str, Any]:  # noqa: FBT001 - see _set
        resets = self._daemon.meters()["resets"] if dry_run else self._daemon.reset_meters()
        return {"resets": resets}
