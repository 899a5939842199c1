"""Recordings: `record.*` and the topics `record.*.`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ag06d.wire.vocabulary.model import Answer, Arguments, Body, Operation, Part, Topic

Both = list[float]


class StartArguments(Arguments):
    """The body of `record.start`."""

    path: Annotated[str, Field(min_length=1, max_length=4096)] | None = None
    """A .wav or .flac file: an absolute path, or a name in the daemon's own folder; default: the date."""
    source: Literal["dry", "wet", "both"] = "wet"
    """What goes into the chain, what leaves it, or both: a file of four channels, dry first."""
    before_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    """Seconds from before now, as far as the rings hold them."""
    duration_s: Annotated[float, Field(gt=0, le=1e7, allow_inf_nan=False)] | None = None
    """Stop by itself so many seconds from now; those before come on top."""
    sample_format: Literal["float", "int24"] | None = None
    """Of a .wav: float (the default) or int24; a .flac has int24."""
    overwrite: bool = False
    """Whether the file may take the place of one that is there."""
    background: bool = False
    """A program makes it for itself: `record.list`, and `record.stop` without a name, leave it out."""


class StopArguments(Arguments):
    """The body of `record.stop`."""

    recording: Annotated[str, Field(max_length=100)] | None = None
    """As `record.start` has told; default: the only one that runs."""


class Started(Answer):
    """The answer to `record.start`."""

    recording: str | None
    """Its name; null in a dry run."""
    path: str
    """The file."""
    position: int
    """Sample position of the file's first frame."""


class Peaks(Part):
    """Of what is recorded."""

    dry: Both = Field(default_factory=list)
    """Left, right: largest sample of dry, dBFS."""
    wet: Both = Field(default_factory=list)
    """Left, right: largest sample of wet, dBFS."""


class Figures(Part):
    """How far a recording is."""

    recording: str
    """Its name."""
    seconds: float
    """Its length."""
    frames: int
    """Its length."""
    lost_frames: int
    """Frames that the recorder was too slow for, silent in the file."""
    gap_frames: int
    """Frames that never came while the device was away; they are not in the file."""
    peak_db: Peaks
    """Of all of it once it is finished, before of its last second."""


class Recording(Figures):
    """A recording."""

    state: str
    """`starting`, `recording`, `stopping` or `finished`."""
    path: str
    """The file; while it is written, and when its process was killed, it is called `NAME.part`."""
    source: str
    """`dry`, `wet` or `both`."""
    sample_format: str
    """`float` or `int24`."""
    rate: int
    """Frames per second."""
    position: int
    """Sample position of the file's first frame; frame n of the file is n later, always."""
    reason: str
    """How it ended: `stopped`, `complete`, `shutdown`, `failed` or `killed`; empty while it runs."""
    message: str
    """What went wrong; empty where nothing did."""
    pid: int
    """Its process; 0 without one."""
    background: bool
    """Whether a program makes it for itself, such as the clip of an alert."""


class Stopped(Recording, Answer):
    """The answer to `record.stop`, once the file is whole."""


class Recordings(Answer):
    """The answer to `record.list`."""

    recordings: list[Recording]


class RecordBody(Recording, Body):
    """The body of `record.started.` and `record.finished.`."""


class Progress(Figures, Body):
    """The body of `record.progress.`."""


OPERATIONS = (
    Operation("record.start", "Record dry, wet or both into a file", Started, StartArguments),
    Operation("record.stop", "End a recording, and what it came to", Stopped, StopArguments),
    Operation(
        "record.list",
        "The recordings that run, and the last ones that did, but for those in the background",
        Recordings,
    ),
)

TOPICS = (
    Topic("record.started", "A recording has begun", "events", RecordBody),
    Topic("record.progress", "How far a recording is, each second", "events", Progress),
    Topic("record.finished", "A recording has ended", "events", RecordBody),
)
