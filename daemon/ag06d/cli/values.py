"""`ag06ctl get | set`: the state tree; what is printed can be pasted back."""

from __future__ import annotations

import re
from typing import Annotated, Any

import typer

from ag06d.cli.output import client, literal, show
from ag06d.cli.verbs import Verbs

ASSIGNMENT = re.compile(r"(?P<path>[a-z0-9_.]+?)(?P<operator>=\+|\+=|-=|=!|=|!|\+)(?P<value>.*)", re.DOTALL)

app = Verbs()


def parse_value(text: str) -> Any:  # noqa: ANN401 - a leaf
    """A value from the shell: a number, true or false, on or off, else a string."""
    lowered = text.lower()
    if lowered in ("true", "on", "yes", "false", "off", "no"):
        return lowered in ("true", "on", "yes")
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def parse_assignment(text: str) -> tuple[str, Any]:
    """`PATH=VALUE`, `PATH=+STEP`, `PATH+=STEP`, `PATH-=STEP`, `PATH=!`; raises typer.BadParameter."""
    match = ASSIGNMENT.fullmatch(text)
    if match is None:
        raise typer.BadParameter(f"{text!r}: write PATH=VALUE, PATH=+STEP, PATH-=STEP or PATH=!")
    path, operator, value = match["path"], match["operator"], match["value"]
    if operator in ("!", "=!"):
        return path, {"toggle": True}
    if operator == "=":
        return path, parse_value(value)
    step = parse_value(value)
    if isinstance(step, bool | str):
        raise typer.BadParameter(f"{text!r}: {value!r} is no number to step by")
    return path, {"add": -step if operator == "-=" else step}


@app.command()
def get(path: Annotated[str, typer.Argument(help="A path; empty for all.")] = "") -> None:
    """Print the state tree, or what is below PATH, as `set` takes it."""
    with client() as ag06:
        values = ag06.get(path)
    settable = {leaf: value for leaf, value in values.items() if not leaf.startswith("preset.")} or values
    show(values, *(f"{leaf}={literal(value)}" for leaf, value in settable.items()))


@app.command("set")
def set_values(
    assignments: Annotated[
        list[str], typer.Argument(help="PATH=VALUE, PATH=+STEP, PATH-=STEP, PATH=! (toggle)")
    ],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check, and say what would change.")] = False,
) -> None:
    """Change the state tree; all assignments are made, or none.

    For example: ag06ctl set chain.a.comp.threshold_db=-30 audio.mute=!
    """
    changes = dict(parse_assignment(text) for text in assignments)
    with client() as ag06:
        reply = ag06.request("set", {"changes": changes}, dry_run=dry_run).body
    would = "would set " if dry_run else ""
    lines = [f"{would}{leaf}={literal(value)}" for leaf, value in reply["changed"].items()]
    show(reply, *(lines or ["nothing to change"]))
