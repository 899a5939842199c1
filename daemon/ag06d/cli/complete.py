"""Completion with living values: paths, values, presets, topics, hosts and plugins, asked of the daemon.

Silent and quick when there is no daemon, or a slow one: a shell waits for it between two keys.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping
from typing import Any

import typer

from ag06d.cli.output import literal

TIMEOUT_S = 0.2
Completions = list[tuple[str, str]]  # what to insert, and what it means


def ask(*operations: str) -> list[dict[str, Any]]:
    """The daemon's answers, or empty ones."""
    from ag06d.client import Client  # noqa: PLC0415 - numpy and ZeroMQ are slow to import
    from ag06d.errors import Ag06Error  # noqa: PLC0415 - likewise

    try:
        with Client(timeout_s=TIMEOUT_S) as client:
            return [client.call(operation) for operation in operations]
    except Ag06Error:
        return [{} for _ in operations]


def ranges(description: Mapping[str, Any]) -> str:
    """What is allowed at a path, in words."""
    if description["choices"]:
        return "one of " + ", ".join(map(str, description["choices"]))
    if description["kind"] == "bool":
        return "true or false"
    if description["low"] is None:
        return "text" if description["kind"] == "str" else "a number"
    return f"{description['low']:g} to {description['high']:g} {description['unit']}".rstrip()


def branches(paths: Mapping[str, Any]) -> set[str]:
    """Every path that has others below it."""
    return {path[:at] for path in paths for at, sign in enumerate(path) if sign == "."}


def paths(incomplete: str) -> Completions:
    """Paths of the state tree, whole and in part."""
    (answer,) = ask("describe")
    leaves = answer.get("paths", {})
    found = dict.fromkeys(branches(leaves), "all below it")
    found |= {path: leaf["doc"] for path, leaf in leaves.items()}
    return [(path, found[path]) for path in sorted(found) if path.startswith(incomplete)]


def stages(incomplete: str) -> Completions:
    """Parts of the chain that can be drawn, and topics."""
    (answer,) = ask("describe")
    parts = {path for path in branches(answer.get("paths", {})) if path.startswith("chain.")}
    drawn = [(path, "a slot's chain, or a stage of it") for path in sorted(parts) if path.count(".") < 3]  # noqa: PLR2004 - chain.SLOT.STAGE
    return [part for part in drawn if part[0].startswith(incomplete)] + topics(incomplete)


def assignments(ctx: typer.Context, incomplete: str) -> Completions:
    """`PATH=VALUE`; bash takes a word apart at its `=` and wants the value alone, others the whole."""
    describe, get = ask("describe", "get")
    leaves, now = describe.get("paths", {}), get.get("values", {})
    before = [word for word in ctx.params.get("assignments") or () if word != "="]
    if before and before[-1] in leaves:
        return values(leaves[before[-1]], now[before[-1]])
    settable = [path for path in leaves if not path.startswith("preset.")]
    path, equals, _ = incomplete.partition("=")
    matching = [path] if equals and path in settable else [p for p in settable if p.startswith(incomplete)]
    if len(matching) == 1:  # its values stand beside it, so that no shell puts a space behind the path
        (path,) = matching
        return [(f"{path}={value}", doc) for value, doc in values(leaves[path], now[path])]
    return [(f"{path}=", f"{literal(now[path])}; {ranges(leaves[path])}") for path in matching]


def values(description: Mapping[str, Any], now: Any) -> Completions:  # noqa: ANN401 - a leaf
    """What could be set: every choice, or the ends of the range, the default, and what is there."""
    found = {literal(now): "what it is now"}
    found.setdefault(literal(description["default"]), "default")
    if description["choices"] or description["kind"] == "bool":
        for choice in description["choices"] or (True, False):
            found.setdefault(literal(choice), "")
        found["!"] = "the other one"
    elif description["low"] is not None:
        for name in ("low", "high"):
            found.setdefault(literal(float(description[name])), f"{name}est")
    return list(found.items())


def topics(incomplete: str) -> Completions:
    """The daemon's own topics, and those that plugins registered; `trace` for `trace.PLUGIN`."""
    (answer,) = ask("describe")
    found = {
        name.rstrip(string.ascii_uppercase).rstrip("."): schema.get("doc", "")
        for name, schema in answer.get("topics", {}).items()
    }
    return [(name, found[name]) for name in sorted(found) if name.startswith(incomplete)]


def presets(incomplete: str) -> Completions:
    """Names of presets."""
    (answer,) = ask("preset.list")
    named = {preset["name"]: preset["description"] for preset in answer.get("presets", ())}
    return [(name, doc) for name, doc in sorted(named.items()) if name.startswith(incomplete)]


def named_in(group: str) -> Callable[[str], Completions]:
    """Completes the names in a part of `status`, such as hosts or plugins."""

    def names(incomplete: str) -> Completions:
        (answer,) = ask("status")
        known = answer.get(group, {})
        return [(name, known[name]["state"]) for name in sorted(known) if name.startswith(incomplete)]

    return names


hosts, plugins = named_in("hosts"), named_in("plugins")
