"""`ag06ctl status | meters | hosts`: how the daemon is, and how loud."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from ag06d.cli import complete
from ag06d.cli.output import (
    BAD_INPUT,
    CLOCK_JITTER_BLOCKS,
    EXIT_REFUSED,
    client,
    fail,
    nearest,
    preset_titles,
    show,
)
from ag06d.cli.verbs import Verbs

app = Verbs()


@app.command()
def status() -> None:
    """State of device, audio, hosts and plugins.

    For example: ag06ctl status
    """
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
    presets = ", ".join(f"{slot}: {name}" for slot, name in preset_titles(document).items())
    switched = " and ".join(switch for switch in ("mute", "bypass") if switches[switch])
    heard = f"would be heard but for {switched}" if switched else "is heard"
    bad = audio.get("bad_input_frames", 0)  # an older daemon does not tell
    return [
        f"{document['state']}{': ' + document['reason'] if document['reason'] else ''}",
        f"device   {device['name']}, {device['rate']} Hz, blocks of {device['block']}",
        f"audio    {frames}, {audio['callbacks']} callbacks; {counts}",
        *([f"input    {bad} frames {BAD_INPUT}"] if bad else []),
        f"callback takes {percentiles} us; {audio['policy']} priority {audio['priority']}",
        f"preset   {presets}; slot {switches['slot']} {heard}",
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
    """Levels and loudness now, dry and wet.

    For example: ag06ctl meters --reset
    """
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
def hosts(
    name: Annotated[
        str, typer.Argument(help="One of them; default: all.", autocompletion=complete.hosts)
    ] = "",
) -> None:
    """The plugin hosts.

    For example: ag06ctl hosts live
    """
    with client() as ag06:
        document = ag06.call("hosts.list")
    if name and name not in document["hosts"]:
        hint = nearest(name, document["hosts"])
        fail(f"there is no host {name!r}", EXIT_REFUSED, code="unknown_path", hint=hint)
    chosen = {name: document["hosts"][name]} if name else document["hosts"]
    show({"hosts": chosen}, *host_lines(chosen))
