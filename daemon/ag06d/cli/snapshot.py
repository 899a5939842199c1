"""`ag06ctl snapshot`: the whole state into a file, and back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ag06d.cli.files import STANDARD, read_text, write_text
from ag06d.cli.output import EXIT_REFUSED, client, fail, literal, show
from ag06d.cli.values import INTEGER_MAX
from ag06d.cli.verbs import Verbs
from ag06d.errors import RequestError
from ag06d.tree import flatten

if TYPE_CHECKING:
    from ag06d.client import Client

SCHEMA = 1
TOLD_MAX = 20  # things that are wrong with a file
HEADER = "# A snapshot of ag06d; `ag06ctl snapshot --restore FILE` takes it back.\n"

app = Verbs()


@app.command()
def snapshot(
    file: Annotated[Path, typer.Argument(help="File to write; - is stdout.")] = Path(STANDARD),
    restore: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Take the state back from FILE; - is stdin.")
    ] = None,
    *,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="With --restore: check, and say what would change.")
    ] = False,
) -> None:
    """Save the whole state as TOML, or take it back: both chains, slot, bypass and mute.

    For example: ag06ctl snapshot evening.toml; ag06ctl snapshot --restore evening.toml
    """
    if restore is not None:
        take_back(restore, dry_run=dry_run)
        return
    import tomli_w  # noqa: PLC0415 - this verb alone

    with client() as ag06:
        document = ag06.call("snapshot")
    text = HEADER + tomli_w.dumps({"schema": SCHEMA, "state": document["state"]})
    if str(file) == STANDARD:
        show(document, text.rstrip("\n"))
        return
    write_text(file, text, force=force)
    show(document | {"file": str(file)}, str(file))


def take_back(file: Path, *, dry_run: bool) -> None:
    """Set all that `file` has in one change, which is heard as one crossfade."""
    values = read(file)
    with client() as ag06:
        now = ag06.get()
        names = {path: value for path, value in values.items() if path.startswith("preset.")}
        changes = {path: value for path, value in sorted(values.items()) if path not in names}
        try:
            reply = ag06.request("set", {"changes": changes}, dry_run=dry_run).body
        except RequestError as error:
            raise RequestError(error.code, f"{file}: {all_refusals(ag06, changes, error)}") from error
    would = "would set " if dry_run else ""
    lines = [f"{would}{path}={literal(value)}" for path, value in reply["changed"].items()]
    others = [
        f"{path} stays {now[path]}, the preset last applied; the values are those of {name}"
        for path, name in names.items()
        if name != now.get(path)
    ]
    show(reply, *(lines or ["nothing to change"]), *others)


def all_refusals(ag06: Client, changes: Mapping[str, Any], first: RequestError) -> str:
    """What the daemon, which tells the `first` thing that is wrong, says of each: in one line."""
    left, told, error = dict(changes), [], first
    while True:
        told.append(str(error))
        path = re.split("[: ]", error.message.removeprefix("there is no "), maxsplit=1)[0].strip("'")
        if path not in left or len(told) == TOLD_MAX:
            return "; ".join(told)
        left = {other: value for other, value in left.items() if other != path}
        try:
            ag06.request("set", {"changes": left}, dry_run=True)
        except RequestError as another:
            error = another
        else:
            return "; ".join(told)


def read(file: Path) -> dict[str, Any]:
    """Path to value; says what is wrong with the file as a whole, and exits."""
    import tomli  # noqa: PLC0415 - this verb alone

    text = read_text(file)
    try:
        document = tomli.loads(text)
    except (ValueError, RecursionError) as error:
        fail(f"{file}: not TOML: {error}", EXIT_REFUSED)
    schema, state = document.get("schema"), document.get("state")
    problems = []
    if schema is None:
        problems.append(f"it has no schema, which is {SCHEMA} in what `ag06ctl snapshot` writes")
    elif schema != SCHEMA:
        problems.append(f"schema: {schema!r}; this version reads {SCHEMA}")
    values = flatten(state) if isinstance(state, dict) else {}
    if not values:
        problems.append("it has no [state]; `ag06ctl snapshot` writes one")
    problems += [
        f"{path}: {value!r} is no number, switch or text"
        for path, value in values.items()
        if not isinstance(value, bool | int | float | str) or is_huge(value)
    ]
    if problems:
        more = len(problems) - TOLD_MAX
        told = problems[:TOLD_MAX] + ([f"and {more} more"] if more > 0 else [])
        fail(f"{file}: {'; '.join(told)}", EXIT_REFUSED)
    return values


def is_huge(value: object) -> bool:
    """Whether this is an integer that the protocol cannot carry."""
    return isinstance(value, int) and abs(value) >= INTEGER_MAX
