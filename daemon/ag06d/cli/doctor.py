"""`ag06ctl doctor`: what stands between this machine and sound without a gap, and what to do about it."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Any

import typer

from ag06d.cli.checks import CHECKS
from ag06d.cli.facts import Facts, gather
from ag06d.cli.output import EXIT_REFUSED, show
from ag06d.cli.verbs import Verbs

LEVELS = ("ok", "warning", "problem")

app = Verbs()


def examine(facts: Facts) -> dict[str, Any]:
    """Every check's finding, and how many there are of each level."""
    findings = [
        {"check": name, **asdict(finding)}
        for name, check in CHECKS.items()
        if (finding := check(facts)) is not None
    ]
    counts = Counter(finding["level"] for finding in findings)
    return {"findings": findings, **{level: counts[level] for level in LEVELS}}


def lines(document: dict[str, Any]) -> list[str]:
    """For a person: each finding, under it what to do."""
    told = []
    for finding in document["findings"]:
        told.append(f"{finding['level']:<8} {finding['check'].replace('_', ' ')}: {finding['found']}")
        if finding["advice"]:
            told.append(f"{'':<8} -> {finding['advice']}")
    return [*told, ", ".join(f"{document[level]} {level}" for level in LEVELS)]


@app.command()
def doctor() -> None:
    """Examine the machine, the installation and the daemon, if one runs; exit 1 when there is a problem.

    For example: ag06ctl doctor
    """
    document = examine(gather())
    show(document, *lines(document))
    if document["problem"]:
        raise typer.Exit(EXIT_REFUSED)
