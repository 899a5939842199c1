"""`ag06ctl features join | export`: the store's rows as tables for other tools; no daemon is needed."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, cast

import typer

from ag06_plugins.features.verbs import here
from ag06_plugins.features.verbs.references import Entities, Service, one_entity
from ag06_plugins.shared.verbs import times
from ag06_plugins.shared.verbs.progress import progress
from ag06_plugins.shared.verbs.sheets import FORMS, Output, as_sheet, sheet
from ag06_plugins.shared.verbs.tables import table
from ag06d.cli.files import read_text
from ag06d.cli.output import EXIT_USAGE, fail, nearest, show
from ag06d.cli.output import Output as Printed
from ag06d.cli.verbs import Verbs
from ag06d.errors import RequestError

if TYPE_CHECKING:
    import pyarrow as pa

    from ag06_plugins.features.store.offline import Joined
    from ag06_plugins.features.store.offline.export import Form

EVENT: Final = "event_time"
STREAM: Final = {"stream": "dry"}

app = Verbs()


@app.command()
def join(  # noqa: PLR0913 - what there is to say about a join
    file: Annotated[Path, typer.Argument(metavar="TIMES.csv", help="With a column event_time; - is stdin.")],
    features: Annotated[
        str, typer.Option(metavar="REF,...", help="Such as level:mid.rms_db,pitch; or --service.")
    ] = "",
    *,
    service: Service = "",
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            callback=as_sheet,
            metavar="FILE",
            help="A .csv, .parquet or .feather file; default: CSV on stdout.",
        ),
    ] = None,
    time_column: Annotated[str, typer.Option(metavar="NAME", help="Which column has the moments.")] = EVENT,
    entity_column: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=COLUMN", help="Which column says of which entity, such as stream=source."),
    ] = None,
    entity: Entities = None,
    store: here.Store = None,
    as_known: Annotated[
        bool, typer.Option("--as-known", help="Leave out what came later than the moment.")
    ] = False,
    full_names: Annotated[bool, typer.Option("--full-names", help="Call every column VIEW__FIELD.")] = False,
) -> None:
    """For each moment of a table, what was known then: never from after, and not older than it may be.

    Moments are ISO 8601 (local time, unless they say otherwise), or seconds or nanoseconds since the epoch;
    they come back in UTC. All other columns are kept. Where nothing was known, there is no value.

    For example: ag06ctl features join takes.csv --features level:mid.rms_db,pitch:mid.f0 -o table.parquet
    """
    if bool(features) == bool(service):
        fail("name either --features, such as level:mid.rms_db, or a --service", EXIT_USAGE)
    asked: list[str] | str = service or [word.strip() for word in features.split(",") if word.strip()]
    with here.offline(store) as offline:
        rows = entity_rows(file, read_text(file), time_column, renamed(entity_column), one_entity(entity))
        joined = offline.get_historical_features(rows, asked, full_names=full_names, as_known=as_known)
        found = as_table(joined)
        if output is not None:
            with sheet(output) as target:
                target.add({name: found[name] for name in found.column_names})
    document = report(joined) | {"output": str(output) if output else None}
    if output is None:
        if Printed.as_json:
            document["table"] = in_json(found)
        show(document, as_csv(found))
        return
    counts = [(name, str(of["missing"])) for name, of in document["features"].items()]
    lines = table(("feature", "not known"), counts, ("not known",))
    show(document, f"{output}: {document['rows']} rows, {len(counts)} features", *lines)


def as_table(joined: Joined) -> pa.Table:
    """All columns; what was not known is null."""
    import pyarrow as pa  # noqa: PLC0415 - slow to import

    found = joined.rows
    for name, values in joined.features.items():
        found = found.append_column(name, pa.array(values, mask=joined.missing[name]))
    return found


def in_json(found: pa.Table) -> list[dict[str, Any]]:
    """Its rows, with moments as text, and null for what is no number."""
    import pyarrow as pa  # noqa: PLC0415 - slow to import

    for at, field in enumerate(found.schema):
        if pa.types.is_temporal(field.type):
            found = found.set_column(at, field.name, found.column(at).cast(pa.string()))
    return [
        {name: None if value != value else value for name, value in row.items()}  # noqa: PLR0124 - NaN is not
        for row in found.to_pylist()
    ]


def renamed(texts: list[str] | None) -> dict[str, str]:
    """Entity to column, or exits."""
    found = {}
    for text in texts or ():
        key, equals, column = text.partition("=")
        if not (equals and key and column):
            fail(f"--entity-column {text}: write KEY=COLUMN, such as stream=source", EXIT_USAGE)
        found[key] = column
    return found


def entity_rows(
    file: Path, text: str, time_column: str, columns: Mapping[str, str], fixed: Mapping[str, str]
) -> pa.Table:
    """The table of `file` as a join takes it: with moments as int64, and a column of each entity."""
    import pyarrow as pa  # noqa: PLC0415 - slow to import
    import pyarrow.csv  # noqa: PLC0415 - likewise

    texts = {time_column: pa.string()} | dict.fromkeys(columns.values(), pa.string())
    convert = pa.csv.ConvertOptions(column_types=texts, strings_can_be_null=False)
    try:
        found = pa.csv.read_csv(io.BytesIO(text.encode()), convert_options=convert)
    except pa.ArrowInvalid as error:
        raise RequestError("bad_request", f"{file}: is no CSV with a line of names: {error}") from None
    for name in (time_column, *columns.values()):
        if name not in found.column_names:
            hint = nearest(name, found.column_names)
            raise RequestError("bad_request", f"{file}: there is no column {name}", hint)
    try:
        moments = times.parse_times([str(text) for text in found[time_column].to_pylist()])
    except ValueError as error:
        raise RequestError("bad_request", f"{file}: {time_column}: {error}") from None
    at = found.column_names.index(time_column)
    found = found.set_column(at, EVENT, pa.array(moments))
    for key, column in columns.items():
        if key not in found.column_names:
            found = found.append_column(key, found[column])
    for key, which in ((STREAM if "stream" not in fixed else {}) | dict(fixed)).items():
        if key in fixed and key in found.column_names:
            fail(f"--entity {key}={which}: {file} has a column {key}, which says of which", EXIT_USAGE)
        if key not in found.column_names:
            found = found.append_column(key, pa.array([which] * found.num_rows, type=pa.string()))
    return found


def report(joined: Joined) -> dict[str, Any]:
    """How much was known."""
    return {
        "rows": joined.rows.num_rows,
        "features": {
            name: {"missing": int(missing.sum()), "known": int((~missing).sum())}
            for name, missing in joined.missing.items()
        },
    }


def as_csv(found: pa.Table) -> str:
    """As text."""
    import pyarrow as pa  # noqa: PLC0415 - slow to import
    import pyarrow.csv  # noqa: PLC0415 - likewise

    target = pa.BufferOutputStream()
    pa.csv.write_csv(found, target)
    return str(target.getvalue().to_pybytes().decode()).rstrip("\n")


@app.command()
def export(  # noqa: PLR0913 - what there is to say about a stretch of time
    view: Annotated[str, typer.Argument(metavar="[VIEW]", help="NAME or NAME@VERSION; or --service.")] = "",
    *,
    output: Output,
    service: Service = "",
    start: times.Start = None,
    end: times.End = None,
    entity: Entities = None,
    every: Annotated[
        str, typer.Option(metavar="TIME", help="Of a service: at moments so far apart, such as 1s.")
    ] = "",
    store: here.Store = None,
) -> None:
    """Write all rows of a view, or of a service, from --start to --end to a file, of any length.

    A service's features are those known at each row of the first view that it names.

    For example: ag06ctl features export level --start -1h --entity stream=wet --output level.parquet
    """
    if bool(view) == bool(service):
        fail("name either a view, such as level, or a --service", EXIT_USAGE)
    try:
        every_ns = times.span_ns(every) if every else None
    except ValueError as error:
        fail(f"--every: {error}", EXIT_USAGE)
    span_ns = (end or times.parse_time("now")) - (start or 0)
    entities = one_entity(entity) or None
    with here.offline(store) as offline, progress(f"exporting {view or service}", span_ns) as tell:
        count = offline.export(
            view or service,
            output,
            start_ns=start,
            end_ns=times.parse_time("now") if every_ns and end is None else end,
            entities=entities,
            every_ns=every_ns,
            form=cast("Form", FORMS[output.suffix.lower()]),
            progress=lambda at_ns, *_: tell(at_ns - (start or 0)),
        )
    show({"output": str(output), "rows": count}, f"{output}: {count} rows")
