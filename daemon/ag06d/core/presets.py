"""Presets: TOML files with a chain, shipped with the package or saved by the user.

A preset names only what it sets; every other parameter of the chain is at its default.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli

from ag06d.arena import CHAIN, chain_defaults
from ag06d.arena.parameters import Value
from ag06d.core.state import checked
from ag06d.errors import PresetError, RequestError
from ag06d.paths import FACTORY_PRESETS
from ag06d.tree import flatten

SCHEMA = 1
BYTES_MAX = 64 << 10  # of a preset's file; what sets a whole chain has two kilobytes
TOO_LONG = f"longer than {BYTES_MAX} bytes, so it is no preset"
TOLD_MAX = 20  # things that are wrong with a file
PLAIN = "must be one line, without control characters"
NAME = r"[a-z0-9][a-z0-9_-]{0,63}"
_KEYS = {"schema", "description", "tags", "author", "chain"}
_NO_TEXT = {"Cc", "Cs", "Zl", "Zp"}  # Unicode's general categories of controls, surrogates, separators
_REVERSALS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}  # and bidirectional classes
_PARAMETERS = {parameter.path: parameter for parameter in CHAIN}


@dataclass(frozen=True, slots=True)
class Preset:
    """A named chain; `chain` holds every parameter's path within the chain and value."""

    name: str
    description: str
    chain: dict[str, Value]
    tags: tuple[str, ...] = ()
    author: str = ""
    origin: str = "factory"

    def summary(self) -> dict[str, Any]:
        """What `preset.list` tells of it."""
        return {
            "name": self.name,
            "description": self.description,
            "tags": list(self.tags),
            "author": self.author,
            "origin": self.origin,
        }


class PresetLibrary:
    """The presets in the package and in the user's folder; the user's win where names are equal."""

    def __init__(self, user_folder: Path) -> None:
        self.user_folder = user_folder
        self._chains: dict[str, tuple[tuple[Path, int, int, int], dict[str, Value]]] = {}
        self._folders = (("user", user_folder), ("factory", FACTORY_PRESETS))

    def names(self) -> list[str]:
        """All names, sorted."""
        return sorted({path.stem for path in self._files() if re.fullmatch(NAME, path.stem)})

    def is_factory(self, name: str) -> bool:
        """Whether a preset `name` comes with the package."""
        return re.fullmatch(NAME, name) is not None and (FACTORY_PRESETS / f"{name}.toml").is_file()

    def _files(self) -> Iterator[Path]:
        for _, folder in self._folders:
            yield from (path for path in folder.glob("*.toml") if path.is_file())

    def load(self, name: str) -> Preset:
        """The preset `name`; raises RequestError unknown_path, or PresetError with what is wrong."""
        if re.fullmatch(NAME, name):
            for origin, folder in self._folders:
                path = folder / f"{name}.toml"
                if path.is_file():
                    return read_preset(path, origin)
        names = self.names()
        near = difflib.get_close_matches(name, names, n=1)
        hint = f"did you mean {near[0]}?" if near else "there are " + ", ".join(names)
        raise RequestError("unknown_path", f"there is no preset {name!r}", hint)

    def changed(self, name: str, chain: Mapping[str, Value]) -> bool:
        """Whether `chain` is other than the preset `name`; so it is when there is none that can be read."""
        try:
            return self._chain(name) != chain
        except (PresetError, RequestError):
            return True

    def _chain(self, name: str) -> dict[str, Value]:
        """Of the preset `name`, read again when its file is another: `status` asks for it all the time."""
        for _, folder in self._folders:
            try:
                file = (folder / f"{name}.toml").stat()
            except (OSError, ValueError):  # a name is anything, as far as is known here
                continue
            seen = (folder, file.st_ino, file.st_mtime_ns, file.st_size)
            if name not in self._chains or self._chains[name][0] != seen:
                self._chains[name] = seen, self.load(name).chain
            return self._chains[name][1]
        return self.load(name).chain

    def all(self) -> tuple[list[Preset], list[str]]:
        """Every preset that can be read, and what is wrong with those that cannot."""
        presets = []
        problems = [
            f"{str(path)!a}: a preset's name has only a-z, 0-9, _ and -"
            for path in self._files()
            if not re.fullmatch(NAME, path.stem)
        ]
        for name in self.names():
            try:
                presets.append(self.load(name))
            except (PresetError, RequestError) as error:
                problems.append(str(error))
        return presets, problems


def read_preset(path: Path, origin: str) -> Preset:
    """The preset in `path`; raises PresetError with every error in the file."""
    try:
        with path.open("rb") as file:
            content = file.read(BYTES_MAX + 1)
        if len(content) > BYTES_MAX:
            raise PresetError(f"{path}: {TOO_LONG}")
        return parse_preset(content.decode(), path.stem, origin, str(path))
    except OSError as error:
        raise PresetError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise PresetError(f"{path}: not TOML: {error}") from error


def parse_preset(text: str, name: str, origin: str, where: str) -> Preset:
    """The preset `name` in `text`; raises PresetError with every error, each after `where`."""
    if len(text) > BYTES_MAX:
        raise PresetError(f"{where}: {TOO_LONG}")
    try:
        document = tomli.loads(text)
    except (ValueError, RecursionError) as error:  # TOMLDecodeError, too many digits, too deep
        raise PresetError(f"{where}: not TOML: {error}") from error
    problems = [f"{key}: there is no such key in a preset" for key in sorted(document.keys() - _KEYS)]
    problems += _schema_problems(document.get("schema"))
    description, tags, author = (
        document.get("description", ""),
        document.get("tags", []),
        document.get("author", ""),
    )
    if not isinstance(description, str) or not isinstance(author, str):
        problems.append("description and author must be strings")
    elif not _is_plain(description + author):
        problems.append(f"description and author: {PLAIN}")
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        problems.append("tags: must be a list of strings")
    elif not _is_plain("".join(tags)):
        problems.append(f"tags: {PLAIN}")
    chain = _read_chain(document.get("chain", {}), problems)
    if problems:
        more = len(problems) - TOLD_MAX
        told = problems[:TOLD_MAX] + ([f"and {more} more"] if more > 0 else [])
        raise PresetError(f"{where}: " + "; ".join(told))
    return Preset(name, description, chain, tuple(tags), author, origin)


def _is_plain(words: str) -> bool:
    """Whether `words` leave a terminal as it was: no escape, line or direction begins in them."""
    return not any(
        unicodedata.category(letter) in _NO_TEXT or unicodedata.bidirectional(letter) in _REVERSALS
        for letter in words
    )


def _schema_problems(schema: object) -> list[str]:
    if schema == SCHEMA and not isinstance(schema, bool | float):
        return []
    newer = isinstance(schema, int) and schema > SCHEMA
    return [
        f"schema: {schema!r}; this version reads {SCHEMA}"
        + (", so the preset was made by a newer ag06d: update this one to use it" if newer else "")
    ]


def _read_chain(tree: object, problems: list[str]) -> dict[str, Value]:
    chain = chain_defaults()
    if not isinstance(tree, dict):
        problems.append("chain: must be a table")
        return chain
    for path, value in flatten(tree).items():
        parameter = _PARAMETERS.get(path)
        if parameter is None:
            near = difflib.get_close_matches(path, _PARAMETERS, n=1)
            problems.append(
                f"chain.{path}: no such parameter" + (f"; did you mean {near[0]}?" if near else "")
            )
            continue
        try:
            chain[path] = checked(path, parameter, value)
        except RequestError as error:
            problems.append(f"chain.{error}")
    return chain
