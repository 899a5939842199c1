"""Look at a plugin without running it: whether it is there and loads, and whether its settings are right.

Run by ag06d as `python -m ag06d.host.inspect`, since loading a plugin runs somebody else's code: the
question as JSON on stdin, the answer as JSON on stdout.
"""

from __future__ import annotations

import json
import os
import pathlib
import sys
from collections.abc import Iterator, Mapping
from typing import IO, Any, get_args

from pydantic import BaseModel, SecretBytes, SecretStr, ValidationError
from pydantic_core import to_jsonable_python

from ag06d._native import lib
from ag06d.errors import RefusedError
from ag06d.host.registration import hooks_of
from ag06d.host.runner import text
from ag06d.host.sources import find
from ag06d.host.spec import Inspection

Path = tuple[str, ...]


def inspect(name: str, section: dict[str, Any], plugin_folder: str) -> Inspection:
    """What there is to say of the plugin `name` with the settings `section`; raises nothing."""
    try:
        model = model_of(name, plugin_folder)
    except RefusedError as error:
        return Inspection(refused=text(error))
    except BaseException as error:  # noqa: BLE001 - whatever a plugin raises
        return Inspection(refused=f"does not load: {type(error).__name__}: {text(error)}")
    if model is None:
        return Inspection(settings=section)
    sections = dict(sections_of(model))
    found = Inspection(
        keys=[[list(path), sorted(names_of(part))] for path, part in sections.items()],
        secrets=[list(path) for path in secrets_of(sections)],
        ignored=[list(path) for path in ignored(section, model)],
    )
    try:
        found.settings = model.model_validate(section).model_dump(mode="json", fallback=str)
    except ValidationError as error:
        found.errors = [
            {
                "loc": [str(part) for part in entry["loc"]],
                "type": entry["type"],
                "msg": entry["msg"],
                "input": to_jsonable_python(entry["input"], fallback=repr),
            }
            for entry in error.errors(include_url=False, include_context=False)
        ]
    except BaseException as error:  # noqa: BLE001 - a validator is a plugin's code
        found.refused = f"its model fails: {type(error).__name__}: {text(error)}"
    return found


def model_of(name: str, plugin_folder: str) -> type[BaseModel] | None:
    """The model of the settings of the plugin `name`; raises whatever its code raises."""
    manager = hooks_of(find(name, pathlib.Path(plugin_folder)).load(), name)
    model: type[BaseModel] | None = manager.hook.ag06_config_model()
    return model


def models_in(annotation: object) -> Iterator[type[Any]]:
    """Every class in an annotation, such as both of `list[Band] | None`."""
    if isinstance(annotation, type) and not get_args(annotation):
        yield annotation
    for part in get_args(annotation):
        yield from models_in(part)


def sections_of(model: type[BaseModel], at: Path = ()) -> Iterator[tuple[Path, type[BaseModel]]]:
    """A model and those of its sections."""
    yield at, model
    for name, field in model.model_fields.items():
        for part in models_in(field.annotation):
            if issubclass(part, BaseModel) and part is not model:
                yield from sections_of(part, (*at, name))


def names_of(model: type[BaseModel]) -> set[str]:
    """What a section's keys may be called."""
    names = set(model.model_fields)
    for field in model.model_fields.values():
        aliases = (field.alias, field.validation_alias, *getattr(field.validation_alias, "choices", ()))
        names |= {alias for alias in aliases if isinstance(alias, str)}
    return names


def secrets_of(sections: Mapping[Path, type[BaseModel]]) -> Iterator[Path]:
    """The settings that are of a secret type."""
    for path, model in sections.items():
        for name, field in model.model_fields.items():
            if any(issubclass(part, SecretStr | SecretBytes) for part in models_in(field.annotation)):
                yield (*path, name)


def ignored(section: Mapping[str, Any], model: type[BaseModel], at: Path = ()) -> Iterator[Path]:
    """The keys in `section` that a lax model takes no notice of."""
    for key, value in section.items():
        if key not in names_of(model):
            if model.model_config.get("extra", "ignore") == "ignore":
                yield (*at, key)
        elif isinstance(value, Mapping) and key in model.model_fields:
            for part in models_in(model.model_fields[key].annotation):
                if issubclass(part, BaseModel):
                    yield from ignored(value, part, (*at, key))


def main(question: IO[str], answer: IO[str]) -> None:
    """Answer one question; the standard output is the answer's, not the plugin's."""
    asked = json.load(question)
    if lib.ag06_die_with_parent(asked["parent"]):
        lib.ag06_renounce_real_time()
        json.dump(inspect(asked["name"], asked["section"], asked["plugin_folder"]).document(), answer)
        answer.flush()


if __name__ == "__main__":
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as told:
        os.dup2(2, 1)
        main(sys.stdin, told)
    os._exit(0)  # whatever threads the plugin has begun
