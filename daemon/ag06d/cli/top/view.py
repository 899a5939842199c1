"""The live view: redrawn in place on a terminal; elsewhere a plain line every two seconds."""

from __future__ import annotations

import sys
import time

from rich.console import Console
from rich.live import Live
from rich.text import Text

from ag06d.cli.output import preset_titles
from ag06d.cli.top.keys import Keys, keyboard, pressed
from ag06d.cli.top.picture import TOPICS, Picture
from ag06d.cli.top.screen import draw
from ag06d.client import Client
from ag06d.errors import NoDaemonError

DRAW_S = 0.1
LINE_S = 2.0
GONE_S = 3.0  # a daemon that says nothing for so long is gone: its heart beats each second


def view(client: Client) -> None:
    """Show the daemon until somebody quits or interrupts; raises NoDaemonError when it is gone."""
    picture = Picture(client)
    picture.refresh()
    if sys.stdout.isatty():
        draw_in_place(client, picture)
    else:
        print_lines(client, picture)


def draw_in_place(client: Client, picture: Picture) -> None:
    """Redraw ten times a second, and at once after a key."""
    console, keys = Console(), Keys(client, picture)

    def drawn() -> Text:
        width, height = console.size
        return draw(picture, keys.menu, width, height)

    with keyboard(), Live(drawn(), console=console, auto_refresh=False, screen=True) as live:
        last_s = 0.0
        for message in client.follow(*TOPICS, timeout_s=GONE_S):
            picture.take(message)
            for key in (typed := pressed()):
                keys.press(key)
            if keys.quit:
                return
            if typed or time.monotonic() - last_s >= DRAW_S:
                picture.refresh()
                live.update(drawn(), refresh=True)
                last_s = time.monotonic()
    raise NoDaemonError("the daemon is gone")


def print_lines(client: Client, picture: Picture) -> None:
    """A line every two seconds, and each event as it comes."""
    printed_s = time.monotonic() - LINE_S + 1
    for message in client.follow(*TOPICS, timeout_s=GONE_S):
        if event := picture.take(message):
            print(event, flush=True)  # noqa: T201 - this is what it is for
        if time.monotonic() - printed_s >= LINE_S:
            picture.refresh()
            print(line(picture), flush=True)  # noqa: T201 - likewise
            printed_s = time.monotonic()
    raise NoDaemonError("the daemon is gone")


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
