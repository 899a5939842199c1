"""Which findings are of one thing: several detectors see it, and people are to be told once; pure."""

from __future__ import annotations

from typing import Final

UNUSUAL: Final = "unusual"
"""What kinds of the statistical detectors begin with: something is odd, which a known fault explains."""

CAUSES: Final[tuple[tuple[str, ...], ...]] = (
    ("clipping", "inter_sample_over"),
    ("gap", "dropout", "clock_mismatch", "click"),
    ("silence", "dead_channel", "imbalance", "phase_inversion", "loudness_low"),
    ("feedback", "hum", "tone", "noise_floor"),
    ("loudness_high",),
    ("loopback",),
    ("dc_offset",),
    ("bad_input",),
)
"""Kinds that may be of one thing; who comes first in a row is the cause of what comes after it."""

_RANK: Final = {kind: (row, at) for row, kinds in enumerate(CAUSES) for at, kind in enumerate(kinds)}


def is_unusual(kind: str) -> bool:
    """Whether it is of the statistical detectors, which know no cause."""
    return kind.startswith(UNUSUAL)


def one_thing(kind: str, other: str) -> bool:
    """Whether two kinds that were seen at once are of one thing."""
    if kind == other:
        return True
    if is_unusual(kind) or is_unusual(other):
        return True
    row, other_row = _RANK.get(kind, (-1, 0))[0], _RANK.get(other, (-2, 0))[0]
    return row == other_row


def causes(kind: str, other: str) -> bool:
    """Whether `kind` is the better name for a thing that was told as `other`."""
    if is_unusual(kind):
        return False
    if is_unusual(other):
        return True
    return kind in _RANK and other in _RANK and one_thing(kind, other) and _RANK[kind] < _RANK[other]


def rank(kind: str) -> tuple[int, int, int]:
    """A key to sort by: causes before what they cause, what is known before what is merely odd."""
    return (int(is_unusual(kind)), *_RANK.get(kind, (len(CAUSES), 0)))
