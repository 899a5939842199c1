"""How well alerts serve: precision of each kind by labels, alarms per hour, and their trend; pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, Final

Z_95: Final = 1.959963984540054  # of a two-sided 95 % interval
HOUR_S: Final = 3600.0
LABELS: Final = ("right", "wrong")

Count = tuple[int, str, str, str, int]  # day since the epoch, kind, label, silent, how many


def wilson(right: int, of: int) -> tuple[float, float] | None:
    """The 95 % interval of a share (Wilson, 1927); None of nothing."""
    if not of:
        return None
    share, square = right / of, Z_95 * Z_95
    middle = share + square / (2 * of)
    spread = Z_95 * math.sqrt(share * (1 - share) / of + square / (4 * of * of))
    scale = 1 + square / of
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)


def report(counts: Iterable[Count], watched_s: Mapping[int, float], today: int, days: int) -> dict[str, Any]:
    """What became of the alerts of the last `days`, of which `today` is the last, a day since the epoch.

    Alarms are alerts that people were told of. Trend: alarms per hour in the second half over those in the
    first; None where either was not watched, or the first had none.
    """
    entries = list(counts)
    hours = sum(watched_s.values()) / HOUR_S
    kinds = sorted({kind for _, kind, *_ in entries})
    by_day = [_day(entries, watched_s, day) for day in range(today - days + 1, today + 1)]
    return {
        "days": days,
        "hours": hours,
        "alarms": _told(entries),
        "alarms_per_hour": _told(entries) / hours if hours else None,
        "kinds": {kind: _kind([entry for entry in entries if entry[1] == kind], hours) for kind in kinds},
        "by_day": by_day,
        "trend": _trend(by_day),
    }


def _told(entries: Iterable[Count]) -> int:
    return sum(many for _, _, _, silent, many in entries if not silent)


def _kind(entries: list[Count], hours: float) -> dict[str, Any]:
    said = {label: sum(many for _, _, own, _, many in entries if own == label) for label in LABELS}
    judged = sum(said.values())
    told = _told(entries)
    return {
        "alarms": told,
        "silent": sum(many for *_, many in entries) - told,
        **said,
        "precision": said["right"] / judged if judged else None,
        "interval": wilson(said["right"], judged),
        "alarms_per_hour": told / hours if hours else None,
    }


def _day(entries: list[Count], watched_s: Mapping[int, float], day: int) -> dict[str, Any]:
    hours = watched_s.get(day, 0.0) / HOUR_S
    told = _told(entry for entry in entries if entry[0] == day)
    return {"day": day, "hours": hours, "alarms": told, "alarms_per_hour": told / hours if hours else None}


def _trend(by_day: list[dict[str, Any]]) -> float | None:
    half = len(by_day) // 2
    parts = (by_day[:half], by_day[half:])
    hours = [sum(day["hours"] for day in part) for part in parts]
    alarms = [sum(day["alarms"] for day in part) for part in parts]
    if not all(hours) or not alarms[0]:
        return None
    return float(alarms[1] / hours[1] / (alarms[0] / hours[0]))
