"""`ag06ctl anomaly kinds`: what is watched for, and what can be injected."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any, Final

from ag06_plugins.shared.verbs.tables import number, table
from ag06d.cli.output import client, show
from ag06d.cli.verbs import Verbs

HEADS: Final = ("kind", "threshold", "bounds", "unit", "inject as")
WIDTH: Final = 100

app = Verbs()


@app.command()
def kinds() -> None:
    """Every kind of fault: its threshold as labels made it, its bounds, and faults to inject.

    For example: ag06ctl anomaly kinds
    """
    with client() as ag06:
        document = ag06.call("anomaly.kinds")
    show(document, *lines(document))


def lines(document: Mapping[str, Any]) -> Iterator[str]:
    """In words."""
    faults: dict[str, list[str]] = {}
    for name, fault in document["faults"].items():
        faults.setdefault(fault["kind"], []).append(f"{name} ({', '.join(fault['strengths'])})")
    rows = [
        (
            kind,
            number(entry["threshold"]) + ("" if entry["threshold"] == entry["shipped"] else " (learned)"),
            " to ".join(f"{bound:g}" for bound in entry["bounds"]),
            entry["unit"],
            ", ".join(faults.get(kind, ["-"])),
        )
        for kind, entry in document["kinds"].items()
    ]
    yield from table(HEADS, rows)
    yield ""
    for kind, entry in document["kinds"].items():
        yield from textwrap.wrap(f"{kind}: {entry['doc']}", WIDTH, subsequent_indent="    ")
