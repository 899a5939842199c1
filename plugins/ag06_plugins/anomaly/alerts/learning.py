"""What labels do to thresholds: "wrong" raises one within its bounds, "right" keeps it; pure.

Each "wrong" goes a share of what is left of the way from the threshold to its highest bound: so far that what
was seen would not have been told, but no less than a tenth and no more than half. It can be taken back.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

LEAST: Final = 0.1
MOST: Final = 0.5
BEYOND: Final = 0.02  # of the way from threshold to what was seen, above it


def share(value: float, threshold: float, highest: float) -> float:
    """How far an alert that was called wrong raises a threshold, as a share of the way to `highest`."""
    room = highest - threshold
    if room <= 0:
        return 0.0
    wanted = (value - threshold) * (1 + BEYOND) / room
    return min(max(wanted, LEAST), MOST)


def raised_shares(labels: Iterable[tuple[str, float]]) -> dict[str, float]:
    """Kind to how far its threshold is on the way to its highest, 0 to 1, of all shares together."""
    left: dict[str, float] = {}
    for kind, part in labels:
        left[kind] = left.get(kind, 1.0) * (1 - part)
    return {kind: 1 - rest for kind, rest in left.items()}


def raised(threshold: float, highest: float, part: float) -> float:
    """A threshold that is `part` of the way to `highest`."""
    return threshold + (highest - threshold) * part
