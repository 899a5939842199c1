"""What `get`, `history`, `join` and `export` are asked of: references or a service, and of which entities."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ag06_plugins.features.verbs.declared import known
from ag06d.cli import complete
from ag06d.cli.output import EXIT_USAGE, fail

if TYPE_CHECKING:
    from ag06d.client import Client


def services(incomplete: str) -> list[tuple[str, str]]:
    """Completes services."""
    (answer,) = complete.ask("features.list")
    found = {name: service["description"] for name, service in answer.get("services", {}).items()}
    return [(name, doc) for name, doc in sorted(found.items()) if name.startswith(incomplete)]


References = Annotated[
    list[str] | None,
    typer.Argument(metavar="[REF]...", help="VIEW, VIEW:FIELD or VIEW@VERSION:FIELD.", autocompletion=known),
]
Service = Annotated[
    str, typer.Option(metavar="NAME", help="Its features, instead of REF.", autocompletion=services)
]
Entities = Annotated[
    list[str] | None,
    typer.Option("--entity", metavar="KEY=WHICH", help="Such as stream=wet; default: stream=dry."),
]


def wanted(references: Sequence[str] | None, service: str) -> dict[str, Any]:
    """As the operations take it, or exits."""
    if bool(references) == bool(service):
        fail("name either features, such as level:mid.rms_db, or a service: --service glance", EXIT_USAGE)
    return {"service": service} if service else {"features": list(references or ())}


def pairs(texts: Sequence[str] | None) -> dict[str, list[str]]:
    """`key=which` by key, in order, or exits."""
    found: dict[str, list[str]] = {}
    for text in texts or ():
        key, equals, which = text.partition("=")
        if not (equals and key and which):
            fail(f"--entity {text}: write KEY=WHICH, such as stream=wet", EXIT_USAGE)
        found.setdefault(key, []).append(which)
    return found


def entity_rows(texts: Sequence[str] | None) -> list[dict[str, str]]:
    """Every combination of the entities that were named."""
    found = pairs(texts)
    return (
        [dict(zip(found, which, strict=True)) for which in itertools.product(*found.values())]
        if found
        else []
    )


def one_entity(texts: Sequence[str] | None) -> dict[str, str]:
    """The entities that were named, one of each kind, or exits."""
    found = pairs(texts)
    for key, which in found.items():
        if len(which) > 1:
            fail(f"--entity {key} is named {len(which)} times: one of each at a time", EXIT_USAGE)
    return {key: which[0] for key, which in found.items()}


def units(ag06: Client, features: Sequence[str]) -> dict[str, str]:
    """The unit of each of `features`, VIEW:COLUMN or VIEW@VERSION:COLUMN."""
    found: dict[str, str] = {}
    for name in dict.fromkeys(feature.partition(":")[0] for feature in features):
        views = ag06.call("features.describe", name=name)["views"]
        newest = max(views, key=lambda view: int(view["version"]))
        found |= {f"{name}:{column}": unit for column, unit in columns(newest).items()}
    return {feature: found.get(feature, "") for feature in features}


def columns(view: Mapping[str, Any]) -> dict[str, str]:
    """The columns of a described view, with their units."""
    from ag06d.plugin import FeatureView  # noqa: PLC0415 - not for --help

    declared = FeatureView.model_validate(view)
    return {column: field.unit for field in declared.fields for column in field.columns}
