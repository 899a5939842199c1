"""Families of verbs that come with plugins: known by name and a line, imported when they are used.

An entry point of the group `ag06d.verbs`, NAME = "module:app", adds `ag06ctl NAME ...`; `app` is a `Verbs`.
"""

from __future__ import annotations

import ast
from collections.abc import MutableMapping
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from ag06d.cli.output import EXIT_REFUSED, fail
from ag06d.cli.verbs import Program, Verbs

ENTRY_POINTS = "ag06d.verbs"


class Family(TyperGroup):
    """Stands for a family until it is used; what it has is then that of its app."""

    def __init__(self, entry: EntryPoint) -> None:
        self._entry = entry
        super().__init__(name=entry.name)

    @cached_property
    def loaded(self) -> TyperGroup:
        """The family itself; raises typer.Exit, with a word about it, when it does not load."""
        try:
            return self._load()
        except Exception as error:  # noqa: BLE001 - whatever a plugin's module raises
            fail(f"the verbs of {self.name} do not load: {type(error).__name__}: {error}", EXIT_REFUSED)

    def _load(self) -> TyperGroup:
        app = self._entry.load()
        if not isinstance(app, Verbs):
            raise TypeError(f"{self._entry.value} is no ag06d.cli.verbs.Verbs")
        group = typer.main.get_group(app)
        group.name, group.help = self.name, group.help or self.help
        return group

    def make_context(self, info_name: Any, args: list[str], parent: Any = None, **extra: Any) -> Any:  # noqa: ANN401 - whichever click typer is built on
        """The family's own; a shell that completes a word is told nothing of one that does not load."""
        family: TyperGroup
        try:
            family = self._load() if extra.get("resilient_parsing") else self.loaded
        except Exception:
            if not extra.get("resilient_parsing"):
                raise
            family = TyperGroup(name=self.name)
        return family.make_context(info_name, args, parent, **extra)

    @property
    def help(self) -> str:
        """The first line of its module's docstring, read without importing it."""
        return summary(self._entry)

    @help.setter  # noqa: A003 - the base's name
    def help(self, _: str | None) -> None:
        """What the base sets."""

    @property
    def commands(self) -> MutableMapping[str, Any]:
        """Its verbs."""
        return self.loaded.commands

    @commands.setter
    def commands(self, _: MutableMapping[str, Any]) -> None:
        """What the base sets."""


class WithFamilies(Program):
    """`ag06ctl` with the families of plugins; its own verbs come first, and need not wait for those."""

    @cached_property
    def families(self) -> dict[str, Family]:
        """By name; where two have one, the first that is found."""
        found: dict[str, Family] = {}
        for entry in sorted(entry_points(group=ENTRY_POINTS), key=lambda entry: entry.name):
            found.setdefault(entry.name, Family(entry))
        return found

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401, ARG002 - see make_context
        """As the base does."""
        return self._own.get(cmd_name) or self.families.get(cmd_name)

    @property
    def commands(self) -> MutableMapping[str, Any]:
        """All of them."""
        return {**self.families, **self._own}

    @commands.setter
    def commands(self, own: MutableMapping[str, Any]) -> None:
        """What the base sets."""
        self._own = own


def summary(entry: EntryPoint) -> str:
    """What a family is about, in a line; nothing of it is imported, for its package may be a plugin's."""
    fallback = f"Verbs of {entry.name}."
    try:
        file = source(entry.module)
        line = ((file and ast.get_docstring(ast.parse(file.read_bytes()))) or "").partition("\n")[0]
    except (OSError, SyntaxError, ValueError, ImportError):
        return fallback
    before, colon, after = line.partition(": ")
    line = after if colon and before.startswith("`ag06ctl") else line
    return line[:1].upper() + line[1:] or fallback


def source(module: str) -> Path | None:
    """The file of `module`, found by that of its outermost package."""
    outermost, *within = module.split(".")
    spec = find_spec(outermost)
    if spec is None or not within:
        return Path(spec.origin) if spec is not None and spec.origin else None
    for folder in spec.submodule_search_locations or ():
        path = Path(folder, *within)
        for file in (path.with_suffix(".py"), path / "__init__.py"):
            if file.is_file():
                return file
    return None
