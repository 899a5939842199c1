"""Declarations in a TOML file, `[[view]]`, `[[service]]`, `[[entity]]`: every error told at once."""

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


TOO_SHORT: Final = "is empty; it has at least one"


@dataclass(slots=True)
class Declarations:
    """What a file declares; `problems` is what it could not, a line each with the place in the file."""

    entities: list[Entity] = field(default_factory=list)
    views: list[FeatureView] = field(default_factory=list)
    services: list[FeatureService] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        counts = (
            ("entity", "entities", self.entities),
            ("view", "views", self.views),
            ("service", "services", self.services),
        )
        words = [f"{len(found)} {one if len(found) == 1 else many}" for one, many, found in counts if found]
        return ", ".join(words) or "nothing"


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
    """Each place once, with all that would be right there."""
    told: dict[str, list[str]] = {}
    for problem in error.errors():
        words = told.setdefault(_place(problem["loc"], entry), [])
        words += [told for told in [_words(problem, model)] if told not in words]
    for place, words in told.items():
        beneath = any(other.startswith(f"{place}.") for other in told)
        if words == [TOO_SHORT] and beneath:  # only for what is wrong with what it has
            continue
        what = ", or ".join(words).removeprefix(f"{place.rpartition('.')[2]}: ")
        yield f"{place}: {what}" if place else what


def _words(problem: Any, model: type[BaseModel]) -> str:  # noqa: ANN401 - pydantic's ErrorDetails
    kind, location = problem["type"], problem["loc"]
    if kind == "extra_forbidden":
        keys = (FeatureField if "fields" in location[:-1] else model).model_fields
        return f"there is no such key; {nearest(str(location[-1]), keys)}"
    if kind == "missing":
        return "is missing"
    if kind == "too_short":
        return TOO_SHORT
    words = str(problem["msg"]).removeprefix("Value error, ")
    return words.replace("Input should", "it should") if words.startswith("Input") else words


def _place(location: Sequence[int | str], entry: Mapping[str, Any]) -> str:
    """Where it is, a field by its name: `fields.rms_db.unit`."""
    words: list[str] = []
    value: Any = entry
    for part in location:
        if isinstance(part, str) and not part.isidentifier():
            continue  # which of several types it was taken for
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            value = None
        called = value.get("name") if isinstance(part, int) and isinstance(value, dict) else None
        words.append(str(called or part))
    return ".".join(words)
