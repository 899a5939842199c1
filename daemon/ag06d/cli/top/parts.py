"""The parts of the live view, each as lines of a given width: meters, spectrum, accounts, events."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any, Final

from rich.text import Text

from ag06d.cli.output import CLOCK_JITTER_BLOCKS, preset_titles
from ag06d.cli.top.picture import Picture

FLOOR_DB = -60.0
YELLOW_DB, RED_DB = -18.0, -3.0
SPECTRUM_FLOOR_DB = -90.0
BLOCKS = " ▁▂▃▄▅▆▇█"
STATES: Final = {
    "running": "green",
    "degraded": "yellow",
    "stalled": "red",
    "waiting": "yellow",
    "starting": "cyan",
    "quarantined": "red",
    "refused": "red",
}
FEATURES_SHOWN = ("rms", "zero_crossing_rate", "spectral_centroid", "spectral_rolloff", "spectral_flatness")


def styled(state: str) -> tuple[str, str]:
    """A word for a state, in its colour."""
    return state, STATES.get(state, "white")


def header(picture: Picture) -> list[Text]:
    """The state and the device; the presets and what is switched."""
    status = picture.status
    device, switches = status["device"], status["switches"]
    name = f"{device['name']}, {device['rate']} Hz, blocks of {device['block']}"
    reason = f"  {status['reason']}" if status["reason"] else ""
    first = Text.assemble(styled(status["state"]), (reason, "yellow"), "  ", (name, "bold"))
    second = Text("preset  ")
    for slot, preset in preset_titles(status).items():
        second.append(f"{slot.upper()} {preset}", "bold reverse" if slot == switches["slot"] else "dim")
        second.append("  ")
    for switch in ("mute", "bypass"):
        if switches[switch]:
            second.append(f" {switch.upper()} ", "bold white on red").append(" ")
    for kind in dict.fromkeys(picture.open.values()):
        second.append(f" {kind.upper()} ", "bold white on red").append(" ")
    if picture.alerts:
        second.append(f"{picture.alerts} alert{'s' if picture.alerts > 1 else ''}", "bold red")
    return [first, second]


def colour(level_db: float) -> str:
    """Green, then yellow, then red."""
    return "red" if level_db >= RED_DB else "yellow" if level_db >= YELLOW_DB else "green"


def bar(rms_db: float, peak_db: float, hold_db: float, cells: int) -> Text:
    """A level: RMS filled, the peak's range lighter, the peak that is held as a line."""

    def at(level_db: float) -> int:
        return round(min(max((level_db - FLOOR_DB) / -FLOOR_DB, 0), 1) * cells)

    text = Text()
    for cell in range(cells):
        style = colour(FLOOR_DB * (1 - (cell + 1) / cells))
        if cell == at(hold_db) - 1:
            text.append("▐", style)
        elif cell < at(rms_db):
            text.append("█", style)
        elif cell < at(peak_db):
            text.append("▒", style)
        else:
            text.append("·", "dim")
    return text


def levels(picture: Picture, width: int) -> list[Text]:
    """Dry and wet: a bar for each channel, then loudness, then what the stages turn down."""
    meters, now_s = picture.meters, time.monotonic()
    if not meters:
        return [Text("nothing measured yet", "dim")]
    lines = []
    for name in ("dry", "wet"):
        for channel, side in enumerate("LR"):
            rms_db, peak_db = (meters[name][f"{kind}_db"][channel] for kind in ("rms", "peak"))
            hold_db = picture.holds[name, channel].at(now_s)
            figures = f" {rms_db:6.1f} rms {peak_db:6.1f} peak {hold_db:6.1f} held"
            drawn = bar(rms_db, peak_db, hold_db, max(8, width - 6 - len(figures)))
            lines.append(Text.assemble(f"{name} {side} ", drawn, figures))
    lines += [loudness(name, meters[name]) for name in ("dry", "wet")]
    stages = meters["reduction_db"].get(picture.slot, {})
    lines.append(Text(f"slot {picture.slot.upper()} down "))
    for stage, value in stages.items():
        lines[-1].append(f"  {stage} ").append(f"{value:4.1f}", "bold" if value >= 1 else "dim").append(
            " dB", "dim"
        )
    return lines


def loudness(name: str, stream: Mapping[str, Any]) -> Text:
    """A stream's loudness and true peak."""
    return Text.assemble(
        f"{name}   ",
        ("M ", "dim"),
        f"{stream['momentary_lufs']:6.1f}",
        (" S ", "dim"),
        f"{stream['short_term_lufs']:6.1f}",
        (" I ", "dim"),
        f"{stream['integrated_lufs']:6.1f}",
        (" LUFS  range ", "dim"),
        f"{stream['lra_lu']:4.1f}",
        (" LU  true peak ", "dim"),
        f"{stream['true_peak_dbtp']:5.1f}",
        (" dBTP", "dim"),
    )


def spectrum(picture: Picture, width: int, rows: int) -> list[Text]:
    """Octave bands, dry beside wet, the louder channel of each; `rows` high with their names."""
    bands = [field.removeprefix("dry.left.") for field in picture.octaves if field.startswith("dry.left.")]
    if not bands:
        return [Text("no octave levels: they are published by the plugin `features`", "dim")]
    cell = max(5, (width - 5) // len(bands))
    bar_cells = min(3, (cell - 1) // 2)
    height = rows - 1
    lines = []
    for row in range(height):
        below_db = -SPECTRUM_FLOOR_DB * row / height
        line = Text(f"{-round(below_db):4d} ", "dim")
        for band in bands:
            for stream, style in (("dry", "grey50"), ("wet", "cyan")):
                level_db = max(picture.octaves[f"{stream}.{side}.{band}"] for side in ("left", "right"))
                filled = (1 - level_db / SPECTRUM_FLOOR_DB) * height - (height - 1 - row)
                block = BLOCKS[round(min(max(filled, 0), 1) * (len(BLOCKS) - 1))]
                line.append(block * bar_cells, style)
            line.append(" " * (cell - 2 * bar_cells))
        lines.append(line)
    names = (band.removesuffix("_hz").removesuffix("000") for band in bands)
    thousands = ("k" if band.endswith("000_hz") else "" for band in bands)
    labels = "".join(f"{name + k:<{cell}}" for name, k in zip(names, thousands, strict=True))
    return [*lines, Text(f"  Hz {labels}", "dim")]


def accounts(picture: Picture) -> list[Text]:
    """The sound, the hosts, the plugins."""
    status = picture.status
    audio = status["audio"]
    missing = audio["expected_frames"] - audio["frames"]
    missing = missing if missing > CLOCK_JITTER_BLOCKS * status["device"]["block"] else 0
    lost = f"{missing} missing, {audio['overruns']} overruns, {audio['late']} late"
    lines = [
        Text.assemble(
            ("audio    ", "dim"),
            f"{audio['frames']} frames, ",
            (lost, "red" if missing else ""),
            f", p99 {audio['duration_us']['p99']:g} us",
        )
    ]
    for name, host in status["hosts"].items():
        figures = f" {host['restarts']} restarts, {host['lost_frames']} lost, {host['memory_mb']:g} MiB"
        lines.append(Text.assemble(("host     ", "dim"), f"{name} ", styled(host["state"]), figures))
    for name, plugin in status["plugins"].items():
        figures = f" {plugin['frames']} frames, {plugin['errors']} errors, p99 {plugin['p99_us']:g} us"
        reason = f" {plugin['reason']}" if plugin.get("reason") else ""
        state = styled(plugin["state"])
        lines.append(Text.assemble(("plugin   ", "dim"), f"{name} ", state, figures, (reason, "yellow")))
    return lines


def features(picture: Picture) -> list[Text]:
    """The features of the left channel that say most at a glance."""
    return [
        Text.assemble((f"{name.replace('_', ' '):<20}", "dim"), f"{value:10.4g}")
        for name in FEATURES_SHOWN
        if (value := picture.features.get(f"left.{name}")) is not None
    ]


def events(picture: Picture, rows: int) -> list[Text]:
    """The last `rows` events, the newest below."""
    shown: Iterable[str] = list(picture.events)[-rows:] if rows > 0 else ()
    return [Text(event, "bold red" if " alert" in event else "") for event in shown] or [
        Text("nothing yet", "dim")
    ]
