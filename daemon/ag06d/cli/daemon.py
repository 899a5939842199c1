"""`ag06d`: run the daemon, check and show its configuration, replay a recording."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import tempfile
from functools import partial
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from ag06d import paths
from ag06d.cli.files import TERMINAL, DrawingCommand, drawing
from ag06d.cli.output import BAD_INPUT, let_go_of_output
from ag06d.cli.verbs import version_option
from ag06d.core.config import Config, checks, load
from ag06d.core.config.show import to_document, to_toml, visible
from ag06d.errors import Ag06Error, ConfigError
from ag06d.logs import setup_logging

EXIT_REFUSED, EXIT_USAGE = 1, 2

log = logging.getLogger(__name__)
app = typer.Typer(
    help="The AG06 daemon: real-time DSP in C, plugins that watch every frame, results over ZeroMQ.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

ConfigFiles = Annotated[
    list[Path], typer.Option("--config", "-c", help="Configuration file; later ones win.", show_default=False)
]
Overrides = Annotated[
    list[str],
    typer.Option("-o", metavar="SECTION.KEY=VALUE", help="One setting; wins over files.", show_default=False),
]


@app.callback()
def options(*, _version: Annotated[bool, version_option("ag06d")] = False) -> None:
    """The AG06 daemon: real-time DSP in C, plugins that watch every frame, results over ZeroMQ."""


def wrong(error: ConfigError) -> NoReturn:
    """Exit 2 with every problem on stderr."""
    for problem in error.problems:
        typer.echo(f"ag06d: {problem}", err=True)
    raise typer.Exit(EXIT_USAGE) from error


def programme_line(name: str, programme: dict[str, Any]) -> str:
    """A stream's loudness as a whole."""
    return (
        f"{name}: {programme['integrated_lufs']:.1f} LUFS integrated, range {programme['lra_lu']:.1f} LU, "
        f"at most {programme['max_momentary_lufs']:.1f} LUFS momentary and "
        f"{programme['max_short_term_lufs']:.1f} short-term, "
        f"true peak {programme['true_peak_dbtp']:.1f} dBTP"
    )


@app.command()
def run(
    config: ConfigFiles = [],  # noqa: B006 - typer copies it
    override: Overrides = [],  # noqa: B006 - likewise
    duration: Annotated[float | None, typer.Option(min=0, help="Stop after so many seconds.")] = None,
    *,
    view: Annotated[
        bool, typer.Option("--view", help="Show a live view; plain lines without a terminal.")
    ] = False,
) -> None:
    """Run the daemon in the foreground. SIGTERM or Ctrl-C stops it cleanly."""
    from ag06d.cli.foreground import run_daemon  # noqa: PLC0415 - `check` needs none of it

    try:
        loaded = checks.load_to_run(config, override)
        settings = loaded.config
        setup_logging(settings.log.level, "ag06d")
        for warning in checks.idle_sections(loaded):
            log.warning("%s", warning)
        reread = partial(checks.load_again, files=config, overrides=override)
        asyncio.run(run_daemon(settings, duration, reread, view=view))
    except ConfigError as error:
        wrong(error)
    except Ag06Error as error:
        typer.echo(f"ag06d: {error}", err=True)
        raise typer.Exit(EXIT_REFUSED) from error


@app.command()
def check(config: ConfigFiles = [], override: Overrides = []) -> None:  # noqa: B006 - typer copies them
    """Check the configuration and all that it names; exit 0, or 2 with every error listed."""
    found = checks.check(config, override)
    for warning in found.warnings:
        typer.echo(f"ag06d: warning: {warning}", err=True)
    if found.problems:
        wrong(ConfigError(found.problems))
    typer.echo("the configuration is good")


@app.command("config")
def show_config(
    config: ConfigFiles = [],  # noqa: B006 - typer copies it
    override: Overrides = [],  # noqa: B006 - likewise
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one line of JSON.")] = False,
) -> None:
    """Print the effective configuration as TOML, each value with its origin; secrets are masked."""
    try:
        loaded = load(config, override)
    except ConfigError as error:
        wrong(error)
    tree = visible(loaded)
    typer.echo(json.dumps(to_document(tree, loaded)) if as_json else to_toml(tree, loaded).rstrip())


@app.command(cls=DrawingCommand)
def replay(  # noqa: PLR0913 - what there is to say about a replay
    file: Annotated[Path, typer.Argument(help="A wav, flac or ogg recording.")],
    config: ConfigFiles = [],  # noqa: B006 - typer copies it
    override: Overrides = [],  # noqa: B006 - likewise
    output: Annotated[
        Path | None, typer.Option(help="Write what leaves the chain here, as float WAV.")
    ] = None,
    plot: Annotated[
        str | None, drawing("Draw before and after: waveform, spectrum, loudness; else in the terminal.")
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as one line of JSON.")] = False,
) -> None:
    """Run a recording through the whole daemon in lockstep: as fast as it goes, the same result each time."""
    from ag06d.core.replay import replay as run_replay  # noqa: PLC0415 - `check` needs none of it

    try:
        settings = checks.load_to_run(config, override, sockets=False).config
        setup_logging("warning" if settings.log.level == "info" else settings.log.level, "ag06d")
        with tempfile.TemporaryDirectory(prefix="ag06d-") as folder:
            wet = output or (Path(folder) / "wet.wav" if plot else None)
            result = run_replay(settings, file, paths.state_folder(), wet)
            if plot and wet:
                draw(settings, file, wet, None if plot == TERMINAL else Path(plot))
    except ConfigError as error:
        wrong(error)
    except Ag06Error as error:
        typer.echo(f"ag06d: {error}", err=True)
        raise typer.Exit(EXIT_REFUSED) from error
    if as_json:
        typer.echo(json.dumps(result))
        return
    typer.echo(f"{result['seconds']:.2f} s of sound at {result['speed']:.1f} times real time")
    typer.echo(
        f"{result['frames']} frames, {result['lost_frames']} lost\nsha256 of the wet: {result['sha256_wet']}"
    )
    if result["bad_input_frames"]:
        typer.echo(f"{result['bad_input_frames']} frames {BAD_INPUT}")
    for name in ("dry", "wet"):
        typer.echo(programme_line(name, result[name]))
    for alert in result["alerts"]:
        typer.echo(f"{alert['start_s']:9.3f} s  {alert['kind']}")


def draw(settings: Config, dry: Path, wet: Path, png: Path | None) -> None:
    """What the replay did to the sound."""
    from ag06d.plot import plot_comparison  # noqa: PLC0415 - only `--plot` draws

    title = f"{dry.name} through {settings.preset.start}"
    typer.echo(plot_comparison(dry, wet, settings.audio.rate, title, png))


def main() -> None:
    """Entry point."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # until the daemon handles it: end, without a traceback
    try:
        app(prog_name="ag06d")
    finally:
        let_go_of_output()
