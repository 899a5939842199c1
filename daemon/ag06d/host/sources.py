"""Where a plugin comes from: an installed distribution's entry point, or one file in the plugin folder."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from ag06d.errors import RefusedError
from ag06d.plugin.hookspecs import ENTRY_POINTS

MODULES = "ag06d_plugin_file_"  # before the name of a file's module, which so hides no other


@dataclass(frozen=True, slots=True)
class Source:
    """One plugin, found and not loaded yet; exactly one of `entry` and `file` is set."""

    name: str
    entry: EntryPoint | None = None
    file: Path | None = None

    def load(self) -> Any:  # noqa: ANN401 - a module, or whatever object the entry point names
        """Import it; raises what its code raises."""
        return self.entry.load() if self.entry is not None else self._load_file()

    def _load_file(self) -> Any:  # noqa: ANN401 - a module
        name = MODULES + self.name
        spec = importlib.util.spec_from_file_location(name, str(self.file))
        if spec is None or spec.loader is None:
            raise RefusedError(f"{self.file}: not a Python file")
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    def document(self) -> dict[str, Any]:
        """`distribution`, `version` and `file`, null where unknown; of an entry point, once loaded."""
        if self.entry is None:
            return {"distribution": None, "version": None, "file": str(self.file)}
        distribution = self.entry.dist
        file = getattr(sys.modules.get(self.entry.module), "__file__", None)
        return {
            "distribution": distribution.name if distribution else None,
            "version": distribution.version if distribution else None,
            "file": file if isinstance(file, str) else None,
        }


def files(folder: Path) -> dict[str, Path]:
    """The one-file plugins in `folder`: `loudest.py` is the plugin `loudest`."""
    try:
        return {
            path.stem: path
            for path in sorted(folder.glob("*.py"))
            if path.stem.isidentifier() and not path.stem.startswith("_")
        }
    except OSError:  # it may not be read
        return {}


def find(name: str, folder: Path) -> Source:
    """The plugin `name`; raises RefusedError when there is none, or more than one."""
    entries = list(entry_points(group=ENTRY_POINTS, name=name))
    in_folder = files(folder)
    found = [_place(entry) for entry in entries] + ([str(in_folder[name])] if name in in_folder else [])
    if len(found) > 1:
        raise RefusedError(f"there is more than one plugin {name!r}: {' and '.join(found)}; keep one")
    if entries:
        return Source(name, entry=entries[0])
    if name in in_folder:
        return Source(name, file=in_folder[name])
    there = sorted({entry.name for entry in entry_points(group=ENTRY_POINTS)} | set(in_folder))
    raise RefusedError(
        f"no plugin {name!r} is installed or in {folder}; there are {', '.join(there) or 'none'}"
    )


def _place(entry: EntryPoint) -> str:
    return f"{entry.value} of {entry.dist.name if entry.dist else 'an unnamed distribution'}"
