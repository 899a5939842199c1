"""`ag06ctl watch`: messages as they come."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from ag06d.cli import complete
from ag06d.cli.output import client, show
from ag06d.cli.verbs import Verbs

if TYPE_CHECKING:
    from ag06d.client import Message

app = Verbs()


@app.command()
def watch(
    topics: Annotated[
        list[str],
        typer.Argument(
            help="Topics, such as feature, meters, state; default: all.", autocompletion=complete.topics
        ),
    ] = [],  # noqa: B006 - typer copies it
    count: Annotated[int | None, typer.Option("-n", min=1, help="Stop after so many messages.")] = None,
) -> None:
    """Print messages as they come.

    For example: ag06ctl watch meters -n 10
    """
    from ag06d.wire import OWN_TOPICS  # noqa: PLC0415 - numpy is slow to import

    with client() as ag06:
        schemas = ag06.call("describe")["topics"]
        wanted = [topic.rstrip(".") + "." for topic in topics if topic] or [""]
        for topic in wanted:
            if not any(known.startswith(topic) for known in (*OWN_TOPICS, *(f"{name}." for name in schemas))):
                typer.echo(f"ag06ctl: nothing has been published on {topic} yet; waiting for it", err=True)
        for number, message in enumerate(ag06.follow(*wanted), start=1):
            show_message(message)
            if number == count:
                return


def show_message(message: Message) -> None:
    """One message."""
    body = {key: value for key, value in message.body.items() if key != "arrays"}
    body |= {field: float(f"{value:.6g}") for field, value in message.vector.items()}
    document = {"topic": message.topic, "header": message.header, "body": body}
    clock = time.strftime("%H:%M:%S", time.localtime(message.header["t"]))
    content = " ".join(f"{key}={json.dumps(value)}" for key, value in body.items())
    show(document, f"{clock} {message.header['pos']:>10} {message.topic} {content}")
    sys.stdout.flush()
