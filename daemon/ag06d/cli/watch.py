"""`ag06ctl watch`: messages as they come, by topic, condition and rate."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ag06d.cli import complete
from ag06d.cli.fields import below, body_of, fields_of, parse_condition, unknown
from ag06d.cli.output import client, nearest, show
from ag06d.cli.verbs import Verbs

if TYPE_CHECKING:
    from ag06d.client import Message

HEARTBEAT = "heartbeat."

app = Verbs()


class Thinner:
    """Lets at most `rate_hz` messages of each topic through, always the newest; None lets all through."""

    def __init__(self, rate_hz: float | None) -> None:
        self._period_s = 1 / rate_hz if rate_hz else 0.0
        self._due_s: dict[str, float] = {}
        self._held: dict[str, Message] = {}

    def take(self, message: Message) -> None:
        """A message comes in, and takes the place of one that is held back."""
        self._held[message.topic] = message

    def due(self, now_s: float) -> Iterator[Message]:
        """Those whose time has come."""
        for topic in [topic for topic in self._held if now_s >= self._due_s.get(topic, now_s)]:
            yield self._held.pop(topic)
            # From when it was due, so that the rate holds on the whole; but never to catch up.
            self._due_s[topic] = max(self._due_s.get(topic, now_s) + self._period_s, now_s)


@app.command()
def watch(
    topics: Annotated[
        list[str],
        typer.Argument(
            help="Topics, such as feature, meters, state; default: all.", autocompletion=complete.topics
        ),
    ] = [],  # noqa: B006 - typer copies it
    count: Annotated[int | None, typer.Option("-n", min=1, help="Stop after so many messages.")] = None,
    rate: Annotated[
        float | None, typer.Option(min=0.001, metavar="HZ", help="At most so many of each topic a second.")
    ] = None,
    where: Annotated[
        str, typer.Option(metavar="EXPR", help="Only where it holds, such as 'wet.momentary_lufs>-20'.")
    ] = "",
    fields: Annotated[str, typer.Option(metavar="A,B", help="Only these fields, or those below them.")] = "",
) -> None:
    """Print messages as they come. What was published and did not arrive is told as "missed".

    For example: ag06ctl watch meters --rate 2 --where 'wet.momentary_lufs>-20' --fields wet.momentary_lufs
    """
    conditions = parse_condition(where) if where else []
    chosen = [name.strip() for name in fields.split(",") if name.strip()]
    with client() as ag06:
        schemas = ag06.call("describe")["topics"]
        wanted = tuple(f"{topic.rstrip('.')}." if topic else "" for topic in topics or [""])
        warn_of_topics(wanted, schemas)
        thinner, missed, left = Thinner(rate), Counter[str](), count
        known: set[str] = set()
        for message in ag06.follow(*wanted, HEARTBEAT):  # which keeps the time for what is held back
            if message.topic.startswith(wanted):
                missed[message.topic] += message.missed
                found = fields_of(body_of(message))
                if topics and message.topic not in known:
                    known.add(message.topic)
                    warn_of_fields(message.topic, found, [*chosen, *(one.field for one in conditions)])
                if all(one.holds(found) for one in conditions):
                    thinner.take(message)
            for ready in thinner.due(time.monotonic()):
                show_message(ready, missed.pop(ready.topic), chosen)
                left = left - 1 if left else None
                if left == 0:
                    return


def warn_of_topics(wanted: Iterable[str], schemas: Mapping[str, Any]) -> None:
    """Say on stderr which topics nobody knows; they may come to be yet."""
    for topic in wanted:
        if topic and not any(f"{known}.".startswith(topic) for known in schemas):
            hint = nearest(topic.rstrip("."), schemas)
            typer.echo(
                f"ag06ctl: there is no topic {topic.rstrip('.')} yet, {hint}; waiting for it", err=True
            )


def warn_of_fields(topic: str, fields: Mapping[str, Any], names: Iterable[str]) -> None:
    """Say on stderr which fields a topic does not have; other messages of it may."""
    for line in unknown(fields, names):
        typer.echo(f"ag06ctl: {topic.rstrip('.')} has {line}", err=True)


def show_message(message: Message, missed: int, chosen: list[str]) -> None:
    """One message, whole or in part; `missed` were published since the one before, and did not arrive."""
    body = body_of(message)
    if chosen:
        fields = fields_of(body)
        body = {field: fields[field] for name in chosen for field in below(fields, name)}
    document: dict[str, Any] = {"topic": message.topic, "header": message.header, "body": body}
    document |= {"missed": missed} if missed else {}
    clock = time.strftime("%H:%M:%S", time.localtime(message.header["t"]))
    content = " ".join(f"{key}={json.dumps(value)}" for key, value in body.items())
    gap = f"missed {missed} " if missed else ""
    show(document, f"{clock} {message.header['pos']:>10} {message.topic} {gap}{content}".rstrip())
    sys.stdout.flush()
