"""`ag06ctl anomaly ack|label|report`: what people say of alerts, and what it comes to."""

from __future__ import annotations

import getpass
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Annotated, Any, Final

import typer

from ag06_plugins.anomaly.verbs.alerts import Which, plain
from ag06_plugins.shared.verbs.tables import number, table
from ag06_plugins.shared.verbs.times import span_ns
from ag06d.cli.output import client, show
from ag06d.cli.verbs import Verbs

BARS: Final = "▁▂▃▄▅▆▇█"
HEADS: Final = ("kind", "alarms", "per hour", "right", "wrong", "precision", "threshold", "not told")

app = Verbs()


def _span_s(text: str) -> float:
    try:
        return span_ns(text) / 1e9
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def user() -> str:
    """Who asks, as far as the machine knows."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


By = Annotated[str, typer.Option(help="Who says so; default: the user's name.")]
Note = Annotated[str, typer.Option(help="In words.")]


class Judgement(StrEnum):
    """What a label may be."""

    RIGHT = "right"
    WRONG = "wrong"
    NONE = "none"


@app.command()
def ack(
    which: Which = None,
    *,
    by: By = "",
    note: Note = "",
    snooze: Annotated[
        str, typer.Option("--snooze", metavar="SPAN", help="Tell nobody of this kind for 10m, 2h ...")
    ] = "",
) -> None:
    """Say that somebody knows of an alert: nobody is told of it any more.

    For example: ag06ctl anomaly ack --snooze 30m --note "cable was loose"
    """
    body = {"id": which, "by": by or user(), "note": note, "snooze_s": _span_s(snooze) if snooze else 0.0}
    with client() as ag06:
        document = ag06.call("anomaly.ack", **body)
    alert = document["alert"]
    quiet = f"; no {alert['kind']} is told for {snooze}" if snooze else ""
    show(document, f"alert {alert['id']}, {alert['kind']}: seen by {plain(alert['acknowledged_by'])}{quiet}")


@app.command()
def label(
    judgement: Annotated[Judgement, typer.Argument(help="right, wrong, or none to take it back.")],
    which: Which = None,
    *,
    by: By = "",
    note: Annotated[str | None, typer.Option(help="In words.")] = None,
) -> None:
    """Say whether an alert was right: "wrong" raises that detector's threshold, within its bounds.

    For example: ag06ctl anomaly label wrong 17
    """
    said = "" if judgement is Judgement.NONE else judgement.value
    with client() as ag06:
        document = ag06.call("anomaly.label", id=which, label=said, by=by or user(), note=note)
    alert, threshold = document["alert"], document["threshold"]
    moved = ""
    if threshold["before"] != threshold["after"]:
        moved = f"; threshold {threshold['before']:.4g} -> {threshold['after']:.4g} {alert['unit']}".rstrip()
    show(document, f"alert {alert['id']}, {alert['kind']}: {said or 'no label'}{moved}")


@app.command()
def report(
    *, days: Annotated[int, typer.Option(min=1, max=400, help="Of the last so many days.")] = 14
) -> None:
    """How well alerts serve: precision of each kind by your labels, alarms per hour, and their trend.

    `precision` is the share of judged alarms that were right, with its 95 % interval.

    For example: ag06ctl anomaly report --days 30
    """
    with client() as ag06:
        document = ag06.call("anomaly.report", days=days)
    show(document, *lines(document))


def lines(document: Mapping[str, Any]) -> Iterator[str]:
    """The report in words."""
    rate = document["alarms_per_hour"]
    per_hour = "" if rate is None else f": {rate:.3g} an hour"
    yield f"{document['alarms']} alarms in {document['hours']:.1f} h of sound{per_hour}"
    if document["trend"] is not None:
        yield f"second half of these {document['days']} days: {document['trend']:.2f} times the first's rate"
    rates = [day["alarms_per_hour"] for day in document["by_day"]]
    if any(rate is not None for rate in rates):
        yield f"by day  {spark(rates)}  (a dot: not watched)"
    if document["kinds"]:
        yield from table(HEADS, [cells(kind, told) for kind, told in document["kinds"].items()], HEADS[1:])


def spark(rates: list[float | None]) -> str:
    """A bar for each rate, as high as its share of the highest."""
    highest = max((rate for rate in rates if rate), default=0.0)
    return "".join(
        "·" if rate is None else BARS[round(rate / highest * (len(BARS) - 1)) if highest else 0]
        for rate in rates
    )


def cells(kind: str, told: Mapping[str, Any]) -> tuple[str, ...]:
    """A kind's row of the table."""
    precision = "-"
    if told["precision"] is not None:
        low, high = told["interval"]
        precision = f"{told['precision']:.0%} ({low:.0%} to {high:.0%})"
    moved = told["threshold"] is not None and told["threshold"] != told["shipped"]
    return (
        kind,
        str(told["alarms"]),
        "-" if told["alarms_per_hour"] is None else f"{told['alarms_per_hour']:.3g}",
        str(told["right"]),
        str(told["wrong"]),
        precision,
        "-"
        if told["threshold"] is None
        else number(told["threshold"]) + (f" (was {number(told['shipped'])})" if moved else ""),
        str(told["silent"]),
    )
