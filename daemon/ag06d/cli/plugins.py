"""`ag06ctl plugins ...`: which there are, what one is, switching it off and on, and looking at it at work."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ag06d.cli import complete
from ag06d.cli.output import client, show
from ag06d.cli.status import plugin_lines
from ag06d.cli.verbs import Verbs, group_with_default

if TYPE_CHECKING:
    from ag06d.client import Client

TRACE_S = 60.0  # asked for at a time, so that it ends soon after we were killed

app = Verbs(
    cls=group_with_default("list"),
    help="Plugins: list, info, enable, disable, trace. Without a verb: list.",
)

Name = Annotated[str, typer.Argument(help="Name of a plugin.", autocompletion=complete.plugins)]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Check, and say what would be done.")]


@app.command("list")
def list_plugins() -> None:
    """The plugins of all hosts.

    For example: ag06ctl plugins list
    """
    with client() as ag06:
        document = ag06.call("plugins.list")
    show(document, *plugin_lines(document["plugins"]))


@app.command()
def info(name: Name) -> None:
    """A plugin: where it comes from, what it offers, its settings, its account.

    For example: ag06ctl plugins info features
    """
    with client() as ag06:
        document = ag06.call("plugins.info", name=name)
    show(document, *info_lines(document))


def info_lines(document: Mapping[str, Any]) -> Iterator[str]:
    """All that is known of a plugin."""
    yield from plugin_lines({document["plugin"]: document})
    package = " ".join(filter(None, (document["distribution"], document["version"])))
    yield f"from     {package or 'a file of the plugin folder' if document['file'] else 'unknown'}"
    if document["file"]:
        yield f"file     {document['file']}"
    if document["api"]:
        yield f"api      {document['api']}; hooks {', '.join(document['hooks'])}"
    for topic in document["topics"]:
        yield f"topic    {topic['name']} on {topic['channel']}: {topic['doc']}"
        units = topic["units"] or [""] * len(topic["fields"])
        for field, unit in zip(topic["fields"], units, strict=True):
            yield f"         {field}" + (f" ({unit})" if unit else "")
    for command in document["commands"]:
        yield f"command  {document['plugin']}.{command['name']}: {command['doc']}"
        for argument, doc in command["arguments"].items():
            yield f"         {argument}: {doc}"
    for setting in document["settings"]:
        value, default = json.dumps(setting["value"]), json.dumps(setting["default"])
        changed = f" (default {default})" if value != default else ""
        yield f"setting  {setting['key']} = {value}{changed}" + (
            f"  {setting['doc']}" if setting["doc"] else ""
        )


@app.command()
def enable(name: Name, *, dry_run: DryRun = False) -> None:
    """Bring back a plugin that was disabled, quarantined or refused; its host begins again.

    For example: ag06ctl plugins enable features
    """
    switch("enable", name, "runs already", dry_run=dry_run)


@app.command()
def disable(name: Name, *, dry_run: DryRun = False) -> None:
    """Take a plugin out of its host, until it is enabled again; its host begins again.

    For example: ag06ctl plugins disable features
    """
    switch("disable", name, "is disabled already", dry_run=dry_run)


def switch(verb: str, name: str, already: str, *, dry_run: bool) -> None:
    """Enable or disable."""
    with client() as ag06:
        document = ag06.request(f"plugins.{verb}", {"name": name}, dry_run=dry_run).body
    done = f"would {verb} {name}" if dry_run else f"{verb}d {name}"
    show(document, done if document["changed"] else f"{name} {already}")


@app.command()
def trace(
    name: Name,
    count: Annotated[int | None, typer.Option("-n", min=1, help="Stop after so many events.")] = None,
) -> None:
    """What happens around a plugin, as it happens: frames, errors, messages, calls.

    For example: ag06ctl plugins trace features -n 20
    """
    with client() as ag06, closing(events(ag06, name)) as happening:
        for number, event in enumerate(happening, start=1):
            show(event, event_line(event))
            sys.stdout.flush()
            if number == count:
                return


def events(ag06: Client, name: str) -> Generator[dict[str, Any], None, None]:
    """Each event with the sample position of its message, asked for again as long as they are wanted."""
    topic = ag06.call("plugins.trace", name=name, seconds=TRACE_S)["topic"]
    asked = time.monotonic()
    try:
        for message in ag06.follow(topic):
            for event in message.body["events"]:
                yield {"pos": message.header["pos"], **event}
            if omitted := message.body["omitted"]:
                yield {"pos": message.header["pos"], "what": "omitted", "events": omitted}
            if time.monotonic() - asked > TRACE_S / 2:
                ag06.call("plugins.trace", name=name, seconds=TRACE_S)
                asked = time.monotonic()
    finally:
        ag06.call("plugins.trace", name=name, seconds=0)


def event_line(event: Mapping[str, Any]) -> str:
    """An event for a person; a traceback on lines of its own."""
    parts = [f"{event['pos']:>10} {event['what']:<8}"]
    parts += [str(event[key]) for key in ("topic", "op", "name") if key in event]
    parts += [f"{event[key]:.1f} us" for key in ("took_us",) if key in event]
    parts += [f"{event[key]} {key}" for key in ("bytes", "events") if key in event]
    if event.get("sent") is False:
        parts.append("dropped")
    return " ".join(parts) + (f"\n{event['traceback'].rstrip()}" if "traceback" in event else "")
