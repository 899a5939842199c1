"""`ag06ctl features push | dead-letters | materialize`: rows that come in, and those that were rejected."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import numpy as np
import typer

from ag06_plugins.features.verbs.declared import known
from ag06_plugins.shared.verbs import times
from ag06_plugins.shared.verbs.progress import progress
from ag06_plugins.shared.verbs.tables import table
from ag06d.cli.files import read_text
from ag06d.cli.output import EXIT_REFUSED, EXIT_USAGE, client, fail, nearest, show
from ag06d.cli.verbs import Verbs

if TYPE_CHECKING:
    from ag06d.client import Client
    from ag06d.plugin import FeatureView

EVENT: Final = "event_time"
CHUNK_BYTES: Final = 256 << 10  # of one request
TIMEOUT_S: Final = 60.0
SHOWN: Final = 20  # rejected rows

app = Verbs()
View = Annotated[str, typer.Argument(metavar="VIEW", help="NAME or NAME@VERSION.", autocompletion=known)]


class To(StrEnum):
    """Where rows go."""

    ONLINE = "online"
    OFFLINE = "offline"
    BOTH = "online_and_offline"


@dataclass(slots=True)
class Rows:
    """Rows of one entity: where each stood in the file (from 1), when it was true, and its values."""

    places: list[int] = field(default_factory=list)
    times_ns: list[int] = field(default_factory=list)
    values: list[list[float]] = field(default_factory=list)


@app.command(context_settings={"ignore_unknown_options": True})
def push(  # noqa: PLR0913 - what there is to say about rows
    view: View,
    values: Annotated[
        list[str] | None, typer.Argument(metavar="[VALUE]...", help="One row, in the order of its columns.")
    ] = None,
    *,
    entity: Annotated[str, typer.Option(metavar="WHICH", help="Whose, such as dry.")] = "",
    file: Annotated[
        Path | None,
        typer.Option(
            help="A CSV with the view's columns, and event_time if they are not of now; - is stdin."
        ),
    ] = None,
    at: Annotated[str, typer.Option(metavar="TIME", help="When the row was true; default: now.")] = "now",
    to: Annotated[To, typer.Option(help="Where rows go.")] = To.BOTH,
) -> None:
    """Add rows; what is wrong with any of them is told, the others are kept. Exit 1 when some were rejected.

    A row in a file says whose it is in a column called like the view's entity, or else it is --entity's.

    For example: ag06ctl features push mood --entity dry 0.7 -1; ag06ctl features push mood --file rows.csv
    """
    if (file is None) == (not values):
        fail("give either the values of a row or --file", EXIT_USAGE)
    with client() as ag06:
        declared = described(ag06, view)
        if file is None:
            rows = {entity: one_row(declared, values or [], at)}
        else:
            rows = {
                which or entity: part for which, part in read_rows(declared, file, read_text(file)).items()
            }
        if "" in rows:
            fail(f"--entity is missing: which {declared.entity}?", EXIT_USAGE)
        accepted, rejected = sent(ag06, declared, rows, to)
    document = {"view": declared.key, "accepted": accepted, "rejected": rejected}
    show(
        document,
        f"{declared.key}: {accepted} rows kept" + (f", {len(rejected)} rejected" if rejected else ""),
    )
    for entry in rejected[:SHOWN]:
        place = f"{file}: row {entry['row']}: " if file else ""
        typer.echo(f"ag06ctl: {place}{entry['reason']}", err=True)
    if len(rejected) > SHOWN:
        more = len(rejected) - SHOWN
        typer.echo(f"ag06ctl: and {more} more; ag06ctl features dead-letters {declared.key}", err=True)
    if rejected:
        raise typer.Exit(EXIT_REFUSED)


def described(ag06: Client, name: str) -> FeatureView:
    """The view of that name, the newest of its versions."""
    from ag06d.plugin import FeatureView  # noqa: PLC0415 - not for --help

    views = ag06.call("features.describe", name=name)["views"]
    if not views:
        fail(f"{name} is a service; rows are pushed to views", EXIT_REFUSED, code="bad_request")
    return max((FeatureView.model_validate(view) for view in views), key=lambda view: view.version)


def one_row(view: FeatureView, values: Sequence[str], at: str) -> Rows:
    """A row from the words of the shell, or exits."""
    columns = view.columns
    if len(values) != len(columns):
        fail(f"{len(values)} values: {view.key} has {len(columns)}, {', '.join(columns[:12])}", EXIT_USAGE)
    try:
        row = [number(text, name) for text, name in zip(values, columns, strict=True)]
        return Rows([1], [times.parse_time(at)], [row])
    except ValueError as error:
        fail(str(error), EXIT_USAGE)


def number(text: str, name: str) -> float:
    """A value, NaN for an empty one; raises ValueError."""
    try:
        return float(text) if text.strip() else float("nan")
    except ValueError:
        raise ValueError(f"{name}: {text!r} is no number") from None


def read_rows(view: FeatureView, file: Path, text: str) -> dict[str, Rows]:
    """The rows of a CSV by entity, "" where it does not say; or exits with the row that is wrong."""
    reader = csv.reader(io.StringIO(text))
    heads = [head.strip() for head in next(reader, [])]
    missing = [name for name in view.columns if name not in heads]
    unknown = [head for head in heads if head not in (*view.columns, EVENT, view.entity)]
    for name in (missing or unknown)[:1]:
        hint = f"{view.key} has {', '.join(view.columns[:12])}" if missing else nearest(name, view.columns)
        what = f"there is no column {name}" if missing else f"{view.key} has no column {name}"
        fail(f"{file}: {what}", EXIT_REFUSED, hint=hint)
    at = {name: heads.index(name) for name in heads}
    found: dict[str, Rows] = {}
    now_ns = times.parse_time("now")
    for place, cells in enumerate(reader, 1):
        if not cells:
            continue
        try:
            if len(cells) != len(heads):
                raise ValueError(f"{len(cells)} values, not {len(heads)}")  # noqa: TRY301 - told below with its row
            moment = times.parse_time(cells[at[EVENT]], now_ns) if EVENT in at else now_ns
            row = [number(cells[at[name]], name) for name in view.columns]
        except ValueError as error:
            fail(f"{file}: row {place}: {error}", EXIT_REFUSED)
        rows = found.setdefault(cells[at[view.entity]].strip() if view.entity in at else "", Rows())
        rows.places.append(place)
        rows.times_ns.append(moment)
        rows.values.append(row)
    return found


def sent(
    ag06: Client, view: FeatureView, rows: Mapping[str, Rows], to: To
) -> tuple[int, list[dict[str, Any]]]:
    """Have the daemon take them, some at a time: how many it kept, and which it did not."""
    accepted, done = 0, 0
    rejected: list[dict[str, Any]] = []
    total = sum(len(part.places) for part in rows.values())
    with progress(f"pushing to {view.key}", total) as tell:
        for entity, part in rows.items():
            for start, values, moments in chunks(view, part):
                body = {"view": view.key, "entity": entity, "to": to.value}
                told = ag06.request("features.push", body, arrays=[values, moments], timeout_s=TIMEOUT_S).body
                accepted += told["accepted"]
                rejected += [
                    {"row": part.places[start + entry["index"]], "entity": entity, "reason": entry["reason"]}
                    for entry in told["rejected"]
                ]
                done += len(moments)
                tell(done)
    return accepted, sorted(rejected, key=lambda entry: int(entry["row"]))


def chunks(view: FeatureView, rows: Rows) -> Iterator[tuple[int, np.ndarray[Any, Any], np.ndarray[Any, Any]]]:
    """Where they begin, rows of the view's dtype and their moments, in pieces that one request can have."""
    values = np.array(rows.values, dtype=np.float64)
    if view.dtype != "float64" and (view.dtype != "int64" or bool((values == np.round(values)).all())):
        values = values.astype(view.dtype)
    moments = np.array(rows.times_ns, dtype=np.int64)
    most = max(1, CHUNK_BYTES // (8 * max(1, len(view.columns))))
    for start in range(0, len(moments), most):
        yield start, values[start : start + most], moments[start : start + most]


@app.command("dead-letters")
def dead_letters(
    view: Annotated[str, typer.Argument(metavar="[VIEW]", help="Default: all.", autocompletion=known)] = "",
    most: Annotated[int, typer.Option("-n", min=1, max=1000, help="At most so many.")] = 20,
) -> None:
    """Rows that were rejected, the newest first, and why.

    For example: ag06ctl features dead-letters level -n 5
    """
    with client() as ag06:
        document = ag06.call("features.dead_letters", view=view, most=most)
    rows = [
        (times.shown(it["created_ns"]), it["view"], it["entity"], times.shown(it["event_ns"]), it["reason"])
        for it in document["dead_letters"]
    ]
    lines = table(("rejected", "view", "entity", "of", "reason"), rows)
    show(document, *(lines if rows else ["no row was rejected"]))


@app.command()
def materialize(view: View, start: times.Start = None, end: times.End = None) -> None:
    """Have the newest row of each entity online that is kept offline, such as after a backfill.

    For example: ag06ctl features materialize mood --start -7d
    """
    with client() as ag06:
        body = {"view": view, "start_ns": start or 0, "end_ns": end}
        document = ag06.request("features.materialize", body, timeout_s=TIMEOUT_S).body
    show(document, f"{document['view']}: the newest rows of {document['entities']} entities were taken")
