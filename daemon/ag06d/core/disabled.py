"""Plugins that a client has switched off: a file of the daemon's own, apart from the configuration."""

from __future__ import annotations

import logging
from pathlib import Path

import tomli
import tomli_w

from ag06d.core.files import back_up, open_regular, write_atomically
from ag06d.errors import RequestError

log = logging.getLogger(__name__)

NAME = "plugins.toml"
HEADER = "# Written by ag06d: plugins that were disabled with `ag06ctl plugins disable`.\n"


class DisabledPlugins:
    """Names, kept in `folder`; without a folder, kept nowhere."""

    def __init__(self, folder: Path | None) -> None:
        self._path = folder / NAME if folder else None
        self.names = self._read()

    def _read(self) -> set[str]:
        if self._path is None:
            return set()
        try:
            with open_regular(self._path) as file:
                names = tomli.loads(file.read()).get("disabled", [])
        except FileNotFoundError:
            return set()
        except (OSError, ValueError, RecursionError) as error:
            self._keep_copy(f"cannot be read: {error}")
            return set()
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            self._keep_copy("disabled is no list of names")
            return set()
        return set(names)

    def _keep_copy(self, problem: str) -> None:
        """Of a file that says nothing to us, before the next change writes over it."""
        if self._path is None:
            return
        try:
            kept = f"kept as {back_up(self._path).name}" if self._path.is_file() else "not kept"
        except OSError as error:
            kept = f"not kept: {error.strerror}"
        log.warning("%s: %s; %s, no plugin is disabled", self._path, problem, kept)

    def add(self, plugin: str) -> None:
        """Remember that it is off; raises RequestError internal."""
        self._keep(self.names | {plugin})

    def discard(self, plugin: str) -> None:
        """Remember that it is not off; raises RequestError internal."""
        if plugin in self.names:
            self._keep(self.names - {plugin})

    def _keep(self, names: set[str]) -> None:
        if self._path is not None:
            try:
                write_atomically(self._path, HEADER + tomli_w.dumps({"disabled": sorted(names)}))
            except OSError as error:
                raise RequestError(
                    "internal", f"{self._path}: cannot be written: {error.strerror}", "nothing was changed"
                ) from error
        self.names = names
