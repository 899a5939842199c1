"""`ag06ctl preset ...`: list, show, apply, save, compare, undo, exchange and draw presets."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from ag06d.cli import complete
from ag06d.cli.files import STANDARD, Png, read_text, write_text
from ag06d.cli.output import EXIT_REFUSED, EXIT_USAGE, client, fail, literal, show
from ag06d.cli.verbs import Verbs
from ag06d.errors import Ag06Error

app = Verbs(help="Presets: list, show, apply, save, compare, undo, exchange, draw.")


class SlotName(StrEnum):
    """A slot of the chain."""

    a = "a"
    b = "b"


Name = Annotated[str, typer.Argument(help="Name of a preset.", autocompletion=complete.presets)]
Slot = Annotated[SlotName | None, typer.Option(help="Which slot; default: the one that is heard.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Check, and say what would be done.")]


@app.command("list")
def list_presets() -> None:
    """All presets.

    For example: ag06ctl preset list
    """
    with client() as ag06:
        document = ag06.call("preset.list")
    lines = [f"{preset['name']:<16} {preset['description']}" for preset in document["presets"]]
    show(document, *lines, *(f"unreadable: {problem}" for problem in document["problems"]))


@app.command("show")
def show_preset(name: Name) -> None:
    """One preset with its chain.

    For example: ag06ctl preset show broadcast
    """
    with client() as ag06:
        document = ag06.call("preset.show", name=name)
    lines = [f"{document['name']} ({document['origin']}): {document['description']}"]
    for stage, values in document["chain"].items():
        lines.append(f"{stage}: " + ", ".join(f"{key}={literal(value)}" for key, value in values.items()))
    show(document, *lines)


@app.command()
def apply(name: Name, slot: Slot = None) -> None:
    """Crossfade a slot to a preset.

    For example: ag06ctl preset apply broadcast --slot b
    """
    with client() as ag06:
        document = ag06.call("preset.apply", name=name, slot=slot)
    show(document, f"slot {document['slot']}: {document['name']}, {len(document['changed'])} values changed")


@app.command()
def save(  # noqa: PLR0913 - what a preset has
    name: Name,
    slot: Slot = None,
    description: Annotated[str | None, typer.Option(help="One line.")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="A word to find it by; may be repeated.")] = None,
    author: Annotated[str | None, typer.Option(help="Who made it.")] = None,
    *,
    dry_run: DryRun = False,
) -> None:
    """Save the chain of a slot as a preset of your own; one that was there is kept as NAME.toml.~1~.

    For example: ag06ctl preset save mine --description "my desk" --tag voice
    """
    body = {"name": name, "slot": slot, "description": description, "tags": tag, "author": author}
    with client() as ag06:
        document = ag06.request("preset.save", body, dry_run=dry_run).body
    show(document, *written(document))


def written(document: Mapping[str, Any]) -> list[str]:
    """What became of a preset's file."""
    lines = [document["path"]]
    if document["backup"]:
        lines.append(f"what was there is kept as {Path(document['backup']).name}")
    if document.get("shadows"):
        lines.append(f"it stands before the preset {document['name']} that comes with ag06d")
    if document.get("uncovers"):
        lines.append(f"{document['name']} is again the one that comes with ag06d")
    return lines


@app.command()
def diff(
    name: Name,
    other: Annotated[
        str | None,
        typer.Argument(help="Another; default: what is in the slot.", autocompletion=complete.presets),
    ] = None,
    slot: Slot = None,
) -> None:
    """Where two presets differ, or a preset and what is in a slot.

    For example: ag06ctl preset diff voice broadcast
    """
    with client() as ag06:
        document = ag06.call("preset.diff", name=name, other=other, slot=slot)
    differences = document["differences"]
    width = max(map(len, differences), default=0)
    lines = [
        f"{path:<{width}}  {literal(sides['left']):>8} -> {literal(sides['right'])}"
        for path, sides in differences.items()
    ]
    title = f"{document['left']} -> {document['right']}: " + (f"{len(lines)} differ" if lines else "the same")
    show(document, title, *lines)


@app.command()
def undo(slot: Slot = None, *, dry_run: DryRun = False) -> None:
    """Take back the last change of a slot: a preset that was applied, or values that were set.

    To save is a step too, which changed the slot's label alone: right after it, that is what is taken back.

    For example: ag06ctl preset undo
    """
    travel("undo", slot, dry_run=dry_run)


@app.command()
def redo(slot: Slot = None, *, dry_run: DryRun = False) -> None:
    """Do again what was undone.

    For example: ag06ctl preset redo --slot b
    """
    travel("redo", slot, dry_run=dry_run)


def travel(verb: str, slot: SlotName | None, *, dry_run: bool) -> None:
    """A step through what was done to a slot."""
    with client() as ag06:
        document = ag06.request(f"preset.{verb}", {"slot": slot}, dry_run=dry_run).body
    left = document["history"][document["slot"]]
    show(
        document,
        *(f"{leaf}={literal(value)}" for leaf, value in document["changed"].items()),
        f"slot {document['slot']}: {left['undo']} to undo, {left['redo']} to redo",
    )


@app.command("export")
def export_preset(
    name: Name,
    file: Annotated[Path, typer.Argument(help="File to write; - is stdout.")] = Path(STANDARD),
    *,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
) -> None:
    """Write a preset as a file that `import` reads.

    For example: ag06ctl preset export mine mine.toml
    """
    with client() as ag06:
        document = ag06.call("preset.export", name=name)
    if str(file) == STANDARD:
        show(document, document["toml"].rstrip("\n"))
        return
    write_text(file, document["toml"], force=force)
    show(document | {"file": str(file)}, str(file))


@app.command("import")
def import_preset(
    file: Annotated[Path, typer.Argument(help="A preset's file; - is stdin.")],
    name: Annotated[str | None, typer.Option(help="Its name here; default: that of the file.")] = None,
    *,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace, and back up, your own.")] = False,
    dry_run: DryRun = False,
) -> None:
    """Check a preset's file and save it as one of your own.

    For example: ag06ctl preset import mine.toml --name theirs
    """
    if name is None and str(file) == STANDARD:
        fail("what comes from stdin needs a --name", EXIT_USAGE)
    text = read_text(file)
    body = {"name": name or file.stem, "toml": text, "overwrite": overwrite}
    with client() as ag06:
        document = ag06.request("preset.import", body, dry_run=dry_run).body
    show(document, *written(document))


@app.command()
def delete(name: Name, *, dry_run: DryRun = False) -> None:
    """Put a preset of your own aside; it is kept as NAME.toml.~1~.

    For example: ag06ctl preset delete mine
    """
    with client() as ag06:
        document = ag06.request("preset.delete", {"name": name}, dry_run=dry_run).body
    show(document, *written(document))


@app.command()
def plot(
    name: Name,
    output: Png = None,
    rate: Annotated[int, typer.Option(min=8000, max=384000, help="Frames per second.")] = 48000,
) -> None:
    """Draw the frequency response and the static curves of a preset; needs no daemon.

    For example: ag06ctl preset plot broadcast --output broadcast.png
    """
    from ag06d.plot import plot_preset  # noqa: PLC0415 - only this verb draws

    try:
        drawn = plot_preset(name, rate, output)
    except Ag06Error as error:
        fail(str(error), EXIT_REFUSED)
    show({"name": name, "rate": rate, "output": str(output) if output else None}, drawn)
