"""On which line of a TOML document each of its keys stands.

tomli, which reads the document, tells no positions, and neither do tomlkit and rtoml. But each of the
document's statements is TOML itself, so tomli reads them one by one and says which keys they have.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import tomli

from ag06d.core.config.models import KeyPath


def key_lines(text: str) -> dict[KeyPath, int]:
    """The line, counted from 1, of each key and table of `text`, which tomli has read as a whole.

    What stands inside an array has no line of its own; of an array of tables, the first counts.
    """
    lines: dict[KeyPath, int] = {}
    header: KeyPath = ()
    statement, begins = "", 1
    for number, line in enumerate(text.split("\n"), 1):
        if not statement:
            begins = number
        statement += line + "\n"
        try:
            found = tomli.loads(statement)
        except tomli.TOMLDecodeError:
            continue  # an array or a string that goes on
        if statement.lstrip().startswith("["):
            header = _table(found)
            lines.setdefault(header, begins)
        else:
            for path in _paths(found):
                lines.setdefault((*header, *path), begins)
        statement = ""
    return lines


def _table(header: dict[str, Any]) -> KeyPath:
    """The path of the one table that a header names."""
    path: KeyPath = ()
    below: Any = header
    while below and isinstance(below, dict):
        ((key, below),) = below.items()
        path = (*path, key)
    return path


def _paths(tree: Mapping[str, Any], at: KeyPath = ()) -> Iterator[KeyPath]:
    for key, value in tree.items():
        yield (*at, key)
        if isinstance(value, Mapping):
            yield from _paths(value, (*at, key))
