"""The user's preset files: written whole, backed up before they change, never those of the factory."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w

from ag06d.arena import chain_defaults
from ag06d.core.files import back_up, next_backup, sync_folder, write_atomically
from ag06d.core.presets import NAME, SCHEMA, Preset
from ag06d.errors import RequestError
from ag06d.tree import nest

# A name may not be one that a file system or a shell takes for something else; see presets.NAME.
NAME_HINT = "a preset's name has only a-z, 0-9, _ and -, begins with a letter or digit, 64 at most"


def to_toml(preset: Preset) -> str:
    """A preset as its file: only what differs from the defaults."""
    defaults = chain_defaults()
    chain = {path: value for path, value in preset.chain.items() if value != defaults[path]}
    document: dict[str, Any] = {"schema": SCHEMA, "description": preset.description}
    if preset.tags:
        document["tags"] = list(preset.tags)
    if preset.author:
        document["author"] = preset.author
    if chain:
        document["chain"] = nest(chain)
    return tomli_w.dumps(document)


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a file; `backup` holds what was there before."""

    path: Path
    backup: Path | None

    def document(self) -> dict[str, Any]:
        """As the answer to a request."""
        return {"path": str(self.path), "backup": str(self.backup) if self.backup else None}


class PresetFolder:
    """The user's folder of presets; every name is checked before it becomes a path."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, name: str) -> Path:
        """Where the preset `name` is or would be; raises RequestError bad_request."""
        if not re.fullmatch(NAME, name):
            raise RequestError("bad_request", f"{name!r} is no name for a preset", NAME_HINT)
        return self._folder / f"{name}.toml"

    def holds(self, name: str) -> bool:
        """Whether there is a preset `name` of the user's own."""
        return self.path(name).is_file()

    def write(self, preset: Preset, *, dry_run: bool = False) -> Written:
        """Save `preset`, keeping what it overwrites; raises RequestError internal with the reason."""
        path = self.path(preset.name)
        try:
            backup = None
            if path.is_file():
                backup = next_backup(path) if dry_run else back_up(path)
            if not dry_run:
                write_atomically(path, to_toml(preset))
        except OSError as error:
            raise _failed(path, "written", error) from error
        return Written(path, backup)

    def remove(self, name: str, *, dry_run: bool = False) -> Written:
        """Put the preset `name` aside as a backup; raises RequestError internal."""
        path = self.path(name)
        try:
            backup = next_backup(path)
            if not dry_run:
                path.rename(backup)
                sync_folder(path.parent)
        except OSError as error:
            raise _failed(path, "removed", error) from error
        return Written(path, backup)


def _failed(path: Path, verb: str, error: OSError) -> RequestError:
    return RequestError(
        "internal", f"{path}: cannot be {verb}: {error.strerror}", "is there room, and may the daemon write?"
    )
