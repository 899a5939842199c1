"""Declarations in a TOML file, `[[view]]`, `[[service]]`, `[[entity]]`: read, and every error told at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import tomli
from pydantic import BaseModel, ValidationError

from ag06d.cli.output import nearest
from ag06d.plugin import Entity, FeatureField, FeatureService, FeatureView

KINDS: Final[Mapping[str, type[BaseModel]]] = {
    "entity": Entity,
    "view": FeatureView,
    "service": FeatureService,
}


@dataclass(slots=True)
class Declarations:
    """What a file declares; `problems` is what it could not, a line each with the place in the file."""

    entities: list[Entity] = field(default_factory=list)
    views: list[FeatureView] = field(default_factory=list)
    services: list[FeatureService] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        counts = {"entities": self.entities, "views": self.views, "services": self.services}
        return ", ".join(f"{len(found)} {kind}" for kind, found in counts.items() if found) or "nothing"


def declared_in(file: Path, text: str) -> Declarations:
    """What the `text` of `file` declares."""
    found = Declarations()
    try:
        document = tomli.loads(text)
    except (tomli.TOMLDecodeError, RecursionError, ValueError) as error:
        found.problems.append(f"{file}: not TOML: {error}")
        return found
    into: Mapping[str, list[Any]] = {
        "entity": found.entities,
        "view": found.views,
        "service": found.services,
    }
    for kind, entries in document.items():
        if kind not in KINDS:
            found.problems.append(f"{file}: {kind}: there is no such table; {nearest(kind, KINDS)}")
        elif not isinstance(entries, list):
            found.problems.append(f"{file}: {kind}: write [[{kind}]], with two brackets")
        else:
            for at, entry in enumerate(entries):
                place = f"{file}: {kind} {_called(entry, at)}"
                try:
                    into[kind].append(KINDS[kind].model_validate(entry))
                except ValidationError as error:
                    found.problems += [f"{place}: {line}" for line in _lines(error, KINDS[kind], entry)]
    return found


def _called(entry: object, at: int) -> str:
    name = entry.get("name") if isinstance(entry, dict) else None
    return name if isinstance(name, str) and name else f"number {at + 1}"


def _lines(error: ValidationError, model: type[BaseModel], entry: Mapping[str, Any]) -> Iterator[str]:
    for problem in error.errors():
        place, of = _place(problem["loc"], entry), FeatureField if "fields" in problem["loc"] else model
        if problem["type"] == "extra_forbidden":
            key = str(problem["loc"][-1])
            yield f"{place}: there is no such key; {nearest(key, of.model_fields)}"
        elif problem["type"] == "missing":
            yield f"{place}: is missing"
        else:
            words = problem["msg"].removeprefix("Value error, ")
            yield f"{place}: {words[:1].lower()}{words[1:]}" if place else words


def _place(location: Sequence[int | str], entry: Mapping[str, Any]) -> str:
    """Where it is, a field by its name: `fields.rms_db.unit`."""
    words: list[str] = []
    value: Any = entry
    for part in location:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            value = None
            if isinstance(part, str) and part[:1].islower() is False:
                continue  # which of several types it was taken for
        called = value.get("name") if isinstance(part, int) and isinstance(value, dict) else None
        words.append(str(called or part))
    return ".".join(words)
