"""`ag06ctl anomaly inject`: a fault on purpose, to see whether it is found."""

from __future__ import annotations

import contextlib
from typing import Annotated, Any, Final

import typer

from ag06d.cli.output import EXIT_REFUSED, client, show
from ag06d.cli.verbs import Verbs

PATIENCE_S: Final = 30.0  # beyond the fault's own length

app = Verbs()


@app.command()
def inject(
    fault: Annotated[str, typer.Argument(help="Its name or kind; `ag06ctl anomaly kinds` lists them.")],
    *,
    strength: Annotated[str, typer.Option(help="By name or as a number; default: the middle one.")] = "",
    length: Annotated[float | None, typer.Option("--seconds", min=0.001, max=60, help="How long.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of its chance.")] = 0,
) -> None:
    """Put a fault into the dry sound as plugins see it, and tell whether and how fast it is found.

    What is heard and recorded stays as it is. Exits with 1 where the fault was not found.

    For example: ag06ctl anomaly inject dropout
    """
    wanted: float | str | None = strength or None
    with contextlib.suppress(ValueError):
        wanted = float(strength)
    body = {"fault": fault, "strength": wanted, "seconds": length, "seed": seed}
    with client() as ag06:
        document = ag06.request("anomaly.inject", body, timeout_s=(length or 10.0) + PATIENCE_S).body
    show(document, in_words(document))
    if not document["found"]:
        raise typer.Exit(EXIT_REFUSED)


def in_words(document: dict[str, Any]) -> str:
    """What became of it."""
    what = f"{document['fault']} of {document['strength']:g} {document['unit']}".rstrip()
    what = f"{what} for {document['seconds']:g} s"
    others = f"; also seen: {', '.join(document['others'])}" if document["others"] else ""
    if not document["found"]:
        return f"{what}: NOT FOUND{others}"
    return (
        f"{what}: found as {document['kind']} after {document['delay_ms']:.0f} ms, {document['severity']}, "
        f"alert {document['alert']}{others}"
    )
