"""The state tree on disk: saved soon after every change, restored when the daemon starts.

It is the daemon's own file, apart from the configuration, which the daemon never writes.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import tomli
import tomli_w

from ag06d.arena.parameters import Value
from ag06d.core.files import next_backup, write_atomically
from ag06d.core.state import StateTree, checked
from ag06d.errors import RequestError
from ag06d.tree import flatten, nest

log = logging.getLogger(__name__)

SCHEMA = 1
NAME = "state.toml"
SETTLE_S = 0.5  # a fader's many changes become one write
HEADER = "# Written by ag06d: the state it was in, restored when it starts (preset.restore).\n"


def restore(path: Path, tree: StateTree) -> bool:
    """Set `tree` to what was saved in `path`; false if nothing could be used.

    A value that this version does not know or does not allow is reported and left as it is. A file
    that cannot be read at all is put aside under its next backup name.
    """
    try:
        document = _read(path)
    except FileNotFoundError:
        return False
    except OSError as error:
        log.warning("%s: cannot be read: %s; the start presets are used", path, error.strerror)
        return False
    except ValueError as error:
        _put_aside(path, str(error))
        return False
    if document["schema"] > SCHEMA:
        _put_aside(path, f"schema {document['schema']} is of a newer ag06d; this one reads {SCHEMA}")
        return False
    tree.update(_usable(document["state"], tree, path))
    return True


def _read(path: Path) -> dict[str, Any]:
    """The document; raises OSError, or ValueError with what is wrong with it as a whole."""
    try:
        document = tomli.loads(path.read_text(encoding="utf-8"))
    except RecursionError as error:
        raise ValueError("not TOML: too deep") from error
    except ValueError as error:  # TOMLDecodeError, not UTF-8, too many digits
        raise ValueError(f"not TOML: {error}") from error
    schema = document.get("schema")
    if isinstance(schema, bool) or not isinstance(schema, int) or schema < 1:
        raise ValueError(f"schema: {schema!r}; this version reads {SCHEMA}")
    if not isinstance(document.get("state"), dict):
        raise ValueError("it has no [state]")  # noqa: TRY004 - of the file, not of an argument
    return document


def _put_aside(path: Path, problem: str) -> None:
    try:
        kept = path.rename(next_backup(path))
    except OSError as error:
        kept = path
        log.warning("%s: cannot be put aside: %s", path, error.strerror)
    log.error("%s: %s; kept as %s, the start presets are used", path, problem, kept.name)


def _usable(state: dict[str, Any], tree: StateTree, path: Path) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for leaf, value in flatten(state).items():
        parameter = tree.parameters.get(leaf)
        if parameter is None:
            log.warning("%s: %s is not known to this version; left out", path, leaf)
            continue
        try:
            values[leaf] = checked(leaf, parameter, value)
        except RequestError as error:
            log.warning("%s: %s; left as it is", path, error)
    return values


class StateFile:
    """Keeps `path` as the tree is; a write takes place away from the event loop."""

    def __init__(self, path: Path, tree: StateTree) -> None:
        self._path = path
        self._tree = tree
        self._dirty = asyncio.Event()
        self._write: asyncio.Task[None] | None = None
        self._failing = False
        tree.listen(lambda *_: self._dirty.set())

    async def keep(self) -> None:
        """Save after every change, once it has settled; for ever."""
        while True:
            await self._dirty.wait()
            await asyncio.sleep(SETTLE_S)
            await self._save()

    async def close(self) -> None:
        """Save what was changed since; call it when `keep` has ended."""
        if self._write is not None:
            await self._write  # an older state must not come after a newer one
        if self._dirty.is_set():
            await self._save()

    async def _save(self) -> None:
        self._dirty.clear()
        text = HEADER + tomli_w.dumps({"schema": SCHEMA, "state": nest(self._tree.flat())})
        self._write = asyncio.create_task(asyncio.to_thread(self._put, text))
        await asyncio.shield(self._write)

    def _put(self, text: str) -> None:
        try:
            write_atomically(self._path, text)
        except OSError as error:
            if not self._failing:
                log.warning("%s: cannot be written: %s; the state is not kept", self._path, error.strerror)
            self._failing = True
        else:
            self._failing = False
