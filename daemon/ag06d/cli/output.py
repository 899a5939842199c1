"""What all verbs of `ag06ctl` share: the connection, what is printed, and how it exits."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NoReturn

import typer

from ag06d.client import Client
from ag06d.errors import Ag06Error, ConfigError, NoDaemonError, RequestError

EXIT_REFUSED, EXIT_USAGE, EXIT_NO_DAEMON = 1, 2, 3
CLOCK_JITTER_BLOCKS = 4  # frames expected by the clock and not delivered are missing beyond so many blocks


class Output:
    """How results are printed: set once by the options before the verb."""

    as_json = False


@contextmanager
def client() -> Iterator[Client]:
    """A client, whose errors become messages and exit statuses."""
    try:
        with Client() as connected:
            yield connected
    except NoDaemonError as error:
        fail(str(error), EXIT_NO_DAEMON)
    except RequestError as error:
        fail(str(error), EXIT_REFUSED)
    except ConfigError as error:
        fail(str(error), EXIT_USAGE)
    except Ag06Error as error:
        fail(str(error), EXIT_REFUSED)
    except BrokenPipeError:  # `ag06ctl watch | head`
        sys.stderr.close()
        raise typer.Exit from None
    except KeyboardInterrupt:
        raise typer.Exit from None


def fail(message: str, status: int) -> NoReturn:
    """Say what was wrong and exit."""
    typer.echo(f"ag06ctl: {message}", err=True)
    raise typer.Exit(status)


def show(document: Mapping[str, Any], *lines: str) -> None:
    """The document as JSON, or the lines."""
    if Output.as_json:
        typer.echo(json.dumps(document))
    else:
        for line in lines:
            typer.echo(line)


def literal(value: Any) -> str:  # noqa: ANN401 - a leaf
    """A leaf's value as `set` reads it."""
    return json.dumps(value) if not isinstance(value, str) else value
