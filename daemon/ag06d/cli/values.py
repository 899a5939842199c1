"""`ag06ctl get | set | describe`: the state tree; what is printed can be pasted back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from ag06d.cli import complete
from ag06d.cli.output import client, literal, show
from ag06d.cli.verbs import Verbs
from ag06d.errors import RequestError

ASSIGNMENT = re.compile(r"(?P<path>[a-z0-9_.]+?)(?P<operator>=\+|\+=|-=|=!|=|!|\+)(?P<value>.*)", re.DOTALL)
INTEGER_MAX = 2**63  # what the protocol can carry; a larger one is sent as a float

app = Verbs()


def parse_value(text: str) -> Any:  # noqa: ANN401 - a leaf
    """A value from the shell: a number, true or false, on or off, else a string."""
    lowered = text.lower()
    if lowered in ("true", "on", "yes", "false", "off", "no"):
        return lowered in ("true", "on", "yes")
    for kind in (int, float):
        try:
            value = kind(text)
        except ValueError:
            continue
        if kind is float or abs(value) < INTEGER_MAX:
            return value
    return text


def parse_assignment(text: str) -> tuple[str, Any]:
    """`PATH=VALUE`, `PATH=+STEP`, `PATH+=STEP`, `PATH-=STEP`, `PATH=!`; raises typer.BadParameter."""
    match = ASSIGNMENT.fullmatch(text)
    if match is None:
        raise typer.BadParameter(f"{text!r}: write PATH=VALUE, PATH=+STEP, PATH-=STEP or PATH=!")
    path, operator, value = match["path"], match["operator"], match["value"]
    if operator in ("!", "=!"):
        if value:
            raise typer.BadParameter(f"{text!r}: nothing may stand behind the ! of PATH=!")
        return path, {"toggle": True}
    if operator == "=":
        return path, parse_value(value)
    step = parse_value(value)
    if isinstance(step, bool | str):
        raise typer.BadParameter(f"{text!r}: {value!r} is no number to step by")
    return path, {"add": -step if operator == "-=" else step}


@app.command()
def get(
    path: Annotated[str, typer.Argument(help="A path; empty for all.", autocompletion=complete.paths)] = "",
) -> None:
    """Print the state tree, or what is below PATH, as `set` takes it.

    For example: ag06ctl get chain.a.comp
    """
    with client() as ag06:
        found = ag06.get(path.rstrip("."))
    settable = {leaf: value for leaf, value in found.items() if not leaf.startswith("preset.")} or found
    show(found, *(f"{leaf}={literal(value)}" for leaf, value in settable.items()))


@app.command("set")
def set_values(
    assignments: Annotated[
        list[str],
        typer.Argument(
            help="PATH=VALUE, PATH=+STEP, PATH-=STEP, PATH=! (toggle)", autocompletion=complete.assignments
        ),
    ],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check, and say what would change.")] = False,
) -> None:
    """Change the state tree; all assignments are made, or none.

    For example: ag06ctl set chain.a.comp.threshold_db=-30 audio.mute=!
    """
    changes = dict(parse_assignment(text) for text in assignments)
    with client() as ag06:
        try:
            reply = ag06.request("set", {"changes": changes}, dry_run=dry_run).body
        except RequestError as error:
            raise in_words(error, changes, ag06.call("describe")["paths"]) from error
    would = "would set " if dry_run else ""
    lines = [f"{would}{leaf}={literal(value)}" for leaf, value in reply["changed"].items()]
    show(reply, *(lines or ["nothing to change"]))


def in_words(
    error: RequestError, changes: Mapping[str, Any], paths: Mapping[str, Mapping[str, Any]]
) -> RequestError:
    """`error` as who typed the assignment would say it, where it speaks of how it was sent."""
    path = re.split("[: ]", error.message, maxsplit=1)[0]
    change = changes.get(path)
    if path not in paths or not isinstance(change, dict):
        return error
    allowed = f"{path} is {complete.ranges(paths[path])}"
    if "toggle" in change:
        return RequestError(error.code, f"{path}=!: there is nothing to turn over", allowed)
    if paths[path]["kind"] in ("bool", "str") or paths[path]["choices"]:
        return RequestError(error.code, f"{path}: there is nothing to add {change['add']:+g} to", allowed)
    return RequestError(error.code, f"{path}: {change['add']:+g} would leave its range", allowed)


@app.command()
def describe(
    path: Annotated[str, typer.Argument(help="A path; empty for all.", autocompletion=complete.paths)] = "",
) -> None:
    """What can be set: every path below PATH with its range, unit, default, and what it is now.

    For example: ag06ctl describe chain.a.comp
    """
    with client() as ag06:
        now = ag06.get(path.rstrip("."))
        paths = ag06.call("describe")["paths"]
    document = {leaf: paths[leaf] | {"value": value} for leaf, value in now.items()}
    rows = [("path", "allowed", "default", "now", "meaning")]
    rows += [
        (leaf, complete.ranges(it), literal(it["default"]), literal(it["value"]), it["doc"])
        for leaf, it in document.items()
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
    show(document, *lines)
