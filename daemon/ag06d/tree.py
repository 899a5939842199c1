"""Trees of values by dotted paths, flat and nested."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def nest(flat: Mapping[str, Any]) -> dict[str, Any]:
    """A flat map of paths as a tree."""
    tree: dict[str, Any] = {}
    for path, value in flat.items():
        *groups, leaf = path.split(".")
        branch = tree
        for group in groups:
            branch = branch.setdefault(group, {})
        branch[leaf] = value
    return tree


def flatten(tree: Mapping[str, Any]) -> dict[str, Any]:
    """A tree as a flat map of paths; the other way round, and for any depth."""
    flat: dict[str, Any] = {}
    branches: list[tuple[str, Mapping[str, Any]]] = [("", tree)]
    while branches:
        at, branch = branches.pop()
        for key, value in branch.items():
            path = f"{at}.{key}" if at else key
            if isinstance(value, Mapping):
                branches.append((path, value))
            else:
                flat[path] = value
    return flat
