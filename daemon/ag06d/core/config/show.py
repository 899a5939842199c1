"""The effective configuration to be read, by people or by the daemon: values, origins, no secrets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import tomli_w
from pydantic_core import to_jsonable_python

from ag06d.core.config.inspection import inspect_plugins, named_plugins
from ag06d.core.config.layers import Effective
from ag06d.core.config.masking import without_secrets
from ag06d.core.config.models import KeyPath

Tree = dict[str, Any]
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


def visible(effective: Effective) -> Tree:
    """Every setting, those of plugins with their models' defaults; secrets are stars."""
    config = effective.config
    inspections = inspect_plugins(config, dict.fromkeys([*named_plugins(config), *config.plugins]))
    tree = config.model_dump()
    secrets: set[KeyPath] = set()
    for name, inspection in inspections.items():
        given = config.plugins.get(name, {})
        known = inspection.settings or {}
        section = given | {
            key: value for key, value in known.items() if value is not None or key not in given
        }
        if section or name in config.plugins:
            tree["plugins"][name] = section
        secrets |= {("plugins", name, *path) for path in inspection.secrets}
    hidden: Tree = without_secrets(tree, secrets=secrets)
    return hidden


def to_toml(tree: Tree, effective: Effective) -> str:
    """`tree` as a configuration file, each value with its origin as a comment."""
    return "\n".join(_lines(tree, effective)) + "\n"


def to_document(tree: Tree, effective: Effective) -> Tree:
    """`tree` for a program: `config`, and `origins` by dotted path."""
    origins = {".".join(path): effective.origin(path) for path in _leaves(tree)}
    return {"config": to_jsonable_python(tree, inf_nan_mode="null"), "origins": origins}


def _leaves(tree: Tree, at: KeyPath = ()) -> Iterator[KeyPath]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _leaves(value, (*at, key))
        else:
            yield (*at, key)


def _lines(tree: Tree, effective: Effective, at: KeyPath = ()) -> Iterator[str]:
    sections = {key: value for key, value in tree.items() if isinstance(value, dict)}
    settings = {key: value for key, value in tree.items() if key not in sections}
    if at and (settings or not sections):
        yield f"[{'.'.join(map(_key, at))}]"
    for key, value in settings.items():
        origin = _UNPRINTABLE.sub(lambda found: f"\\x{ord(found[0]):02x}", effective.origin((*at, key)))
        if value is None:  # which TOML cannot say
            yield f"# {_key(key)} is not set  # {origin}"
        else:
            yield f"{_key(key)} = {_value(value)}  # {origin}"
    if at and (settings or not sections):
        yield ""
    for key, section in sections.items():
        yield from _lines(section, effective, (*at, key))


def _key(key: str) -> str:
    return tomli_w.dumps({key: 0}).removesuffix(" = 0\n")


def _value(value: Any) -> str:  # noqa: ANN401 - whatever TOML can carry
    """A value on one line, which tomli_w does not promise; what within it is not set is left out."""
    if isinstance(value, dict):
        there = {key: part for key, part in value.items() if part is not None}
        return "{ " + ", ".join(f"{_key(key)} = {_value(part)}" for key, part in there.items()) + " }"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    return tomli_w.dumps({"_": value}).removeprefix("_ = ").removesuffix("\n")
