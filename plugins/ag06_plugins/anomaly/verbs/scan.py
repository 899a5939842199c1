"""`ag06ctl anomaly scan`: what is wrong with a recording, without a daemon."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from ag06_plugins.shared.verbs.progress import progress
from ag06d.cli.output import EXIT_REFUSED, fail, show
from ag06d.cli.verbs import Verbs
from ag06d.errors import Ag06Error

if TYPE_CHECKING:
    from ag06_plugins.anomaly.scanning import Fault
    from ag06_plugins.anomaly.verbs.recording import Recording
    from ag06d.anomaly.faults import Array

HEADS: Final = ("from", "to", "kind", "channel", "severity", "evidence")
PLOTTED: Final = 6  # faults of which there is a figure
AROUND_S: Final = 0.02  # of sound on either side, or as much as the fault lasts
LONGEST_S: Final = 2.0
COLUMNS: Final = 400

app = Verbs()


def as_channels(text: str) -> tuple[int, ...]:
    """`1,2` or `3`; raises typer.BadParameter."""
    words = [word.strip() for word in text.split(",") if word.strip()]
    if not all(word.isdigit() for word in words) or len(words) > 2:  # noqa: PLR2004 - left and right
        raise typer.BadParameter(f"{text!r}: write left,right, counted from 1, such as 3,4")
    return tuple(int(word) for word in words)


@app.command("scan")
def scan_recording(
    recording: Annotated[Path, typer.Argument(metavar="RECORDING", help="A wav, flac, ogg, mp3 or other.")],
    channels: Annotated[
        str, typer.Option(metavar="L,R", help="Which channels are left and right; default: the first two.")
    ] = "",
    *,
    plot: Annotated[
        bool, typer.Option("--plot", help=f"The sound around each fault, of the first {PLOTTED}.")
    ] = False,
) -> None:
    """Audio faults of a recording: what is wrong, where, how grave, and the evidence; no daemon is needed.

    They are those that the daemon would tell of the same sound. A rate from 8 to 192 kHz is taken as it is,
    another one is brought to 48 kHz; mono is taken for both channels.

    For example: ag06ctl anomaly scan take.flac --plot
    """
    from ag06_plugins.anomaly.scanning import Scanner  # noqa: PLC0415 - likewise
    from ag06_plugins.anomaly.verbs.recording import Recording  # noqa: PLC0415 - soundfile is slow to import

    try:
        source = Recording(recording, as_channels(channels))
        scanner = Scanner(source.rate)
        began_s, done = time.perf_counter(), 0
        with progress(f"scanning {recording.name}", source.seconds) as tell:
            for block in source.blocks(scanner.hop):
                scanner.take(block)
                done += len(block)
                tell(done / source.rate)
        took_s = time.perf_counter() - began_s
        faults = scanner.faults
        document = {
            "recording": str(recording),
            "seconds": round(done / source.rate, 3),
            "rate": source.rate,
            "channels": source.channels,
            "speed": round(done / source.rate / max(took_s, 1e-9), 1),
            "faults": [told(fault, source.rate) for fault in faults],
        }
        lines = [*table(faults, source.rate), in_words(document, source)]
        lines += figures(source, faults) if plot else []
    except Ag06Error as error:
        fail(str(error), EXIT_REFUSED)
    except KeyboardInterrupt:
        fail("interrupted", EXIT_REFUSED)
    show(document, *lines)


def told(fault: Fault, rate: int) -> dict[str, Any]:
    """A fault as JSON has it."""
    from ag06_plugins.anomaly.faults.kinds import KINDS  # noqa: PLC0415 - numpy is slow to import

    found = fault.finding
    rule = next(rule for rule in KINDS if rule.kind == found.kind)
    evidence: dict[str, Any] = {rule.measure: round(found.value, 4)}
    evidence |= {name: round(v, 4) if isinstance(v, float) else v for name, v in found.evidence.items()}
    return {
        "kind": found.kind,
        "channel": found.channel,
        "severity": found.severity,
        "start_s": round(found.start / rate, 6),
        "end_s": round(found.end / rate, 6),
        "told_s": round(fault.told / rate, 6),
        "value": round(found.value, 4),
        "unit": found.unit,
        "threshold": round(found.threshold, 4),
        "score": round(found.score, 4),
        "evidence": evidence,
    }


def evidence(fault: Fault) -> str:
    """The evidence in words: `26.2 ms of 50; clip level 0.0 dBFS`."""
    from ag06_plugins.anomaly.faults.kinds import KINDS  # noqa: PLC0415 - likewise

    found = fault.finding
    units = {name: unit for rule in KINDS if rule.kind == found.kind for name, unit in rule.evidence}
    words = [f"{found.value:.3g} {found.unit}"]
    for name, value in found.evidence.items():
        called = name.rpartition(".")[2].rpartition("_")[0].replace("_", " ")
        shown = f"{value:.1f}" if isinstance(value, float) else value
        words.append(f"{called} {shown} {units.get(name, '')}".rstrip())
    return "; ".join(words)


def table(faults: Sequence[Fault], rate: int) -> list[str]:
    """A line for each."""
    rows = [
        (
            clock(fault.finding.start / rate),
            clock(fault.finding.end / rate),
            fault.finding.kind.replace("_", " "),
            fault.finding.channel,
            fault.finding.severity,
            evidence(fault),
        )
        for fault in faults
    ]
    if not rows:
        return []
    widths = [max(map(len, column)) for column in zip(HEADS, *rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (HEADS, *rows)
    ]


def clock(seconds: float) -> str:
    """`0:11.815`."""
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes)}:{rest:06.3f}"


def in_words(document: dict[str, Any], source: Recording) -> str:
    """How many there are, in how much sound, and how fast it went."""
    faults = document["faults"]
    kinds = sorted({fault["kind"].replace("_", " ") for fault in faults})
    count = "no fault" if not faults else f"{len(faults)} fault{'s' if len(faults) > 1 else ''}"
    named = f" ({', '.join(kinds)})" if kinds else ""
    brought = f", brought from {source.file_rate} Hz" if source.rate != source.file_rate else ""
    mono = ", mono, taken for both channels" if source.file_channels == 1 else ""
    more = ", ".join(map(str, source.channels))
    chosen = f", channels {more} of {source.file_channels}" if source.file_channels > 2 else ""  # noqa: PLR2004 - more than stereo
    length = f"{document['seconds']:.1f} s at {source.rate} Hz{brought}{mono}{chosen}"
    return f"{count}{named} in {length}: {document['speed']:.0f} times real time"


def figures(source: Recording, faults: Sequence[Fault]) -> list[str]:
    """The sound around each of the first faults; raises RecordingError or PlotError."""
    import numpy as np  # noqa: PLC0415 - slow to import

    from ag06_plugins.anomaly.scanning import Scanner  # noqa: PLC0415 - likewise
    from ag06_plugins.anomaly.verbs.recording import Recording  # noqa: PLC0415 - likewise

    hop = Scanner(source.rate).hop
    whole = np.concatenate([*Recording(source.path, source.channels).blocks(hop)])
    return [figure(whole, fault, source.rate) for fault in faults[:PLOTTED]]


def figure(sound: Array, fault: Fault, rate: int) -> str:
    """The louder sample of each column, left or right, around a fault."""
    import numpy as np  # noqa: PLC0415 - slow to import

    from ag06d.plot import plot_series  # noqa: PLC0415 - likewise
    from ag06d.plot.series import Series  # noqa: PLC0415 - likewise

    found = fault.finding
    around = round(max(AROUND_S, min(0.5 * (found.end - found.start) / rate, LONGEST_S / 4)) * rate)
    begin = max(0, found.start - around)
    end = min(len(sound), found.end + around, begin + round(LONGEST_S * rate))
    part = sound[begin:end, 1 if found.channel == "right" else 0].astype(np.float64)
    edges = np.unique(np.linspace(0, len(part), COLUMNS, endpoint=False).astype(int))
    high, low = np.maximum.reduceat(part, edges), np.minimum.reduceat(part, edges)
    values = np.column_stack([low, high]).ravel()
    times = np.repeat(edges / rate, 2)
    name = f"from {clock(begin / rate)} on"
    series = Series(len(part) / rate, times, {name: values}, {name: "full scale 1"})
    title = f"\n{found.kind.replace('_', ' ')}, {found.channel}, at {clock(found.start / rate)}"
    return plot_series(series, title)
