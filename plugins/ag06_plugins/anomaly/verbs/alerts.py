"""`ag06ctl anomaly list|show|status`: what was wrong, when, how gravely, and the evidence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import numpy as np
import numpy.typing as npt
import typer

from ag06_plugins.shared.verbs import times
from ag06_plugins.shared.verbs.tables import number, seconds, table
from ag06d.cli.files import TERMINAL, DrawingCommand, drawing
from ag06d.cli.output import EXIT_REFUSED, client, fail, show
from ag06d.cli.verbs import Verbs
from ag06d.errors import PlotError

if TYPE_CHECKING:
    from ag06d.client import Client
    from ag06d.plot.series import Series

HEADS: Final = ("id", "when", "kind", "channel", "severity", "lasted", "")
DAY_CUT: Final = len("2026-")
Which = Annotated[
    int | None, typer.Argument(metavar="[ID]", help="The alert's number; default: the last one.")
]

app = Verbs()


@app.command("list")
def list_(  # noqa: PLR0913 - what there is to search by
    text: Annotated[str, typer.Argument(help="Words in kind, evidence or note.")] = "",
    *,
    kind: Annotated[str, typer.Option(help="Of this kind alone.")] = "",
    least: Annotated[str, typer.Option("--severity", help="At least low, medium, high or critical.")] = "low",
    start: times.Start = None,
    end: times.End = None,
    label: Annotated[str, typer.Option(help="Judged right or wrong.")] = "",
    still: Annotated[bool, typer.Option("--open", help="Those that are not over.")] = False,
    injected: Annotated[bool, typer.Option("--injected", help="Of injected faults too.")] = False,
    most: Annotated[int, typer.Option("-n", min=1, max=1000, help="How many at most.")] = 30,
) -> None:
    """Alerts, the newest first; those that nobody was told of are marked with the reason.

    For example: ag06ctl anomaly list --start -2h --severity medium
    """
    body = {
        "text": text,
        "kind": kind,
        "least": least,
        "since_ns": start,
        "until_ns": end,
        "label": label,
        "state": "open" if still else "",
        "injected": injected,
        "most": most,
    }
    with client() as ag06:
        document = ag06.call("anomaly.list", **body)
    alerts = document["alerts"]
    if not alerts:
        show(document, "no alerts")
        return
    show(document, *table(HEADS, [cells(alert) for alert in alerts], ("id", "lasted")))


def cells(alert: Mapping[str, Any]) -> tuple[str, ...]:
    """An alert's row of the table."""
    also = f" +{' +'.join(alert['also'])}" if alert["also"] else ""
    return (
        str(alert["id"]),
        times.shown(alert["start_ns"])[DAY_CUT:].replace("T", " "),
        alert["kind"] + also,
        alert["channel"],
        alert["severity"],
        seconds(alert["seconds"]),
        ", ".join(marks(alert)),
    )


def marks(alert: Mapping[str, Any]) -> Iterator[str]:
    """What else is to be said of an alert, a word each."""
    if alert["state"] == "open":
        yield "OPEN"
    if alert["injected"]:
        yield "injected"
    if alert["silent"]:
        yield {"rate": "not told: too many", "quiet": "not told: quiet time", "snoozed": "not told: snoozed"}[
            alert["silent"]
        ]
    if alert["acknowledged_by"]:
        yield f"seen by {plain(alert['acknowledged_by'])}"
    if alert["label"]:
        yield alert["label"]
    if alert["clip"]:
        yield "clip"


@app.command("show", cls=DrawingCommand)
def show_(
    which: Which = None,
    *,
    plot: Annotated[str | None, drawing("Draw: into this PNG, else in the terminal.")] = None,
    feature: Annotated[
        str, typer.Option(help="Draw this feature of the store around it, such as level:left.rms_db.")
    ] = "",
    around: Annotated[float, typer.Option("--seconds", min=0.1, max=3600, help="So much of it.")] = 5.0,
) -> None:
    """One alert with its evidence, and the measure that it goes by around its beginning.

    For example: ag06ctl anomaly show 17 --plot
    """
    with client() as ag06:
        reply = ag06.request("anomaly.show", {"id": which})
        body = {key: value for key, value in reply.body.items() if key != "arrays"}
        alert = body["alert"]
        lines = list(told(body))
        output = None if plot in (None, TERMINAL) else Path(str(plot))
        try:
            if feature:
                lines += stored(ag06, feature, alert, around, output)
            elif len(reply.arrays[0]):
                lines += measured(body, np.asarray(reply.arrays[0], dtype=np.float64), output)
        except PlotError as error:
            fail(str(error), EXIT_REFUSED)
    trace = [float(value) for value in reply.arrays[0]]
    show(body | {"trace": trace, "output": str(output) if output else None}, *lines)


def told(body: Mapping[str, Any]) -> Iterator[str]:
    """An alert in words."""
    alert = body["alert"]
    yield f"alert {alert['id']}: {alert['text']}"
    if body["doc"]:
        yield f"  {body['doc']}"
    rows = [
        ("began", f"{times.shown(alert['start_ns'])}, sample {alert['start']}"),
        ("lasted", seconds(alert["seconds"]) + (", and goes on" if alert["state"] == "open" else "")),
        ("severity", alert["severity"]),
        ("channel", alert["channel"]),
        ("seen by", ", ".join(alert["detectors"])),
        ("score", f"{alert['score']:.3f}"),
        *((name, shown(value)) for name, value in alert["evidence"].items()),
        *((name, str(value)) for name, value in alert["about"].items()),
        ("marks", ", ".join(marks(alert))),
        ("note", alert["note"]),
        ("clip", body["clip_path"]),
    ]
    width = max(len(name) for name, _ in rows)
    yield from (f"  {name:<{width}}  {plain(value)}" for name, value in rows if value)


def plain(words: str) -> str:
    """What any client may have said, as one line that tells a terminal nothing but its letters."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in words)


def shown(value: float | str) -> str:
    """A piece of evidence."""
    return value if isinstance(value, str) else number(value)


def measured(body: Mapping[str, Any], trace: npt.NDArray[np.float64], output: Path | None) -> list[str]:
    """Draw the measure around the alert; raises PlotError."""
    alert = body["alert"]
    at = body["trace_start_s"] + np.arange(len(trace)) * body["trace_step_s"]
    beyond = np.full(len(trace), float(alert["threshold"]))
    names = {body["measure"]: trace, "threshold": beyond}
    title = f"alert {alert['id']}: {alert['kind']}, which begins at {-at[0]:.2f} s"
    return [drawn(at - at[0], names, alert["unit"] or "value", title, output)]


def stored(
    ag06: Client, feature: str, alert: Mapping[str, Any], around_s: float, output: Path | None
) -> list[str]:
    """Draw a feature of the store around the alert; raises PlotError."""
    before_ns = round(around_s / 2 * 1e9)
    body = {
        "features": [feature],
        "start_ns": max(0, alert["start_ns"] - before_ns),
        "end_ns": alert["start_ns"] + before_ns,
        "points": 600,
    }
    reply = ag06.request("features.history", body, timeout_s=60.0)
    at_ns, values = reply.arrays[0], reply.arrays[1]
    if not len(at_ns):
        raise PlotError(f"{feature}: nothing is kept of that time")
    at = (at_ns - body["start_ns"]) / 1e9
    title = f"alert {alert['id']}: {alert['kind']}, which begins at {around_s / 2:.2f} s"
    return [drawn(at, {feature: values[:, 0]}, "value", title, output)]


def drawn(
    at: npt.NDArray[np.float64],
    curves: Mapping[str, npt.NDArray[np.float64]],
    unit: str,
    title: str,
    output: Path | None,
) -> str:
    """A figure in the terminal, or the name of its file; raises PlotError."""
    from ag06d.plot import plot_series  # noqa: PLC0415 - slow to import
    from ag06d.plot.series import Series  # noqa: PLC0415 - likewise

    heard = {
        moment: {name: float(curve[i]) for name, curve in curves.items()}
        for i, moment in enumerate(at.tolist())
    }
    series: Series = Series.of(float(at[-1]) or 1.0, heard, dict.fromkeys(curves, unit))
    return plot_series(series, title, output)


@app.command()
def status() -> None:
    """What is open now, and how detection, history and clips stand.

    For example: ag06ctl anomaly status
    """
    with client() as ag06:
        document = ag06.call("anomaly.status")
    show(document, *standing(document))


def standing(document: Mapping[str, Any]) -> Iterator[str]:
    """The status in words."""
    open_ = document["open"]
    if open_:
        yield from table(HEADS, [cells(alert) for alert in open_], ("id", "lasted"))
    else:
        yield "nothing is wrong"
    yield f"watched   {document['frames']} hops of 10 ms"
    if document["limited"]:
        yield f"limits    {document['limited']} alerts were not told, for there were too many"
    for kind, until_s in document["snoozed"].items():
        yield f"snoozed   {kind} until {times.shown(round(until_s * 1e9), millis=False)}"
    history, clips = document["history"], document["clips"]
    if history["trouble"]:
        yield f"history   TROUBLE: {history['trouble']}; {history['lost']} alerts were lost"
    if history["set_aside"]:
        yield f"history   could not be read and was put aside: {history['set_aside']}"
    if clips["kept"]:
        yield (
            f"clips     {clips['made']} made, {clips['skipped']} skipped, {clips['failed']} failed, in "
            f"{clips['folder']}" + (f"; TROUBLE: {clips['trouble']}" if clips["trouble"] else "")
        )
    if document["statistics"] is not None:
        yield from learned(document["statistics"])


def learned(statistics: Mapping[str, Any]) -> Iterator[str]:
    """What is known of this studio's own sound."""
    kinds = [of_kind(context, statistics["warm_up_s"]) for context in statistics["contexts"]]
    trouble = f"; TROUBLE: {statistics['trouble']}" if statistics["trouble"] else ""
    yield f"learned   {', '.join(kinds) or 'nothing yet'}{trouble}"
    forest = statistics["forest"]
    if forest is None:
        return
    asked = f"of {forest['trees']} trees is asked" if forest["asked"] else "none yet"
    grown = "growing" if forest["running"] else f"grown {forest['refits']} times"
    trouble = f"; TROUBLE: {forest['trouble']}" if forest["trouble"] else ""
    yield f"forest    {asked}, {grown}, {seconds(forest['rows'])} to grow it on{trouble}"


def of_kind(context: Mapping[str, Any], warm_up_s: float) -> str:
    """How much of a kind of sound was heard, and whether something is said of it."""
    name = f"{context['heard']} under {context['context']}" if context["context"] else str(context["heard"])
    left_s = max(warm_up_s - context["seconds"], 0)
    heard = f"{name} {seconds(context['seconds'])}"
    return heard if context["warm"] else f"{heard} (warming up, {seconds(left_s)} to go)"
