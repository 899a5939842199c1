"""Texts that verbs read and write: a file, or stdin and stdout for `-`."""

from __future__ import annotations

import sys
from pathlib import Path

from ag06d.cli.output import EXIT_REFUSED, fail

STANDARD = "-"  # stdin or stdout


def read_text(file: Path) -> str:
    """What is in `file`, or says why it cannot be read, and exits."""
    try:
        return sys.stdin.read() if str(file) == STANDARD else file.read_text(encoding="utf-8")
    except OSError as error:
        fail(f"{file}: cannot be read: {error.strerror}", EXIT_REFUSED)
    except UnicodeDecodeError:
        fail(f"{file}: is no text in UTF-8", EXIT_REFUSED)


def write_text(file: Path, text: str, *, force: bool) -> None:
    """Write `text`; over a file that is there only by `force`."""
    try:
        with file.open("w" if force else "x", encoding="utf-8") as target:
            target.write(text)
    except FileExistsError:
        fail(f"{file} is there already; --force writes over it", EXIT_REFUSED)
    except OSError as error:
        fail(f"{file}: cannot be written: {error.strerror}", EXIT_REFUSED)
