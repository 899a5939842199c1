"""`ag06ctl`: everything a client can ask of the daemon, from a shell.

Exit status: 0 done, 1 the daemon said no, 2 usage, 3 no daemon.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from ag06d.cli import presets
from ag06d.cli.output import CLOCK_JITTER_BLOCKS, Output, client, literal, show
from ag06d.wire import OWN_TOPICS, Message, unpack_arrays

ASSIGNMENT = re.compile(r"(?P<path>[a-z0-9_.]+?)(?P<operator>=\+|\+=|-=|=!|=|!|\+)(?P<value>.*)", re.DOTALL)

app = typer.Typer(
    help="Control and watch a running AG06 daemon.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
)
app.add_typer(presets.app, name="preset")


@app.callback()
def options(
    *, as_json: Annotated[bool, typer.Option("--json", help="Print each result as one line of JSON.")] = False
) -> None:
    """Control and watch a running AG06 daemon."""
    Output.as_json = as_json


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
def status() -> None:
    """State of device, audio, hosts and plugins."""
    with client() as ag06:
        document = ag06.status()
    show(document, *audio_lines(document), *host_lines(document["hosts"]), *plugin_lines(document["plugins"]))


def audio_lines(document: Mapping[str, Any]) -> list[str]:
    """State, device, account and presets."""
    audio, device, switches = document["audio"], document["device"], document["switches"]
    duration = audio["duration_us"]
    counts = f"{audio['overruns']} overruns, {audio['late']} late, {audio['nan_trips']} NaN trips"
    missing = audio["expected_frames"] - audio["frames"]
    missing = missing if missing > CLOCK_JITTER_BLOCKS * device["block"] else 0
    frames = f"{audio['frames']} frames, {missing} missing"
    percentiles = ", ".join(f"{name} {value:g}" for name, value in duration.items())
    presets = ", ".join(f"{slot}: {name}" for slot, name in document["preset"].items())
    muted = "".join(f", {switch}" for switch in ("mute", "bypass") if switches[switch])
    return [
        f"{document['state']}{': ' + document['reason'] if document['reason'] else ''}",
        f"device   {device['name']}, {device['rate']} Hz, blocks of {device['block']}",
        f"audio    {frames}, {audio['callbacks']} callbacks; {counts}",
        f"callback takes {percentiles} us; {audio['policy']} priority {audio['priority']}",
        f"preset   {presets}; slot {switches['slot']} is heard{muted}",
    ]


def host_lines(hosts: Mapping[str, Any]) -> list[str]:
    """A line for each host."""
    return [
        f"host     {name}: {host['state']}, pid {host['pid']}, {host['restarts']} restarts, "
        f"{host['lost_frames']} frames lost, {host['memory_mb']:g} MiB"
        for name, host in hosts.items()
    ]


def plugin_lines(plugins: Mapping[str, Any]) -> list[str]:
    """A line for each plugin."""
    return [
        f"plugin   {name} in {plugin['host']}: {plugin['state']}, "
        f"{plugin['frames']} frames, {plugin['errors']} errors, "
        f"{plugin['over_deadline']} over deadline, p99 {plugin['p99_us']:g} us"
        + (f" ({plugin['reason']})" if "reason" in plugin else "")
        for name, plugin in plugins.items()
    ]


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


@app.command()
def watch(
    topics: Annotated[
        list[str], typer.Argument(help="Topics, such as feature, meters, state; default: all.")
    ] = [],  # noqa: B006 - typer copies it
    count: Annotated[int | None, typer.Option("-n", min=1, help="Stop after so many messages.")] = None,
) -> None:
    """Print messages as they come."""
    with client() as ag06:
        schemas = ag06.call("describe")["topics"]
        wanted = [topic.rstrip(".") + "." for topic in topics if topic] or [""]
        for topic in wanted:
            if not any(known.startswith(topic) for known in (*OWN_TOPICS, *(f"{name}." for name in schemas))):
                typer.echo(f"ag06ctl: nothing has been published on {topic} yet; waiting for it", err=True)
        for number, message in enumerate(ag06.follow(*wanted), start=1):
            show_message(message, schemas)
            if number == count:
                return


def vector(message: Message, schemas: Mapping[str, Any]) -> dict[str, float]:
    """The named elements of a message that carries one vector."""
    arrays = unpack_arrays(message.body.get("arrays", []), message.buffers)
    fields = schemas.get(message.topic.rstrip("."), {}).get("fields", ())
    if len(arrays) == 1 and len(fields) == arrays[0].size:
        return {
            field: float(f"{value:.6g}")
            for field, value in zip(fields, arrays[0].ravel().tolist(), strict=True)
        }
    return {}


def show_message(message: Message, schemas: Mapping[str, Any]) -> None:
    """One message."""
    body = {key: value for key, value in message.body.items() if key != "arrays"}
    body |= vector(message, schemas)
    document = {"topic": message.topic, "header": message.header, "body": body}
    clock = time.strftime("%H:%M:%S", time.localtime(message.header["t"]))
    content = " ".join(f"{key}={json.dumps(value)}" for key, value in body.items())
    show(document, f"{clock} {message.header['pos']:>10} {message.topic} {content}")
    sys.stdout.flush()


def meter_lines(name: str, levels: Mapping[str, Any]) -> list[str]:
    """Levels and loudness of a stream."""

    def sides(key: str, unit: str) -> str:
        return f"{levels[key][0]:7.2f} {levels[key][1]:7.2f} {unit}"

    momentary, short_term = (
        f"{levels[f'{scale}_lufs']:7.2f} (max {levels[f'max_{scale}_lufs']:7.2f})"
        for scale in ("momentary", "short_term")
    )
    correlation = f"correlation {levels['correlation']:+.2f}"
    true_peak = f"true peak {levels['true_peak_dbtp']:6.2f} dBTP"
    return [
        f"{name}  peak {sides('peak_db', 'dBFS')}   rms {sides('rms_db', 'dBFS')}",
        f"     crest {sides('crest_db', 'dB')}   {correlation}   {true_peak}",
        f"     momentary {momentary}   short-term {short_term} LUFS",
        f"     integrated {levels['integrated_lufs']:6.2f} LUFS   range {levels['lra_lu']:5.2f} LU",
    ]


@app.command()
def meters(
    *,
    reset: Annotated[
        bool, typer.Option("--reset", help="Begin integrated loudness, range and all maxima afresh.")
    ] = False,
) -> None:
    """Levels and loudness now, dry and wet."""
    with client() as ag06:
        document = ag06.call("meters.reset" if reset else "meters")
    if reset:
        show(document, f"meters begin afresh: reset {document['resets']}")
        return
    lines = [line for name in ("dry", "wet") for line in meter_lines(name, document[name])]
    for slot, stages in document["reduction_db"].items():
        turned_down = ", ".join(f"{stage} {value:.1f}" for stage, value in stages.items())
        lines.append(f"slot {slot} turns down, dB: {turned_down}")
    show(document, *lines)


@app.command()
def hosts() -> None:
    """The plugin hosts."""
    with client() as ag06:
        document = ag06.call("hosts.list")
    show(document, *host_lines(document["hosts"]))


@app.command()
def plugins() -> None:
    """The plugins."""
    with client() as ag06:
        document = ag06.call("plugins.list")
    show(document, *plugin_lines(document["plugins"]))


@app.command()
def top() -> None:
    """A live view of levels, features, hosts and plugins; plain lines without a terminal."""
    from ag06d.cli.view import view  # noqa: PLC0415 - rich is slow to import, and only this verb draws

    with client() as ag06:
        view(ag06)


def main() -> None:
    """Entry point."""
    app(prog_name="ag06ctl")
