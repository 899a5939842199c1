"""What is wrong with a configuration, in words: the key, what is there, and what would be right."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ag06d.core.config.masking import is_secret
from ag06d.core.config.models import Config, KeyPath, keys_of

SHOWN = 100  # characters of a wrong value
_NO_SECTION = ("model_type", "model_attributes_type", "dict_type")


def explain(
    entry: Any,  # noqa: ANN401 - pydantic's ErrorDetails
    keys: Callable[[KeyPath], list[str]] = keys_of,
    secret: Callable[[KeyPath], bool] = is_secret,
) -> tuple[KeyPath, str]:
    """Where one of pydantic's errors is, and `key: what is wrong`.

    `keys` tells the keys of a section, `secret` whether a value may not be shown.
    """
    path = tuple(str(part) for part in entry["loc"] if part != "[key]")
    key = ".".join(path)
    if entry["type"] == "extra_forbidden":
        return path, f"{key}: there is no such key{nearest(path, keys)}"
    if entry["type"] in _NO_SECTION:
        return path, f"{key}: is a section: write [{key}], or {key}.KEY = value"
    if entry["type"] == "string_pattern_mismatch" and entry["loc"][-1] == "[key]":
        return path, f"{key}: a name has only a-z, 0-9, _ and -, and begins with a letter"
    message = entry["msg"].removeprefix("Value error, ")
    message = f"{message[0].lower()}{message[1:]}"
    if entry["type"] == "missing":
        return path, f"{key}: is missing, and has no default"
    hidden = secret(path) or _has_section(entry["input"])  # in which there may be secrets
    return path, f"{key}: {message}" + ("" if hidden else f", not {repr(entry['input'])[:SHOWN]}")


def _has_section(value: object) -> bool:
    if isinstance(value, list | tuple):
        return any(map(_has_section, value))
    return isinstance(value, Mapping)


def nearest(path: KeyPath, keys: Callable[[KeyPath], list[str]] = keys_of) -> str:
    """`; did you mean ...?` with the key most like the last of `path`, here or in another section."""
    *section, key = path
    near = difflib.get_close_matches(key, keys(tuple(section)), n=1)
    if not near and keys is keys_of:
        near = [f"{name}.{key}" for name in Config.model_fields if key in keys_of((name,))][:1]
    return f"; did you mean {near[0]}?" if near else ""


def contradictions(tree: Mapping[str, Any]) -> Iterator[tuple[KeyPath, str]]:
    """Plugins that stand twice in the hosts of `tree`, which need not be right in any other way."""
    hosts = tree.get("hosts")
    seen: dict[str, str] = {}
    for name, host in hosts.items() if isinstance(hosts, Mapping) else ():
        plugins = host.get("plugins") if isinstance(host, Mapping) else None
        for plugin in plugins if isinstance(plugins, list | tuple) else ():
            if not isinstance(plugin, str):
                continue
            if plugin in seen:
                where = "twice in one host" if seen[plugin] == name else f"in hosts.{seen[plugin]} too"
                message = f"hosts.{name}.plugins: {plugin} stands {where}; a plugin runs once, in one host"
                yield ("hosts", name, "plugins"), message
            seen.setdefault(plugin, name)
