"""Where rows lie offline: a folder for each view, version and UTC day, files that stand whole or not at all.

`VIEW/vVERSION/YYYY-MM-DD/NAME.parquet`, where NAME begins with the letter of what made it: `s` sealing, `a`
adding, `m` merging. What is being written has another suffix and is locked by its writer, so that whoever
cleans up knows what nobody will finish.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import BinaryIO, Final

from ag06d.plugin import FeatureView, RequestError

SUFFIX: Final = ".parquet"
TEMPORARY: Final = ".tmp"
SPOILED: Final = ".spoiled"
LOCK: Final = "maintainer.lock"
DAY_NS: Final = 86_400_000_000_000
EPOCH: Final = date(1970, 1, 1).toordinal()
ATTEMPTS: Final = 100  # more changes than this under a reader's hands are a fault


def of_view(folder: Path, view: FeatureView) -> Path:
    """Where the days of a view are."""
    return folder / view.name / f"v{view.version}"


def views(folder: Path) -> dict[str, Path]:
    """NAME@VERSION of every view that has a folder, and that folder."""
    return {
        f"{path.parent.name}@{path.name[1:]}": path
        for path in sorted(folder.glob("*/v*"))
        if path.name[1:].isdigit() and path.is_dir()
    }


def of_day(folder: Path, day: int) -> Path:
    """The folder of a day, counted since the epoch, of the view whose folder is `folder`."""
    return folder / date.fromordinal(EPOCH + day).isoformat()


def days(folder: Path) -> list[int]:
    """The days that a view's folder has, as numbers since the epoch, oldest first."""
    found = []
    for path in folder.glob("*-*-*"):
        try:
            found.append(date.fromisoformat(path.name).toordinal() - EPOCH)
        except ValueError:
            continue
    return sorted(found)


def files(folder: Path) -> list[Path]:
    """The files of a day as they stood together at one moment.

    One listing may miss a file that came while it was made and also those that then went for it. Two that
    are equal cannot: what the first one missed by coming late, the second one has.
    """
    before = _listed(folder)
    for _ in range(ATTEMPTS):
        after = _listed(folder)
        if after == before:
            break
        before = after
    return [folder / name for name in before]


def _listed(folder: Path) -> list[str]:
    try:
        return sorted(path.name for path in folder.iterdir() if path.suffix == SUFFIX)
    except FileNotFoundError:
        return []


def made(folder: Path) -> None:
    """Make a folder and those above it, each of them on the disk before anything is in it."""
    if folder.is_dir():
        return
    made(folder.parent)
    folder.mkdir(exist_ok=True)
    synced(folder.parent)


def synced(folder: Path) -> None:
    """Have the names in a folder written to the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def standing(path: Path) -> Iterator[BinaryIO]:
    """A file to write into, which has its name once all of it is on the disk; after an error it is gone."""
    temporary, file = _begun(path)
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            temporary.replace(path)  # while it is locked: nobody takes it for a leftover
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    synced(path.parent)


def _begun(path: Path) -> tuple[Path, BinaryIO]:
    for _ in range(ATTEMPTS):
        made(path.parent)
        temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}{TEMPORARY}")
        try:
            file = temporary.open("xb")
        except FileNotFoundError:  # the folder was empty, and was removed
            continue
        fcntl.flock(file, fcntl.LOCK_EX)
        if os.fstat(file.fileno()).st_nlink:  # nobody cleaned it up before it was locked
            return temporary, file
        file.close()
    raise OSError(f"{path.parent} is removed again and again while something is to be written into it")


def removed(path: Path) -> None:
    """Remove a file, and its folder if nothing else is in that."""
    path.unlink(missing_ok=True)
    try:
        path.parent.rmdir()
    except OSError:
        return


def cleaned(folder: Path) -> list[Path]:
    """Remove what a writer that died left half-written; returns what it was."""
    gone = []
    for path in sorted(folder.rglob(f"*{TEMPORARY}")):
        try:
            with path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
        except (BlockingIOError, FileNotFoundError):
            continue
        gone.append(path)
    return gone


def set_aside(path: Path) -> Path:
    """Give a spoiled file a name that nobody reads, and return it."""
    aside = path.with_name(f"{path.name}{SPOILED}")
    path.replace(aside)
    return aside


@contextmanager
def maintaining(folder: Path) -> Iterator[None]:
    """Be the only one who maintains a store; raises RequestError if somebody else does."""
    made(folder)
    with (folder / LOCK).open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RequestError(
                "busy", f"{folder} is being maintained by another process", "try again when it is done"
            ) from None
        yield
