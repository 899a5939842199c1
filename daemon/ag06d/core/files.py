"""Files: reading only what makes nobody wait, writing so that a crash leaves the old one or the new one."""

from __future__ import annotations

import errno
import os
import re
import stat
import tempfile
from pathlib import Path
from typing import TextIO


def open_regular(path: Path) -> TextIO:
    """Open `path` to be read; raises OSError, also for a pipe or a device, which might make us wait."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    try:
        file = os.fdopen(descriptor, encoding="utf-8")
    except OSError:  # a folder
        os.close(descriptor)
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "it is no regular file", str(path))
    return file


def write_atomically(path: Path, text: str) -> None:
    """Make `path` hold `text`, on the disk when this returns; raises OSError.

    The text goes to a temporary file in the same folder, which is synced and then renamed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fchmod(file.fileno(), 0o640)
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Have the names in `folder` on the disk too; raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def next_backup(path: Path) -> Path:
    """The first free name of `path.~1~`, `path.~2~` and so on, after the highest that is taken."""
    number = re.compile(re.escape(path.name) + r"\.~([0-9]{1,9})~")
    taken = [int(match[1]) for other in path.parent.iterdir() if (match := number.fullmatch(other.name))]
    return path.with_name(f"{path.name}.~{max(taken, default=0) + 1}~")


def back_up(path: Path) -> Path:
    """Keep `path` as it is under its next backup name too, and return that; raises OSError."""
    while True:
        backup = next_backup(path)
        try:
            os.link(path, backup)  # fails, where a copy would overwrite, if the name was just taken
        except FileExistsError:
            continue
        except OSError:  # a file system without links
            backup.write_bytes(path.read_bytes())
        return backup
