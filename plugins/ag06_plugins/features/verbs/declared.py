"""`ag06ctl features list | describe | diff | apply | check`: what views, services and entities there are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from ag06_plugins.features.verbs import here
from ag06_plugins.features.verbs.listed import parted
from ag06_plugins.shared.verbs.tables import names, seconds, table
from ag06d.cli import complete
from ag06d.cli.files import read_text
from ag06d.cli.output import EXIT_REFUSED, client, show
from ag06d.cli.verbs import Verbs

if TYPE_CHECKING:
    from ag06_plugins.features.verbs.declarations import Declarations

FIELDS: Final = ("field", "unit", "range", "stored", "meaning")

app = Verbs()


def known(incomplete: str) -> list[tuple[str, str]]:
    """Completes views and services."""
    (answer,) = complete.ask("features.list")
    found = {key.partition("@")[0]: view["description"] for key, view in answer.get("views", {}).items()}
    found |= {name: service["description"] for name, service in answer.get("services", {}).items()}
    return [(name, doc) for name, doc in sorted(found.items()) if name.startswith(incomplete)]


@app.command("list")
def list_all(
    *, every: Annotated[bool, typer.Option("--all", help="The views of statistics too.")] = False
) -> None:
    """Views, services and entities.

    For example: ag06ctl features list
    """
    with client() as ag06:
        document = ag06.call("features.list")
    listed, statistics = (document["views"], {}) if every else parted(document["views"])
    rows = [
        (
            key,
            view["entity"],
            str(view["columns"]),
            view["source"],
            seconds(view["period_s"]),
            view["description"],
        )
        for key, view in listed.items()
    ]
    heads = ("view", "entity", "columns", "source", "every", "what it is")
    lines = table(heads, rows, ("columns", "every"))
    if statistics:
        lines.append(f"and {len(statistics)} views of statistics, such as {next(iter(statistics))}; --all")
    lines += ["", *table(("service", "features", "what it is"), service_rows(document["services"]))]
    entities = [(name, doc) for name, doc in document["entities"].items()]
    show(document, *lines, "", *table(("entity", "what it is"), entities))


def service_rows(services: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """A row for each."""
    for name, service in services.items():
        yield name, names(service["features"], 3), service["description"]


@app.command()
def describe(
    name: Annotated[str, typer.Argument(help="A view, a VIEW@VERSION or a service.", autocompletion=known)],
) -> None:
    """Every field of a view with unit, range and meaning, in all its versions; or what a service has.

    For example: ag06ctl features describe level
    """
    with client() as ag06:
        document = ag06.call("features.describe", name=name)
    lines: list[str] = []
    for view in document["views"]:
        lines += [*([""] if lines else []), *view_lines(view)]
    for service in document["services"]:
        of = ", ".join(f"{key}={value}" for key, value in service["entities"].items())
        topic = (
            f"{service['publish_hz']:g} times a second on feature.service.{service['name']}"
            if service["publish_hz"]
            else "not published"
        )
        lines += [f"service {service['name']}: {service['description']}", f"of {of or 'any'}; {topic}"]
        lines += [f"  {reference}" for reference in service["features"]]
    show(document, *lines)


def view_lines(view: Mapping[str, Any]) -> Iterator[str]:
    """A view, and then its fields."""
    facts = {
        "every": view["period_s"] and seconds(view["period_s"]),
        "counts for": view["ttl_s"] and seconds(view["ttl_s"]),
        "kept for": view["retention_days"] and f"{view['retention_days']:g} d",
        "owner": view["owner"],
    }
    told = ", ".join(f"{key} {value}" for key, value in facts.items() if value)
    yield f"view {view['name']}@{view['version']}: {view['description']}"
    yield f"{view['source']}, {view['dtype']}, of each {view['entity']}" + (f"; {told}" if told else "")
    yield from table(FIELDS, [field_cells(field) for field in view["fields"]])


def field_cells(field: Mapping[str, Any]) -> tuple[str, ...]:
    """A field's row."""
    parts = field["parts"]
    shape = (
        f" [{len(parts)}: {parts[0]} to {parts[-1]}]" if parts else "".join(f" [{n}]" for n in field["shape"])
    )
    low, high = ("" if field[end] is None else f"{field[end]:g}" for end in ("low", "high"))
    step = field["precision"]
    stored = step if isinstance(step, str) else f"in steps of {step:g}"
    span = f"{low} to {high}" if low and high else f"from {low}" if low else f"to {high}" if high else ""
    meaning = f"= {field['expression']}" if field["expression"] else field["description"]
    return field["name"] + shape, field["unit"], span, "" if field["expression"] else stored, meaning


@app.command()
def diff(
    before: Annotated[str, typer.Argument(metavar="VIEW@1", help="A version of a view.")],
    after: Annotated[str, typer.Argument(metavar="VIEW@2", help="Another one.")],
) -> None:
    """What is different between two versions of a view, and whether their rows mean the same.

    For example: ag06ctl features diff mine@1 mine@2
    """
    with client() as ag06:
        document = ag06.call("features.diff", before=before, after=after)
    meaning = "rows mean the same" if document["same_meaning"] else "rows have another meaning"
    different = document["differences"]
    title = f"{document['before']} -> {document['after']}: "
    show(
        document,
        title + (f"{len(different)} differences; {meaning}" if different else "the same"),
        *different,
    )


File = Annotated[Path, typer.Argument(metavar="FILE.toml", help="With [[view]], [[service]], [[entity]].")]


def read(file: Path) -> Declarations:
    """What is in a file."""
    from ag06_plugins.features.verbs.declarations import declared_in  # noqa: PLC0415 - these verbs alone

    return declared_in(file, read_text(file))


def end(file: Path, found: Declarations, problems: list[str], what: str) -> None:
    """Say what it came to; exit 1 when something is wrong."""
    document = {
        "file": str(file),
        "entities": [entity.name for entity in found.entities],
        "views": [view.key for view in found.views],
        "services": [service.name for service in found.services],
        "problems": problems,
    }
    show(document, *([] if problems else [f"{file}: {found} {what}"]))
    for problem in problems:
        typer.echo(f"ag06ctl: {problem}", err=True)
    if problems:
        raise typer.Exit(EXIT_REFUSED)


@app.command()
def apply(file: File) -> None:
    """Have the daemon take what a file declares; what is wrong with it is told, the rest is taken.

    A view that is there keeps its meaning: a change of that needs another version.

    For example: ag06ctl features apply mine.toml
    """
    found = read(file)
    if found.problems:
        end(file, found, found.problems, "")
    body = {
        "entities": [entity.model_dump(mode="json") for entity in found.entities],
        "views": [view.model_dump(mode="json") for view in found.views],
        "services": [service.model_dump(mode="json") for service in found.services],
    }
    with client() as ag06:
        problems = ag06.call("features.apply", **body)["problems"]
    end(file, found, [f"{file}: {problem}" for problem in problems], "taken")


@app.command()
def check(file: File, store: here.Store = None) -> None:
    """Say everything that is wrong with what a file declares; no daemon is needed.

    It is held against what the store of this machine has, if there is one, and against what comes with ag06d.

    For example: ag06ctl features check mine.toml
    """
    found = read(file)
    with here.telling():
        registry = here.registry_of(here.folder_of(store))
    problems = registry.apply(found.views, found.services, found.entities)
    end(file, found, [*found.problems, *(f"{file}: {problem}" for problem in problems)], "can be applied")
