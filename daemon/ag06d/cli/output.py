"""What all verbs of `ag06ctl` share: the connection, what is printed, and how it exits."""

from __future__ import annotations

import difflib
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

import typer

from ag06d.errors import Ag06Error, ConfigError, DeadlineError, NoDaemonError, RequestError

if TYPE_CHECKING:
    from ag06d.client import Client

EXIT_REFUSED, EXIT_USAGE, EXIT_NO_DAEMON = 1, 2, 3
BAD_INPUT = "of input were silenced: NaN, infinite or beyond +24 dBFS, or just after such"
CLOCK_JITTER_BLOCKS = 4  # frames expected by the clock and not delivered are missing beyond so many blocks


class Output:
    """How results are printed: set once by the options before the verb."""

    as_json = False


@contextmanager
def client() -> Iterator[Client]:
    """A client, whose errors become messages and exit statuses."""
    from ag06d.client import Client  # noqa: PLC0415 - numpy and ZeroMQ are slow to import, and --help needs neither

    try:
        with Client() as connected:
            yield connected
    except NoDaemonError as error:
        fail(str(error), EXIT_NO_DAEMON, code="no_daemon")
    except DeadlineError as error:
        fail(
            error.message,
            EXIT_REFUSED if error.answered else EXIT_NO_DAEMON,
            code=error.code,
            hint=error.hint,
        )
    except RequestError as error:
        fail(error.message, EXIT_REFUSED, code=error.code, hint=error.hint)
    except ConfigError as error:
        fail(str(error), EXIT_USAGE)
    except Ag06Error as error:
        fail(str(error), EXIT_REFUSED)
    except BrokenPipeError:  # `ag06ctl watch | head`
        let_go_of_output()
        raise typer.Exit from None
    except KeyboardInterrupt:
        raise typer.Exit from None


def fail(message: str, status: int, *, code: str = "", hint: str = "") -> NoReturn:
    """Say what was wrong and exit; with --json also as a document.

    `code` is the daemon's, or says what the exit status does.
    """
    typer.echo(f"ag06ctl: {message}{f' ({hint})' if hint else ''}", err=True)
    if Output.as_json:
        code = code or ("usage" if status == EXIT_USAGE else "failed")
        typer.echo(error_document(code, message, hint))
    raise typer.Exit(status)


def error_document(code: str, message: str, hint: str) -> str:
    """One line of JSON."""
    return json.dumps({"error": {"code": code, "message": message, "hint": hint}})


def nearest(name: str, known: Iterable[str]) -> str:
    """The hint that names what was probably meant, or all that there is."""
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"did you mean {near[0]}?" if near else f"there is {', '.join(known) or 'none'}"


def show(document: Mapping[str, Any], *lines: str) -> None:
    """The document as JSON, or the lines; who reads them may have seen enough before the end."""
    try:
        for line in [json.dumps(document)] if Output.as_json else lines:
            typer.echo(line)
    except BrokenPipeError:
        let_go_of_output()
        raise typer.Exit from None


def preset_titles(status: Mapping[str, Any]) -> dict[str, str]:
    """Slot to the name of its preset, and whether it was changed since; an older daemon does not tell."""
    changed = status.get("preset_changed", {})
    return {
        slot: f"{name} (changed)" if changed.get(slot) else str(name)
        for slot, name in status["preset"].items()
    }


def literal(value: Any) -> str:  # noqa: ANN401 - a leaf
    """A leaf's value as `set` reads it."""
    return json.dumps(value) if not isinstance(value, str) else value


def let_go_of_output() -> None:
    """Give what cannot be written any more to nobody; else Python would end with a status of its own."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
