"""Every operation that a client may ask of the daemon itself, and the way in.

Arguments are checked by their models in ag06d.wire.vocabulary, so a wrong one is answered with what is
wrong. Unknown fields are ignored: an older daemon understands a newer client.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

from pydantic import ValidationError

from ag06d.core.operation import Daemon, Table, changed
from ag06d.core.plugin_operations import PluginOperations
from ag06d.core.preset_operations import PresetOperations
from ag06d.core.record_operations import RecordOperations
from ag06d.errors import RequestError
from ag06d.tree import nest
from ag06d.wire import PROTOCOL, Reply, Request
from ag06d.wire.messages import ERRORS, PAGE_VERSION
from ag06d.wire.vocabulary import OPERATIONS, TOPICS
from ag06d.wire.vocabulary.general import GetArguments, SetArguments
from ag06d.wire.words import problems

ENTRIES_MAX = 1000  # of a map or list among the arguments


class Operations:
    """The table of operations, and the way in."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._table: Table = {
            "hello": self._hello,
            "describe": self._describe,
            "status": lambda *_: daemon.status(),
            "snapshot": self._snapshot,
            "get": self._get,
            "set": self._set,
            "meters": lambda *_: daemon.meters(),
            "meters.reset": self._meters_reset,
            "hosts.list": lambda *_: {"hosts": daemon.status()["hosts"]},
            "plugins.list": lambda *_: {"plugins": daemon.status()["plugins"]},
            **PluginOperations(daemon).table(),
            "config.reload": lambda _, dry_run: daemon.reload(dry_run=dry_run),
            **PresetOperations(daemon).table(),
            **RecordOperations(daemon).table(),
        }
        # Made once: it takes long enough to keep others waiting.
        self._schemas = {name: OPERATIONS[name].describe() for name in self._table}
        self._topics = {name: topic.describe() for name, topic in TOPICS.items()}

    def names(self) -> list[str]:
        """The daemon's own operations."""
        return sorted(self._table)

    async def __call__(self, request: Request) -> Reply:
        """Carry out a request; raises RequestError."""
        answer: Awaitable[Reply]
        if request.op in self._table:
            answer = self._own(request)
        elif request.op in self._daemon.plugin_commands():
            answer = self._daemon.plugin_command(request)
        else:
            raise RequestError(
                "unknown_op", f"there is no operation {request.op!r}", "`describe` lists them all"
            )
        if request.deadline_ms is None:
            return await answer
        try:
            async with asyncio.timeout(
                request.deadline_ms / 1000
            ):  # in this task, whose time is its client's
                return await answer
        except TimeoutError:
            raise RequestError(
                "deadline", f"{request.op} was not done within {request.deadline_ms:g} ms"
            ) from None

    async def _own(self, request: Request) -> Reply:
        for name, part in request.body.items():  # before pydantic looks at each entry
            if isinstance(part, dict | list) and len(part) > ENTRIES_MAX:
                message = f"{request.op}: {name[:100]}: {len(part)} entries; {ENTRIES_MAX} at once"
                raise RequestError("bad_request", message, "ask in parts")
        try:
            arguments = OPERATIONS[request.op].arguments.model_validate(request.body)
        except ValidationError as error:
            message = f"{request.op}: {'; '.join(problems(error))}"
            raise RequestError("bad_request", message, "see `describe`") from error
        answer = self._table[request.op](arguments, request.dry_run)
        return Reply(request.id, "ok", answer if isinstance(answer, dict) else await answer)

    def _hello(self, *_: object) -> dict[str, Any]:
        return {
            "protocol": PROTOCOL.decode(),
            "version": PAGE_VERSION,
            "boot": self._daemon.boot,
            "operations": self.names(),
            "doors": self._daemon.doors(),
        }

    def _describe(self, *_: object) -> dict[str, Any]:
        paths = {path: leaf.describe() for path, leaf in self._daemon.state.parameters.items()}
        return {
            "protocol": PROTOCOL.decode(),
            "version": PAGE_VERSION,
            "operations": self._schemas | self._daemon.plugin_commands(),
            "paths": paths,
            "topics": self._topics | self._daemon.topics(),
            "errors": ERRORS,
        }

    def _snapshot(self, *_: object) -> dict[str, Any]:
        state = self._daemon.state
        return {
            "boot": self._daemon.boot,
            "revision": state.revision,
            "state": nest(state.flat()),
            "history": self._daemon.history.depth(),
        }

    def _get(self, arguments: GetArguments, _: object) -> dict[str, Any]:
        return {"revision": self._daemon.state.revision, "values": self._daemon.state.flat(arguments.path)}

    def _set(self, arguments: SetArguments, dry_run: bool) -> dict[str, Any]:  # noqa: FBT001 - the table's signature
        return changed(self._daemon, self._daemon.state.set(arguments.changes, dry_run=dry_run))

    def _meters_reset(self, _: object, dry_run: bool) -> dict[str, Any]:  # noqa: FBT001 - see _set
        resets = self._daemon.meters()["resets"] if dry_run else self._daemon.reset_meters()
        return {"resets": resets}
