"""The topics of alerts: one for each kind, so that a client hears of what it cares for."""

from __future__ import annotations

from typing import Final

from ag06_plugins.anomaly.alerts.grouping import UNUSUAL
from ag06_plugins.anomaly.faults.frames import BAD_INPUT, GAP
from ag06_plugins.anomaly.faults.kinds import KINDS
from ag06d.plugin import Topic

STATES: Final = "opened, updated, closed, acknowledged, labelled or clip"
OTHERS: Final = {
    GAP: "Sound that never arrived: the device was away, or the machine too slow for it",
    BAD_INPUT: "Input that is no sound: NaN, infinity or more than +24 dBFS; it was silenced",
    UNUSUAL: "Odd against what this studio's own history calls normal",
}
DOCS: Final[dict[str, str]] = {rule.kind: rule.doc for rule in KINDS} | OTHERS


def topic_of(kind: str) -> str:
    """The topic on which alerts of `kind` are told."""
    return f"alert.{kind}"


def topics() -> list[Topic]:
    """All of them."""
    return [
        Topic(topic_of(kind), f"{doc}; `state` is {STATES}", channel="events") for kind, doc in DOCS.items()
    ]
