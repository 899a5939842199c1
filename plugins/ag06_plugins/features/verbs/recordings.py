"""`ag06ctl features extract | backfill`: of recordings, into files or the store, without a daemon."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import numpy as np
import typer

from ag06_plugins.features.store.rows import Checker
from ag06_plugins.features.verbs import here
from ag06_plugins.shared.verbs import times
from ag06_plugins.shared.verbs.progress import progress
from ag06_plugins.shared.verbs.sheets import Output, sheet
from ag06_plugins.shared.verbs.tables import seconds
from ag06d.cli.output import show
from ag06d.cli.verbs import Verbs
from ag06d.errors import RequestError

if TYPE_CHECKING:
    from ag06_plugins.features.store.offline import Offline
    from ag06_plugins.features.verbs.extraction import Recorded, Recording, Wanted

TOGETHER: Final = 60_000  # rows of a view that make one file of the store
DAY_NS: Final = 86_400 * 10**9

app = Verbs()


class Stream(StrEnum):
    """Whose features a recording's are taken for."""

    DRY = "dry"
    WET = "wet"


def as_channels(text: str) -> tuple[int, ...]:
    """`1,2` or `3`; raises typer.BadParameter."""
    words = [word.strip() for word in text.split(",") if word.strip()]
    if not all(word.isdigit() for word in words) or len(words) > 2:  # noqa: PLR2004 - left and right
        raise typer.BadParameter(f"{text!r}: write left,right, counted from 1, such as 3,4")
    return tuple(int(word) for word in words)


File = Annotated[Path, typer.Argument(metavar="RECORDING", help="A wav, flac, ogg or other sound file.")]
Views = Annotated[
    list[str] | None,
    typer.Option("--view", metavar="NAME", help="Only this view, such as level; may be repeated."),
]
Channels = Annotated[
    str, typer.Option(metavar="L,R", help="Which channels are left and right; default: the first two.")
]
Rolloff = Annotated[
    float, typer.Option(min=0.01, max=0.99, help="As `rolloff` in [plugins.features]: of spectral_rolloff.")
]


@app.command()
def extract(  # noqa: PLR0913 - what there is to say about it
    recording: File,
    output: Output,
    view: Views = None,
    *,
    statistics: Annotated[
        bool, typer.Option("--statistics", help="Those over 1, 10 and 60 s too, each in a file of its own.")
    ] = False,
    channels: Channels = "",
    rolloff: Rolloff = 0.85,
) -> None:
    """Write a recording's features to a file: a row every 10 ms, at full precision; no daemon is needed.

    Without --view it is every feature of every 10 ms. `time_s` is the end of a row's 10 ms, from the
    beginning. Statistics have other times, so FILE.parquet has FILE.1s.parquet and so on beside it. The
    numbers are those that the daemon makes of the same sound. A rate from 8 to 192 kHz is taken as it is,
    another one is brought to 48 kHz; mono is taken for both channels, as the daemon does.

    For example: ag06ctl features extract take.flac --output take.parquet --view level --view mfcc
    """
    from ag06_plugins.features.verbs.extraction import Recording, ahead, extracted, wanted  # noqa: PLC0415 - soundfile is slow to import

    with here.telling(), ExitStack() as files:
        wants = wanted(view or (), statistics=statistics)
        source = Recording(recording, as_channels(channels))
        paths = beside(output, wants)
        sheets = {window_s: files.enter_context(sheet(path)) for window_s, path in paths.items()}
        for window_s, one in sheets.items():
            one.add(no_rows([want for want in wants if want.window_s == window_s]))
        tell = files.enter_context(progress(f"extracting {recording.name}", source.seconds))
        began_s = time.perf_counter()
        for block in ahead(extracted(source, wants, rolloff)):
            for window_s, one in sheets.items():
                of = {want.view.key for want in wants if want.window_s == window_s}
                if rows := [entry for entry in block if entry.view.key in of]:
                    one.add(columns(rows))
            tell(min(source.seconds, max((float(entry.times_s[-1]) for entry in block), default=0.0)))
        took_s = time.perf_counter() - began_s
        document = told(source, took_s) | {
            "files": [{"path": str(paths[s]), "rows": one.rows} for s, one in sheets.items()],
            "views": [want.view.key for want in wants],
        }
    show(
        document, *(f"{file['path']}: {file['rows']} rows" for file in document["files"]), in_words(document)
    )


def beside(output: Path, wants: Sequence[Wanted]) -> dict[int, Path]:
    """The file of each window, for rows of different windows have different times."""
    windows = sorted({want.window_s for want in wants})
    return {
        window_s: output.with_name(f"{output.stem}.{window_s}s{output.suffix}") if at else output
        for at, window_s in enumerate(windows)
    }


def columns(rows: Sequence[Recorded]) -> Mapping[str, Any]:
    """Rows of several views with the same times, side by side."""
    found: dict[str, Any] = {"time_s": rows[0].times_s}
    for entry in rows:
        found |= {name: np.ascontiguousarray(entry.rows[:, at]) for at, name in enumerate(entry.view.columns)}
    return found


def no_rows(wants: Sequence[Wanted]) -> Mapping[str, Any]:
    """The columns alone."""
    names = [name for want in wants for name in want.view.columns]
    return {"time_s": np.empty(0)} | {name: np.empty(0, dtype=np.float32) for name in names}


def told(source: Recording, took_s: float) -> dict[str, Any]:
    """What there is to say about the recording and the work."""
    return {
        "recording": str(source.path),
        "seconds": round(source.seconds, 3),
        "rate": source.rate,
        "file_rate": source.file_rate,
        "channels": source.file_channels,
        "speed": round(source.seconds / max(took_s, 1e-9), 1),
    }


def in_words(document: Mapping[str, Any]) -> str:
    """How long it was, and how fast it went."""
    brought = (
        f", brought from {document['file_rate']} Hz" if document["rate"] != document["file_rate"] else ""
    )
    mono = ", mono, taken for both channels" if document["channels"] == 1 else ""
    length = f"{seconds(document['seconds'])} of sound at {document['rate']} Hz{brought}{mono}"
    return f"{length}: {document['speed']:.0f} times real time"


@app.command()
def backfill(  # noqa: PLR0913 - what there is to say about it
    recording: File,
    *,
    at: times.At,
    stream: Annotated[Stream, typer.Option(help="Whose features they are.")] = Stream.DRY,
    view: Views = None,
    channels: Channels = "",
    rolloff: Rolloff = 0.85,
    store: here.Store = None,
) -> None:
    """Put a recording's features into the store, as if it had been heard at that time; no daemon is needed.

    Without --view it is all that the daemon would have kept: every 10 ms, and the statistics. The same
    recording at the same time again takes the place of what it was. Clients see it in history and in joins;
    `features get` goes on with what is newest.

    For example: ag06ctl features backfill take.flac --at 2026-03-01T12:30 --stream wet
    """
    from ag06_plugins.features.verbs.extraction import Recording, ahead, extracted, wanted  # noqa: PLC0415 - soundfile is slow to import

    with here.offline(store, new=True) as offline:
        wants = wanted(view or (), statistics=not view)
        source = Recording(recording, as_channels(channels))
        now_ns = time.time_ns()
        if at + round(source.seconds * 1e9) > now_ns:
            message = f"{recording} of {seconds(source.seconds)} at {times.shown(at)} would end in the future"
            raise RequestError("out_of_range", message, "--at says when it began")
        warn_of_retention(wants, (now_ns - at) / DAY_NS)
        began_s, kept = time.perf_counter(), Kept(offline, stream, at, now_ns)
        with progress(f"extracting {recording.name}", source.seconds) as tell:
            for block in ahead(extracted(source, wants, rolloff, stream)):
                for entry in block:
                    kept.take(entry)
                tell(min(source.seconds, max((float(e.times_s[-1]) for e in block), default=0.0)))
            kept.flush()
        document = told(source, time.perf_counter() - began_s) | {
            "store": str(here.folder_of(store)),
            "stream": stream,
            "start_ns": at,
            "rows": kept.rows,
            "rejected": kept.rejected,
        }
    rows = sum(kept.rows.values())
    lines = [
        f"{rows} rows of {len(kept.rows)} views of {stream}, from {times.shown(at)} on",
        in_words(document),
    ]
    lines += [f"{kept.rejected} rows were left out: what has no value is not kept"] if kept.rejected else []
    show(document, *lines)


def warn_of_retention(wants: Sequence[Wanted], age_days: float) -> None:
    """Say on stderr what will not stay for long."""
    short = {
        want.view.key: want.view.retention_days
        for want in wants
        if want.view.retention_days is not None and want.view.retention_days < age_days
    }
    if short:
        key, days = next(iter(short.items()))
        others = f" and {len(short) - 1} more" if len(short) > 1 else ""
        message = (
            f"{key}{others}: rows of more than {days:g} days ago are removed when the daemon next cleans up; "
            "hop_days and statistics_days in [plugins.features.store] say how long they stay"
        )
        typer.echo(f"ag06ctl: {message}", err=True)


class Kept:
    """Rows on their way into the store; `rows` of each view that are there, `rejected` those that are not."""

    def __init__(self, offline: Offline, stream: str, at_ns: int, now_ns: int) -> None:
        self.rows: dict[str, int] = {}
        self.rejected = 0
        self._offline, self._stream, self._at_ns, self._now_ns = offline, stream, at_ns, now_ns
        self._waiting: dict[str, list[Recorded]] = {}

    def take(self, entry: Recorded) -> None:
        """Rows of a view, after those before."""
        waiting = self._waiting.setdefault(entry.view.key, [])
        waiting.append(entry)
        if sum(len(part.times_s) for part in waiting) >= TOGETHER:
            self._write(entry.view.key)

    def flush(self) -> None:
        """Write what waits."""
        for key in list(self._waiting):
            self._write(key)

    def _write(self, key: str) -> None:
        parts = self._waiting.pop(key)
        view = self._offline.registry.view(key)
        rows = np.concatenate([part.rows for part in parts])
        times_s = np.concatenate([part.times_s for part in parts])
        times_ns = self._at_ns + np.round(times_s * 1e9).astype(np.int64)
        good, rejected = Checker(view).check(rows, times_ns, 0, self._now_ns)
        if good is not None:
            rows, times_ns = rows[good], times_ns[good]
            self.rejected += len(rejected)
        if len(rows):
            self._offline.add(key, self._stream, times_ns, rows, self._now_ns)
        self.rows[key] = self.rows.get(key, 0) + len(rows)
