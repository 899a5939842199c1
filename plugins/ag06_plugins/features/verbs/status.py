"""`ag06ctl features status`: how fresh each view is, what is kept, and what is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final

import typer

from ag06_plugins.features.verbs.listed import parted
from ag06_plugins.shared.verbs.tables import names, seconds, size, table
from ag06d.cli.output import client, show
from ag06d.cli.verbs import Verbs

HEADS: Final = ("view", "entities", "age", "ttl", "rows", "rejected", "gaps", "late", "in time", "")
NUMBERS: Final = HEADS[2:-2]

app = Verbs()


@app.command()
def status(
    *, every: Annotated[bool, typer.Option("--all", help="A line for each view of statistics too.")] = False
) -> None:
    """How old and how complete each view is, what is kept of it, and what is wrong.

    `age` is that of the newest row, `ttl` how old it may be; `late` how long rows take to come; `in time` the
    share of reads that found a row that counts. All since the daemon has the plugin running.

    For example: ag06ctl features status
    """
    with client() as ag06:
        document = ag06.call("features.status")
    listed, statistics = (document["views"], {}) if every else parted(document["views"])
    lines = table(HEADS, [cells(key, view) for key, view in listed.items()], NUMBERS)
    show(document, *lines, *together(statistics), *writing(document["writing"]), *keeper(document["keeper"]))
    for problem in document["problems"]:
        typer.echo(f"ag06ctl: not declared: {problem}", err=True)


def cells(key: str, view: Mapping[str, Any]) -> tuple[str, ...]:
    """A view's row of the table."""
    share = view["reads_within_ttl"]
    gaps = f"{view['gaps']}" + (f" ({seconds(view['missing_s'])})" if view["gaps"] else "")
    return (
        key,
        names(view["entities"]),
        seconds(view["age_s"]),
        seconds(view["ttl_s"]),
        str(view["rows"]),
        str(view["rejected"]),
        gaps,
        seconds(view["lateness_s"]) if view["rows"] else "-",
        "-" if share is None else f"{share:.1%} of {view['reads']}",
        "STALE" if view["stale"] else "",
    )


def together(views: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Many views in one line."""
    if not views:
        return
    stale = [key for key, view in views.items() if view["stale"]]
    ages = [view["age_s"] for view in views.values() if view["age_s"] is not None]
    counts = {key: sum(view[key] for view in views.values()) for key in ("rows", "rejected", "gaps")}
    age = f"the oldest {seconds(max(ages))} old" if ages else "none with rows yet"
    told = ", ".join(f"{count} {key}" for key, count in counts.items())
    yield f"{len(views)} views of statistics: {age}, {told}" + (f"; STALE {names(stale)}" if stale else "")


def writing(told: Mapping[str, Any]) -> Iterator[str]:
    """Whether rows reach the disk."""
    kept = f"to {told['folder']}" if told["kept"] else "nowhere: only the newest rows are there, in memory"
    yield f"writing  {kept}; {told['waiting_rows']} rows wait, {told['lost_rows']} were lost"
    if told["trouble"]:
        yield f"         TROUBLE: {told['trouble']}"


def keeper(told: Mapping[str, Any]) -> Iterator[str]:
    """What is on the disk, and whether somebody sees to it."""
    if not told:
        return
    yield (
        f"kept     {size(told['bytes'])} in {told['files']} files, {size(told['log_bytes'])} in the log; "
        f"{size(told['free_bytes'])} free on that disk"
    )
    yield f"keeper   pid {told['pid']}, {told['sealed_segments']} segments of the log sealed"
    if told["trouble"]:
        yield f"         TROUBLE: {told['trouble']}"
