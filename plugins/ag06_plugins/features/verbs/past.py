"""`ag06ctl features history`: values over time, as a table, as CSV or as a figure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import numpy as np
import numpy.typing as npt
import typer

from ag06_plugins.features.verbs.references import Entities, References, Service, one_entity, units, wanted
from ag06_plugins.shared.verbs import times
from ag06_plugins.shared.verbs.tables import seconds, table
from ag06d.cli.files import TERMINAL, DrawingCommand, drawing
from ag06d.cli.output import EXIT_REFUSED, EXIT_USAGE, client, fail, show
from ag06d.cli.verbs import Verbs
from ag06d.errors import PlotError

if TYPE_CHECKING:
    from ag06d.plot.series import Series

LINES: Final = 20  # of a table that nobody said more of
DOTS: Final = 120  # beside each other in a figure on a terminal
POINTS: Final = 600  # of a PNG or CSV
COLUMNS_MAX: Final = 8  # of a table on a terminal
DRAWN_MAX: Final = 12
GAP_STEPS: Final = 4  # a pause of so many usual steps is not drawn over
DAY_NS: Final = 86_400 * 10**9
TIMEOUT_S: Final = 60.0

app = Verbs()


@dataclass(frozen=True, slots=True)
class Line:
    """A feature over time: nanoseconds since the epoch (n,), and values (n,)."""

    name: str
    unit: str
    times_ns: npt.NDArray[np.int64]
    values: npt.NDArray[np.float64]


@app.command(cls=DrawingCommand)
def history(  # noqa: PLR0913 - what there is to say about a stretch of time
    references: References = None,
    service: Service = "",
    entity: Entities = None,
    *,
    length: Annotated[
        float, typer.Option("--seconds", min=0.01, help="How long, to the end; or say --start.")
    ] = 60.0,
    start: times.Start = None,
    end: times.End = None,
    points: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=10_000,
            help=f"Means over so many parts; default: {LINES}, drawn {DOTS}, CSV {POINTS}.",
        ),
    ] = None,
    plot: Annotated[str | None, drawing("Draw: into this PNG, else in the terminal.")] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
) -> None:
    """Values over time, of the last minute or from --start to --end, in the store's own numbers.

    A long stretch comes as means over equal parts of it; --points says how many.

    For example: ag06ctl features history level:mid.rms_db pitch:mid.f0 --seconds 30 --plot
    """
    body = wanted(references, service) | {"seconds": length, "start_ns": start, "end_ns": end}
    usual = POINTS if as_csv else LINES if plot is None else DOTS if plot == TERMINAL else POINTS
    body["points"] = points or usual
    if entities := one_entity(entity):
        body["entities"] = entities
    if start is not None and end is not None and end <= start:
        fail("--end is not after --start", EXIT_USAGE)
    with client() as ag06:
        reply = ag06.request("features.history", body, timeout_s=TIMEOUT_S)
        names = [f"{s['view'].partition('@')[0]}:{name}" for s in reply.body["series"] for name in s["names"]]
        lines = lines_of(reply.body["series"], reply.arrays, units(ag06, names))
    document = told(reply.body, lines)
    if not any(len(line.times_ns) for line in lines):
        nothing(reply.body)
    if plot:
        output = None if plot == TERMINAL else Path(plot)
        try:
            drawn = draw(lines, reply.body["start_ns"], reply.body["end_ns"], output)
        except PlotError as error:
            fail(str(error), EXIT_REFUSED)
        show(document | {"output": str(output) if output else None}, drawn)
    elif as_csv:
        show(document, text(lines).rstrip("\n"))
    else:
        show(document, *in_a_table(lines))


def nothing(body: Mapping[str, Any]) -> None:
    """Say so, and exit."""
    span = f"from {times.shown(body['start_ns'])} to {times.shown(body['end_ns'])}"
    views = ", ".join(f"{series['view']} of {series['entity']}" for series in body["series"])
    fail(f"nothing is kept of {views} {span}", EXIT_REFUSED, code="not_ready", hint="see features status")


def lines_of(
    series: Sequence[Mapping[str, Any]], arrays: Sequence[npt.NDArray[Any]], unit: Mapping[str, str]
) -> list[Line]:
    """The answer, feature by feature."""
    found = []
    for at, of in enumerate(series):
        times_ns, values = arrays[2 * at], arrays[2 * at + 1]
        for column, name in enumerate(of["names"]):
            feature = f"{of['view'].partition('@')[0]}:{name}"
            found.append(Line(feature, unit[feature], times_ns, values[:, column]))
    return found


def told(body: Mapping[str, Any], lines: Sequence[Line]) -> dict[str, Any]:
    """As a document; NaN is null."""
    return {
        "start_ns": body["start_ns"],
        "end_ns": body["end_ns"],
        "features": [
            {
                "feature": line.name,
                "unit": line.unit,
                "times_ns": line.times_ns.tolist(),
                "values": [value if np.isfinite(value) else None for value in line.values.tolist()],
            }
            for line in lines
        ],
    }


def rows_of(lines: Sequence[Line]) -> Iterator[tuple[int, list[float | None]]]:
    """Every moment at which something is known, and the value of each feature there.

    Means over the same part of the time, of views whose rows are not of the same moments, stand together.
    """
    moments = np.unique(np.concatenate([line.times_ns for line in lines]))
    widest = max(lines, key=lambda line: len(line.times_ns)).times_ns
    near = np.median(np.diff(widest)) / 2 if len(widest) > 1 else 0
    starts = moments[np.diff(moments, prepend=moments[:1] - near - 1) > near]
    if any(len(np.unique(_row_numbers(starts, line))) < len(line.times_ns) for line in lines):
        starts = moments
    rows: list[list[float | None]] = [[None] * len(lines) for _ in starts]
    for at, line in enumerate(lines):
        for number, value in zip(_row_numbers(starts, line).tolist(), line.values.tolist(), strict=True):
            rows[number][at] = value if np.isfinite(value) else None
    yield from zip(starts.tolist(), rows, strict=True)


def _row_numbers(starts: npt.NDArray[np.int64], line: Line) -> npt.NDArray[np.intp]:
    return np.searchsorted(starts, line.times_ns, side="right") - 1


def in_a_table(lines: Sequence[Line]) -> list[str]:
    """The first few features side by side."""
    shown = lines[:COLUMNS_MAX]
    if len(lines) > len(shown):
        typer.echo(f"ag06ctl: the first {len(shown)} of {len(lines)} features; --csv prints all", err=True)
    heads = [f"{line.name} {line.unit}".rstrip() for line in shown]
    moments = [time_ns for line in shown for time_ns in line.times_ns[[0, -1][: len(line.times_ns)]].tolist()]
    cut = 0 if max(moments) - min(moments) > DAY_NS else len("2026-03-01T")
    rows = [
        (
            times.shown(time_ns)[cut:],
            *("-" if value is None else f"{value:.5g}" for value in row),
        )
        for time_ns, row in rows_of(shown)
    ]
    return table(("time", *heads), rows, heads)


def text(lines: Sequence[Line]) -> str:
    """As CSV."""
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(["event_time", *(line.name for line in lines)])
    for time_ns, row in rows_of(lines):
        writer.writerow([time_ns, *("" if value is None else f"{value:.7g}" for value in row)])
    return target.getvalue()


def draw(lines: Sequence[Line], start_ns: int, end_ns: int, output: Path | None) -> str:
    """In the terminal, or into a PNG."""
    from ag06d.plot import plot_series  # noqa: PLC0415 - only this draws

    drawn = lines[:DRAWN_MAX]
    if len(lines) > len(drawn):
        message = f"the first {len(drawn)} of {len(lines)} features; name those that are to be drawn"
        typer.echo(f"ag06ctl: {message}", err=True)
    title = f"{seconds((end_ns - start_ns) / 1e9)} from {times.shown(start_ns, millis=False)} on"
    return plot_series(series(drawn, start_ns, end_ns), title, output)


def series(lines: Sequence[Line], first_ns: int, last_ns: int) -> Series:
    """On one axis of time, seconds from `first_ns`; raises PlotError when no value is known."""
    from ag06d.plot.series import Series  # noqa: PLC0415 - only this draws

    gaps = [gaps_of(line.times_ns) for line in lines]
    every = np.unique(np.concatenate([*(line.times_ns for line in lines), *gaps]))
    values, at = {}, (every - first_ns) / 1e9
    for line, between in zip(lines, gaps, strict=True):
        known = np.isfinite(line.values)
        drawn = np.full(len(every), np.nan)
        if known.any():
            own = (line.times_ns[known] - first_ns) / 1e9
            drawn = np.interp(at, own, line.values[known], left=np.nan, right=np.nan)
            drawn[np.isin(every, between)] = np.nan
        values[line.name] = drawn
    heard = {s: {name: float(curve[i]) for name, curve in values.items()} for i, s in enumerate(at.tolist())}
    return Series.of((last_ns - first_ns) / 1e9, heard, {line.name: line.unit for line in lines})


def gaps_of(times_ns: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """A moment within each pause that is longer than usual, at which nothing is to be drawn."""
    steps = np.diff(times_ns)
    wide = np.flatnonzero(steps > GAP_STEPS * np.median(steps)) if len(steps) else np.empty(0, np.int64)
    return np.asarray(times_ns[wide] + steps[wide] // 2, dtype=np.int64)
