"""The live view of a running daemon: levels, features, hosts, presets and the last events.

On a terminal it redraws in place; otherwise it prints a plain line every two seconds.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections import deque
from collections.abc import Mapping
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from ag06d._native import lib
from ag06d.cli.output import CLOCK_JITTER_BLOCKS, preset_titles
from ag06d.client import Client, Message
from ag06d.errors import Ag06Error, DeadlineError, NoDaemonError

FLOOR_DB = -60.0
BAR_CELLS = 40
YELLOW_DB, RED_DB = -18.0, -3.0
DRAW_S = 0.1
LINE_S = 2.0
STATUS_S = 0.5
EVENTS_SHOWN = 6
FEATURES_SHOWN = ("rms", "zero_crossing_rate", "spectral_centroid", "spectral_rolloff", "spectral_flatness")
TOPICS = ("meters.", "feature.", "audio.", "host.", "plugin.", "preset.", "state.", "alert.", "heartbeat.")
STYLES = {"running": "green", "degraded": "yellow", "stalled": "red", "waiting": "yellow", "starting": "cyan"}


class Picture:
    """What is known of the daemon at present."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._asked = 0.0
        self.status: dict[str, Any] = {}
        self.meters: dict[str, Any] = {}
        self.features: dict[str, float] = {}
        self.hops = 0
        self.events: deque[str] = deque(maxlen=EVENTS_SHOWN)

    def refresh(self) -> None:
        """Ask for the status, twice a second."""
        if time.monotonic() - self._asked >= STATUS_S:
            self.status = self._client.status()
            self._asked = time.monotonic()

    def take(self, message: Message) -> None:
        """Take in a message."""
        if message.topic == "meters.":
            self.meters = message.body
        elif message.topic.startswith("feature."):
            self.hops += 1
            self.features = message.vector or self.features
        elif message.topic != "heartbeat.":
            self.events.append(f"{time.strftime('%H:%M:%S')} {describe(message)}")


def describe(message: Message) -> str:
    """An event in words."""
    body = message.body
    match message.topic:
        case "state.":
            return "set " + " ".join(f"{path}={value}" for path, value in list(body["changes"].items())[:3])
        case "preset.":
            return f"preset {body['name']} into slot {body['slot']}"
        case "preset.files.":
            return f"preset {body['name']} {body['action']}"
        case "audio.stream.":
            return f"stream {body['streams']} began; {body['gap_frames_total']} frames missed in all"
    words = [str(body[key]) for key in ("host", "plugin", "kind", "state", "reason") if body.get(key)]
    return f"{message.topic.rstrip('.')} {' '.join(words)}"


def bar(peak_db: float, rms_db: float) -> Text:
    """A level as a bar: RMS filled, peak as a mark."""

    def cells(level_db: float) -> int:
        return round(min(max((level_db - FLOOR_DB) / -FLOOR_DB, 0), 1) * BAR_CELLS)

    text = Text()
    for cell in range(BAR_CELLS):
        level_db = FLOOR_DB * (1 - cell / BAR_CELLS)
        style = "red" if level_db >= RED_DB else "yellow" if level_db >= YELLOW_DB else "green"
        mark = "█" if cell < cells(rms_db) else "▌" if cell == cells(peak_db) - 1 else "·"
        text.append(mark, style if mark != "·" else "dim")
    return text.append(f" {rms_db:7.1f} rms {peak_db:7.1f} peak")


def loudness(stream: Mapping[str, Any]) -> str:
    """A stream's loudness and true peak."""
    return (
        f"momentary {stream['momentary_lufs']:6.1f}  short-term {stream['short_term_lufs']:6.1f}  "
        f"integrated {stream['integrated_lufs']:6.1f}  range {stream['lra_lu']:4.1f} LU  "
        f"true peak {stream['true_peak_dbtp']:5.1f} dBTP"
    )


def levels(meters: Mapping[str, Any]) -> Table:
    """Dry and wet, left and right."""
    table = Table.grid(padding=(0, 1))
    for name in ("dry", "wet"):
        for channel, side in enumerate("LR"):
            if name in meters:
                table.add_row(
                    f"{name} {side}", bar(meters[name]["peak_db"][channel], meters[name]["rms_db"][channel])
                )
    for name in ("dry", "wet"):
        if name in meters:
            table.add_row(f"{name} LUFS", loudness(meters[name]))
    reduction = meters.get("reduction_db", {})
    for slot, stages in reduction.items():
        table.add_row(
            f"down {slot}", "   ".join(f"{stage} {value:4.1f} dB" for stage, value in stages.items())
        )
    return table


def accounts(status: Mapping[str, Any]) -> Table:
    """Audio, hosts and plugins."""
    table = Table.grid(padding=(0, 2))
    audio = status["audio"]
    missing = audio["expected_frames"] - audio["frames"]
    missing = missing if missing > CLOCK_JITTER_BLOCKS * status["device"]["block"] else 0
    table.add_row(
        "audio",
        f"{audio['frames']} frames, {missing} missing; {audio['overruns']} overruns, {audio['late']} late; "
        f"callback p99 {audio['duration_us']['p99']:g} us",
    )
    for name, host in status["hosts"].items():
        table.add_row(
            "host",
            f"{name}: {host['state']}, {host['restarts']} restarts, {host['lost_frames']} frames lost, "
            f"{host['memory_mb']:g} MiB",
        )
    for name, plugin in status["plugins"].items():
        table.add_row(
            "plugin",
            f"{name}: {plugin['state']}, {plugin['frames']} frames, {plugin['errors']} errors, "
            f"p99 {plugin['p99_us']:g} us {plugin.get('reason', '')}",
        )
    return table


def feature_table(features: Mapping[str, float]) -> Table:
    """The features of the left channel that say most at a glance."""
    table = Table.grid(padding=(0, 2))
    for name in FEATURES_SHOWN:
        if (value := features.get(f"left.{name}")) is not None:
            table.add_row(name.replace("_", " "), f"{value:10.4g}")
    return table


def draw(picture: Picture) -> RenderableType:
    """The whole view."""
    status = picture.status
    presets = "   ".join(
        f"[{'bold' if slot == status['switches']['slot'] else 'dim'}]{slot}: {name}[/]"
        for slot, name in preset_titles(status).items()
    )
    switched = "".join(f"  [red]{name.upper()}[/]" for name in ("mute", "bypass") if status["switches"][name])
    state = Text(status["state"], STYLES.get(status["state"], "white"))
    title = (
        f"{status['device']['name']}, {status['device']['rate']} Hz, blocks of {status['device']['block']}"
    )
    return Group(
        Panel(
            Group(Text.assemble(state, "  ", (status["reason"], "dim")), f"preset  {presets}{switched}"),
            title=title,
        ),
        Panel(levels(picture.meters), title="levels, dBFS, and loudness"),
        Panel(feature_table(picture.features), title=f"features, {picture.hops} hops seen"),
        Panel(accounts(status), title="accounts"),
        Panel("\n".join(picture.events) or "nothing yet", title="events"),
        "[dim]Ctrl-C ends. Elsewhere: ag06ctl status, watch feature, set chain.a.comp.threshold_db=-30[/]",
    )


def line(picture: Picture) -> str:
    """The view as one plain line."""
    status, meters = picture.status, picture.meters
    audio = status["audio"]
    level = " ".join(
        f"{name} {max(meters[name]['rms_db']):.1f} dB, {meters[name]['short_term_lufs']:.1f} LUFS"
        for name in ("dry", "wet")
        if name in meters
    )
    centroid = picture.features.get("left.spectral_centroid")
    feature = f" centroid {centroid:.0f} Hz" if centroid is not None else ""
    hosts = " ".join(
        f"{name} {host['state']} ({host['restarts']} restarts)" for name, host in status["hosts"].items()
    )
    slot = status["switches"]["slot"]
    reason = f" ({status['reason']})" if status["reason"] else ""
    return (
        f"{time.strftime('%H:%M:%S')} {status['state']}{reason} "
        f"{status['device']['name']} {level}{feature} | "
        f"{audio['frames']} frames, {audio['overruns']} overruns | "
        f"{hosts} | preset {preset_titles(status)[slot]} in {slot}"
    )


def view(client: Client) -> None:
    """Show the daemon until interrupted, or until it is gone."""
    picture = Picture(client)
    picture.refresh()
    console = Console()
    if not sys.stdout.isatty():
        plain(client, picture)
        return
    with Live(draw(picture), console=console, auto_refresh=False, screen=True) as live:
        drawn = 0.0
        for message in client.follow(*TOPICS, timeout_s=LINE_S + 1):
            picture.take(message)
            if time.monotonic() - drawn >= DRAW_S:
                picture.refresh()
                live.update(draw(picture), refresh=True)
                drawn = time.monotonic()


def plain(client: Client, picture: Picture) -> None:
    """A line every two seconds, and each event as it comes."""
    printed = time.monotonic() - LINE_S + 1
    for message in client.follow(*TOPICS, timeout_s=LINE_S + 1):
        known = len(picture.events)
        last = picture.events[-1] if picture.events else ""
        picture.take(message)
        if picture.events and (len(picture.events) > known or picture.events[-1] != last):
            print(picture.events[-1], flush=True)  # noqa: T201 - this is what it is for
        if time.monotonic() - printed >= LINE_S:
            picture.refresh()
            print(line(picture), flush=True)  # noqa: T201 - likewise
            printed = time.monotonic()


def main() -> int:
    """Started by `ag06d run --view` beside the daemon: wait for it, and show it until it ends."""
    if not lib.ag06_die_with_parent(int(sys.argv[1])):
        return 1
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the daemon's, and it ends us
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    while True:
        try:
            with Client() as client:
                view(client)
        except (NoDaemonError, DeadlineError):
            time.sleep(DRAW_S)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            return 1
        except Ag06Error as error:
            print(f"ag06d: view: {error}", file=sys.stderr)  # noqa: T201 - a program's last word
            return 1


if __name__ == "__main__":
    sys.exit(main())
