"""The fields of a message, flat: what the tables of docs/protocol.md show of a JSON Schema."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

_VALUE = {"true or false", "integer", "number", "text"}  # of the state tree
_WORDS = {
    "string": "text",
    "integer": "integer",
    "number": "number",
    "boolean": "true or false",
    "object": "map",
    "null": "null",
    "array": "list",
}


@dataclass(frozen=True, slots=True)
class Field:
    """One field: `path` with its dots, `NAME` for any key of a map, `[]` for each entry of a list.

    `a|b` stands for two fields that are alike.
    """

    path: str
    kind: str
    doc: str
    required: bool

    def row(self) -> str:
        """As a row of a table."""
        name = f"`{self.path}`".replace("|", r"\|") + ("" if self.required else "?")
        return f"| {name} | {self.kind} | {self.doc} |"


def fields(schema: Mapping[str, Any]) -> list[Field]:
    """Every field that a message of `schema` may have."""
    return list(_walk(schema, "", schema.get("$defs", {})))


def _walk(schema: Mapping[str, Any], at: str, definitions: Mapping[str, Any]) -> Iterator[Field]:
    required = schema.get("required", ())
    for _, group in groupby(schema.get("properties", {}).items(), _alike):
        names, parts = zip(*group, strict=True)
        part = parts[0]
        path = f"{at}.{'|'.join(names)}" if at else "|".join(names)
        below, path_below = _below(part, path, definitions)
        if "description" in part or below is None:
            yield Field(path, _kind(part, definitions), part.get("description", ""), names[0] in required)
        if below is not None:
            yield from _walk(below, path_below, definitions)


def _alike(item: tuple[str, Mapping[str, Any]]) -> object:
    """Neighbours that are of one kind and say no more of themselves are shown as one."""
    name, part = item
    return name if "description" in part else tuple(sorted((key, str(value)) for key, value in part.items()))


def _below(
    part: Mapping[str, Any], path: str, definitions: Mapping[str, Any]
) -> tuple[Mapping[str, Any] | None, str]:
    """The map within `part`, and its path; None where there is none."""
    if "anyOf" in part:
        (part,) = [one for one in part["anyOf"] if "$ref" in one] or [part]
    if "$ref" in part:
        part = definitions[part["$ref"].rpartition("/")[2]]
    if "properties" in part:
        return part, path
    for key, sign in (("items", "[]"), ("additionalProperties", ".NAME")):
        inner = part.get(key)
        if isinstance(inner, Mapping) and "$ref" in inner:
            return _below(inner, path + sign, definitions)
    return None, path


def _kind(part: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    if "$ref" in part:
        part = definitions[part["$ref"].rpartition("/")[2]]
    if choices := part.get("enum"):
        return " or ".join(f"`{choice}`" for choice in choices)
    if several := part.get("anyOf"):
        return _either(_kind(one, definitions) for one in several)
    kind = part.get("type", "any")
    if isinstance(kind, list):
        return _either(_WORDS[one] for one in kind)
    word = "bytes" if part.get("format") == "binary" else _WORDS.get(kind, "any")
    inner = part.get("items" if kind == "array" else "additionalProperties")
    simple = isinstance(inner, Mapping) and inner and "$ref" not in inner
    return f"{word} of {_kind(inner, definitions)}" if simple else word  # type: ignore[arg-type]


def _either(kinds: Iterable[str]) -> str:
    words = list(dict.fromkeys(kinds))
    if set(words) >= _VALUE:
        words = ["value", *(word for word in words if word not in _VALUE)]
    return " or ".join(words)
