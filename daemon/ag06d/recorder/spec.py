"""What ag06d asks of a recorder process, as JSON on its stdin, and the forms in which it writes."""

from __future__ import annotations

from dataclasses import dataclass

SOURCES = {"dry": ("dry",), "wet": ("wet",), "both": ("dry", "wet")}
"""What can be recorded, and the rings it is taken from: two channels of the file each, in this order."""

FORMATS = {".wav": ("float", "int24"), ".flac": ("int24",)}
"""Suffix of the file to the sample formats that it can hold; the first is the default."""

PART = ".part"
"""What is added to the name of a file that is not finished."""


@dataclass(frozen=True, slots=True)
class RecorderSpec:
    """Everything that a recorder needs to know at start.

    `position`: first frame of the file; `frames`: how many, null until SIGTERM; `folder`: made if need be,
    where every other folder has to be there; `overwrite`: whether `path` may be a file already.
    """

    parent: int
    arena_fd: int
    path: str
    folder: str
    source: str
    sample_format: str
    position: int
    frames: int | None
    overwrite: bool
