"""`ag06ctl plot`: a topic over some seconds, or what a slot's chain does now; in the terminal or a PNG."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ag06d.cli import complete
from ag06d.cli.fields import below, body_of, fields_of, unknown
from ag06d.cli.files import Png
from ag06d.cli.output import EXIT_REFUSED, client, fail, nearest, show
from ag06d.cli.verbs import Verbs

if TYPE_CHECKING:
    from ag06d.client import Client

HEARTBEAT = "heartbeat."
FIELDS_MAX = 6  # of those nobody chose
DEFAULT_FIELDS = {"meters.": ("dry.short_term_lufs", "wet.short_term_lufs", "reduction_db.a.comp")}
UNITS = {"db": "dB", "dbtp": "dBTP", "lufs": "LUFS", "lu": "LU", "us": "us", "ms": "ms", "hz": "Hz"}
SILENT_S = 3.0  # a daemon from which nothing is heard for so long is gone

app = Verbs()


@app.command()
def plot(
    target: Annotated[
        str,
        typer.Argument(
            metavar="TOPIC|PATH",
            help="A topic, such as meters; or chain.a, or a stage of it.",
            autocompletion=complete.stages,
        ),
    ],
    output: Png = None,
    seconds: Annotated[float, typer.Option(min=0.1, max=3600, help="How long to listen to a topic.")] = 10.0,
    fields: Annotated[
        str, typer.Option(metavar="A,B", help="These fields of the topic, or those below them.")
    ] = "",
) -> None:
    """Draw what a topic says over some seconds, or what a slot's chain does with its present values.

    For example: ag06ctl plot chain.a.eq; ag06ctl plot meters --seconds 30 --output loudness.png
    """
    chosen = [name.strip() for name in fields.split(",") if name.strip()]
    with client() as ag06:
        if target.split(".")[0] == "chain":
            plot_path(ag06, target.rstrip("."), output)
        else:
            plot_topic(ag06, f"{target.rstrip('.')}.", seconds, chosen, output)


def plot_path(ag06: Client, path: str, output: Path | None) -> None:
    """A slot's chain, or one stage of it."""
    ag06.get(path)  # says so when there is none, and what is near
    _, slot, stage, *_ = [*path.split("."), "", ""]
    if not slot:
        fail(f"{path} is both slots", EXIT_REFUSED, hint="plot chain.a or chain.b")
    prefix = f"chain.{slot}."
    chain = {leaf.removeprefix(prefix): value for leaf, value in ag06.get(prefix.rstrip(".")).items()}
    status = ag06.status()
    rate = int(status["device"]["rate"])
    from ag06d.plot import plot_chain  # noqa: PLC0415 - only this verb draws

    title = f"{f'{prefix}{stage}'.rstrip('.')} now; preset last applied: {status['preset'][slot] or 'none'}"
    drawn = plot_chain(chain, rate, title, stage, output)
    show({"path": path, "rate": rate, "output": str(output) if output else None}, drawn)


def plot_topic(ag06: Client, topic: str, seconds: float, chosen: list[str], output: Path | None) -> None:
    """Listen, then draw."""
    schemas = ag06.call("describe")["topics"]
    if not any(f"{known}.".startswith(topic) for known in schemas):
        name = topic.rstrip(".")
        fail(f"there is no topic {name!r}", EXIT_REFUSED, code="unknown_path", hint=nearest(name, schemas))
    heard = listen(ag06, topic, seconds)
    if not heard:
        fail(f"nothing was published on {topic.rstrip('.')} in {seconds:g} s", EXIT_REFUSED, code="not_ready")
    known = {name: None for row in heard.values() for name in row}
    for line in unknown(known, chosen):
        fail(f"{topic.rstrip('.')} has {line}", EXIT_REFUSED, code="unknown_path")
    drawn = pick(known, chosen or list(DEFAULT_FIELDS.get(topic, ())))
    from ag06d.plot import plot_series  # noqa: PLC0415 - only this verb draws
    from ag06d.plot.series import Series  # noqa: PLC0415 - likewise

    units = {name: unit_of(name, schemas.get(topic.rstrip("."), {})) for name in drawn}
    series = Series.of(seconds, heard, units)
    title = f"{topic.rstrip('.')}, {len(heard)} messages in {seconds:g} s"
    document = {
        "topic": topic,
        "messages": len(heard),
        "fields": units,
        "output": str(output) if output else None,
    }
    show(document, plot_series(series, title, output))


def listen(ag06: Client, topic: str, seconds: float) -> dict[float, Mapping[str, float]]:
    """Time, from the first message on, to the numbers of each."""
    heard: dict[float, Mapping[str, float]] = {}
    first_ns = 0
    until_s = time.monotonic() + seconds
    for message in ag06.follow(topic, HEARTBEAT, timeout_s=SILENT_S):
        if time.monotonic() >= until_s:
            break
        if message.topic.startswith(topic):
            first_ns = first_ns or message.header["mono"]
            heard[(message.header["mono"] - first_ns) / 1e9] = numbers(fields_of(body_of(message)))
    return heard


def numbers(fields: Mapping[str, Any]) -> dict[str, float]:
    """Those of `fields` that can be drawn."""
    return {
        name: float(value)
        for name, value in fields.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }


def pick(known: Mapping[str, Any], chosen: list[str]) -> list[str]:
    """The chosen fields, or the first few."""
    if chosen:
        return [field for name in chosen for field in below(known, name)]
    if len(known) > FIELDS_MAX:
        typer.echo(f"ag06ctl: the first {FIELDS_MAX} of {len(known)} fields; --fields chooses", err=True)
    return list(known)[:FIELDS_MAX]


def unit_of(field: str, schema: Mapping[str, Any]) -> str:
    """From the topic's schema, else from the name."""
    if field in schema.get("fields", ()):
        return str(schema["units"][schema["fields"].index(field)])
    words = field.replace(".", "_").split("_")
    return next((UNITS[word] for word in reversed(words) if word in UNITS), "")
