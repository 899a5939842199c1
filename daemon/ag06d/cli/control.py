"""`ag06ctl`: everything a client can ask of the daemon, from a shell.

Exit status: 0 done, 1 the daemon said no, 2 usage, 3 no daemon.
"""

from __future__ import annotations

from typing import Annotated

import typer

from ag06d.cli import doctor, dump, plots, plugins, presets, record, snapshot, status, values, watch
from ag06d.cli.families import WithFamilies
from ag06d.cli.output import Output, client, let_go_of_output, show
from ag06d.cli.verbs import Verbs, version_option

app = Verbs(cls=WithFamilies, help="Control and watch a running AG06 daemon.")
app.add_typer(status.app)
app.add_typer(values.app)
app.add_typer(watch.app)
app.add_typer(doctor.app)
app.add_typer(dump.app)
app.add_typer(snapshot.app)
app.add_typer(plots.app)
app.add_typer(plugins.app, name="plugins")
app.add_typer(presets.app, name="preset")
app.add_typer(record.app, name="record")


def set_json(as_json: bool) -> None:  # noqa: FBT001 - as typer calls it
    """Before anything else, so that `--version` knows of it."""
    Output.as_json = as_json


@app.callback()
def options(
    *,
    _as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            is_eager=True,
            callback=set_json,
            help="Print the result as one line of JSON; before or after the verb.",
        ),
    ] = False,
    _version: Annotated[bool, version_option("ag06ctl")] = False,
) -> None:
    """Control and watch a running AG06 daemon."""


@app.command()
def reload(
    *, dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")] = False
) -> None:
    """Have the daemon read its configuration again, and apply what it can without a gap.

    For example: ag06ctl reload --dry-run
    """
    with client() as ag06:
        done = ag06.request("config.reload", {}, dry_run=dry_run).body
    lines = (
        ("changed", "applied"),
        ("hosts that begin again", "hosts"),
        ("after a restart", "needs_restart"),
    )
    told = [f"{words}: {', '.join(done[key])}" for words, key in lines if done[key]]
    show(done, *(told or ["nothing has changed"]))


@app.command()
def top() -> None:
    """A live view of levels, spectrum, hosts and plugins, with keys; plain lines without a terminal.

    For example: ag06ctl top
    """
    from ag06d.cli.top.view import view  # noqa: PLC0415 - rich is slow to import, and only this verb draws

    with client() as ag06:
        view(ag06)


def main() -> None:
    """Entry point."""
    try:
        app(prog_name="ag06ctl")
    finally:
        let_go_of_output()
