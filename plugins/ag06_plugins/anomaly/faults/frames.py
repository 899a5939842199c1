"""Faults that a frame itself tells of: sound that never arrived, and input that is no sound."""

from __future__ import annotations

from typing import Final

from ag06_plugins.anomaly.finding import SEVERITIES, Finding
from ag06d.plugin import Frame

GAP: Final = "gap"
BAD_INPUT: Final = "bad_input"
GAP_SEVERE_S: Final = (0.005, 0.1, 1.0)  # from when on it is medium, high, critical
LEVEL: Final = "level:mid.rms_db"


def told(frame: Frame) -> list[Finding]:
    """What the frame tells of; each is over with the frame."""
    found: list[Finding] = []
    if frame.gap_frames:
        seconds = frame.gap_frames / frame.rate
        severity = SEVERITIES[sum(seconds >= least for least in GAP_SEVERE_S)]
        evidence: dict[str, float | str] = {"gap_frames": frame.gap_frames}
        start = frame.position
        found.append(
            Finding(GAP, GAP, "both", start, start + 1, seconds * 1e3, "ms", 0, 1, severity, LEVEL, evidence)
        )
    if frame.bad_input:
        end = frame.position + len(frame.dry)
        found.append(Finding(BAD_INPUT, BAD_INPUT, "both", frame.position, end, 1, "", 0, 1, "high", LEVEL))
    return found
