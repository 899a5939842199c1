"""`ag06ctl record ...`: record what the daemon hears or plays, with the seconds before."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ag06d.cli.output import EXIT_REFUSED, client, show
from ag06d.cli.verbs import Verbs, group_with_default
from ag06d.errors import NoDaemonError

if TYPE_CHECKING:
    from ag06d.client import Client

ASK_S = 0.5  # between two questions how far it is
DEFAULT = "take"
PART = ".part"  # what the daemon adds to the name of a file that is not finished
QUIET_DB = -200.0  # silence, as the daemon tells it


app = Verbs(
    cls=group_with_default(DEFAULT),
    help="Record dry, wet or both, with the seconds before. `record [FILE]` is `record take [FILE]`.",
)


class Source(StrEnum):
    """What can be recorded."""

    DRY = "dry"
    WET = "wet"
    BOTH = "both"


class SampleFormat(StrEnum):
    """Sample formats of a WAV."""

    FLOAT = "float"
    INT24 = "int24"


File = Annotated[
    Path | None,
    typer.Argument(
        metavar="FILE",
        help="A .wav or .flac file; default: the date, in the daemon's folder.",
        show_default=False,
    ),
]
From = Annotated[
    Source, typer.Option(help="What goes into the chain, what leaves it, or four channels of both.")
]
Before = Annotated[float, typer.Option(min=0, metavar="SECONDS", help="Begin so long before now.")]
For = Annotated[
    float | None, typer.Option("--for", min=0, metavar="SECONDS", help="Stop by itself so long after now.")
]
Format = Annotated[
    SampleFormat | None,
    typer.Option("--format", help="Of a WAV, default float; FLAC is int24.", show_default=False),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Take the place of a file that is there.")]


def begin(ag06: Client, file: Path | None, **body: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever msgpack can carry
    """Have the daemon begin; it knows nothing of our working folder."""
    return ag06.call("record.start", path=None if file is None else str(file.absolute()), **body)


def level(peak_db: Mapping[str, list[float]]) -> str:
    """The largest peak of each stream."""
    peaks = {ring: max(sides) for ring, sides in peak_db.items()}
    return ", ".join(
        f"{ring} peak {'silent' if peak <= QUIET_DB else f'{peak:.1f} dBFS'}" for ring, peak in peaks.items()
    )


def missing(document: Mapping[str, Any]) -> str:
    """What is not in the file, in words."""
    words = {"lost_frames": "lost, and silent in the file", "gap_frames": "missed while the device was away"}
    told = [
        f"{document[key]} frames ({document[key] / document['rate']:.2f} s) {what}"
        for key, what in words.items()
        if document[key]
    ]
    return "; ".join(told) or "nothing lost"


def line(document: Mapping[str, Any]) -> str:
    """One recording in one line."""
    return f"{document['seconds']:.1f} s, {level(document['peak_db'])}, {missing(document)}"


def progress(document: Mapping[str, Any]) -> str:
    """How far one is that runs."""
    return f"{line(document) if document['frames'] else 'beginning'}; Ctrl-C stops"


def left_behind(known: Mapping[str, Any]) -> dict[str, Any]:
    """What the end of the daemon has made of a recording of which so much was `known`; raises NoDaemonError.

    A daemon that is stopped finishes its files. Their length is their own, all else is as it was told last.
    """
    path = Path(known["path"])
    part = path.with_name(path.name + PART)
    if os.path.lexists(part):
        path, reason, message = part, "killed", "the daemon has ended before the file was finished"
    elif os.path.lexists(path):
        reason = "shutdown"
        message = "the daemon has stopped and finished the file; peak and losses are as it told them last"
    else:
        raise NoDaemonError(f"no daemon answers any more, and neither {path} nor {part} can be seen")
    ended = {"state": "finished", "reason": reason, "message": message, "path": str(path), "pid": 0}
    return {**known, **length(path), **ended}


def length(path: Path) -> dict[str, Any]:
    """Frames and seconds of a sound file; nothing of one that cannot be read."""
    import soundfile  # noqa: PLC0415 - slow to import, and needed at the end of a daemon alone

    try:
        info = soundfile.info(path)
    except (OSError, soundfile.SoundFileError):
        return {}
    return {"frames": info.frames, "seconds": round(info.duration, 3)}


def report(document: Mapping[str, Any]) -> None:
    """What it came to; exit 1 when it was cut off."""
    figures = [line(document)] if "peak_db" in document else []
    remark = [document["message"]] if document["reason"] == "shutdown" and document["message"] else []
    show(document, document["path"], *figures, *remark)
    if document["reason"] in ("failed", "killed"):
        message = f"{document['message']}; what was written until then is in {document['path']}"
        typer.echo(f"ag06ctl: {message}", err=True)
        raise typer.Exit(EXIT_REFUSED)


def until_finished(ag06: Client, name: str, tell: Callable[[Mapping[str, Any]], None]) -> dict[str, Any]:
    """Wait for its end; `tell` is given how far it is."""
    while True:
        recordings: list[dict[str, Any]] = ag06.call("record.list")["recordings"]
        document = next(recording for recording in recordings if recording["recording"] == name)
        if document["state"] == "finished":
            return document
        tell(document)
        time.sleep(ASK_S)


@app.command(DEFAULT)
def take(  # noqa: PLR0913 - what there is to say about a recording
    file: File = None,
    source: From = Source.WET,
    before: Before = 0,
    duration: For = None,
    sample_format: Format = None,
    *,
    overwrite: Overwrite = False,
) -> None:
    """Record until Ctrl-C, and say what it came to.

    For example: ag06ctl record take.wav
    """
    from rich.console import Console  # noqa: PLC0415 - slow to import, and only this verb needs it

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # stops the recording too
    with client() as ag06, Console(stderr=True).status("beginning") as status:
        options = {"before_s": before, "duration_s": duration, "sample_format": sample_format}
        known = begin(ag06, file, source=source, overwrite=overwrite, **options)
        name = known["recording"]

        def tell(now: Mapping[str, Any]) -> None:
            known.update(now)
            status.update(progress(now))

        try:
            try:
                document = until_finished(ag06, name, tell)
            except KeyboardInterrupt:
                document = ag06.call("record.stop", recording=name)
        except NoDaemonError:
            document = left_behind(known)
    report(document)


@app.command()
def start(  # noqa: PLR0913 - see take
    file: File = None,
    source: From = Source.WET,
    before: Before = 0,
    duration: For = None,
    sample_format: Format = None,
    *,
    overwrite: Overwrite = False,
) -> None:
    """Begin a recording and leave it to the daemon.

    For example: ag06ctl record start take.wav
    """
    options = {"before_s": before, "duration_s": duration, "sample_format": sample_format}
    with client() as ag06:
        document = begin(ag06, file, source=source, overwrite=overwrite, **options)
    show(document, f"{document['recording']}: {document['path']}")


@app.command()
def stop(
    recording: Annotated[
        str | None, typer.Argument(help="As `start` has told; default: the one that runs.")
    ] = None,
) -> None:
    """End a recording with the present moment.

    For example: ag06ctl record stop
    """
    with client() as ag06:
        document = ag06.call("record.stop", recording=recording)
    report(document)


@app.command("list")
def list_recordings() -> None:
    """The recordings that run, and the last ones that did.

    For example: ag06ctl record list
    """
    with client() as ag06:
        document = ag06.call("record.list")
    lines = [
        f"{entry['recording']:<4} {entry['reason'] or entry['state']}: {entry['path']}: {line(entry)}"
        for entry in document["recordings"]
    ]
    show(document, *(lines or ["nothing was recorded yet"]))
