"""Texts that verbs read and write: a file, or stdin and stdout for `-`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from ag06d.cli.output import EXIT_REFUSED, fail
from ag06d.wire.codec import FRAME_MAX

PNG = ".png"
STANDARD = "-"  # stdin or stdout
TERMINAL = "-"  # what `--plot` is without a file


def as_png(file: Path | None) -> Path | None:
    """`file` as it is; raises typer.BadParameter for a name that promises another format."""
    if file is not None and file.suffix.lower() != PNG:
        raise typer.BadParameter(f"{str(file)!r}: figures are written as PNG; end it in {PNG}")
    return file


Png = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        callback=as_png,
        metavar="FILE.png",
        help="Draw into this PNG; default: the terminal.",
    ),
]


class DrawingCommand(TyperCommand):
    """Lets `--plot` stand without a value: what comes after it is its file only if that is a PNG."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - whichever click typer is built on
        """As the base does, once `--plot` has a value."""
        complete: list[str] = []
        for argument, after in zip(args, [*args[1:], ""], strict=False):
            complete.append(argument)
            if argument == "--plot" and not after.lower().endswith(PNG):
                complete.append(TERMINAL)
        return super().parse_args(ctx, complete)


def as_png_or_terminal(target: str | None) -> str | None:
    """`target` as it is; raises typer.BadParameter for a name that promises another format."""
    if target is not None and target != TERMINAL:
        as_png(Path(target))
    return target


def drawing(words: str) -> Any:  # noqa: ANN401 - as typer tells its type
    """The option `--plot` of a DrawingCommand: TERMINAL, or the name of a PNG."""
    return typer.Option(callback=as_png_or_terminal, metavar="[FILE.png]", help=words)


def read_text(file: Path) -> str:
    """What is in `file`, or says why it cannot be read, or be sent to the daemon, and exits."""
    try:
        if str(file) == STANDARD:
            content = sys.stdin.buffer.read(FRAME_MAX + 1)
        else:
            with file.open("rb") as source:  # which may be endless
                content = source.read(FRAME_MAX + 1)
        if len(content) > FRAME_MAX:
            fail(f"{file}: longer than {FRAME_MAX} bytes, the most that a request may have", EXIT_REFUSED)
        return content.decode()
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
