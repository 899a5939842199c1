"""Moments as people and files write them: ISO 8601, `now`, `-10m`, or a time since the epoch."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Final

import numpy as np
import numpy.typing as npt
import typer

UNITS_NS: Final = {
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
    "d": 86_400 * 10**9,
    "w": 7 * 86_400 * 10**9,
}
STEP: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdw])")
RELATIVE: Final = re.compile(rf"([+-])((?:{STEP.pattern})+)")
NUMBER: Final = re.compile(r"-?\d+(\.\d*)?")
FRACTION: Final = re.compile(r"(?<=:\d\d)[.,](\d+)")
SECONDS_MAX: Final = 10**11  # in the year 5138
NANOSECONDS_MIN: Final = 10**17  # in 1973
LATEST_NS: Final = 2**63 - 1
FORMS: Final = "2026-03-01T12:30 (local time, or with +01:00 or Z), now, -10m, or seconds since the epoch"

Times = npt.NDArray[np.int64]


def parse_time(text: str, now_ns: int | None = None) -> int:
    """Nanoseconds since the epoch; raises ValueError that says how moments are written."""
    text = text.strip()
    now_ns = time.time_ns() if now_ns is None else now_ns
    if text == "now":
        return now_ns
    if match := RELATIVE.fullmatch(text):
        sign = -1 if match[1] == "-" else 1
        return now_ns + sign * span_ns(match[2])
    if NUMBER.fullmatch(text):
        return _since_epoch(text)
    return _iso(text)


def span_ns(text: str) -> int:
    """A length of time such as 90s, 1h30m; raises ValueError."""
    steps = STEP.findall(text)
    if not steps or "".join(f"{number}{unit}" for number, unit in steps) != text:
        raise ValueError(f"{text!r} is no length of time; write it as 90s, 10m or 1h30m")
    return sum(round(float(number) * UNITS_NS[unit]) for number, unit in steps)


def _since_epoch(text: str) -> int:
    whole, _, fraction = text.partition(".")
    number = int(whole)
    if abs(number) < SECONDS_MAX:
        return number * 10**9 + (-1 if text.startswith("-") else 1) * int(f"{fraction:0<9}"[:9])
    if abs(number) >= NANOSECONDS_MIN and abs(number) <= LATEST_NS:
        return number
    raise ValueError(f"{text!r} is neither seconds nor nanoseconds since the epoch")


def _iso(text: str) -> int:
    digits = ""

    def without(match: re.Match[str]) -> str:
        nonlocal digits
        digits = match[1]
        return ""

    try:
        moment = datetime.fromisoformat(FRACTION.sub(without, text)).astimezone()
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r} is no moment; write it as {FORMS}") from None
    seconds = (moment - datetime.fromisoformat("1970-01-01T00:00:00+00:00")) // timedelta(seconds=1)
    return seconds * 10**9 + int(f"{digits:0<9}"[:9])


def parse_times(values: Sequence[str], now_ns: int | None = None) -> Times:
    """A column of moments, nanoseconds since the epoch; raises ValueError that says in which row (from 1)."""
    now_ns = time.time_ns() if now_ns is None else now_ns
    found = np.empty(len(values), dtype=np.int64)
    for at, text in enumerate(values):
        try:
            found[at] = parse_time(text, now_ns)
        except (ValueError, OverflowError) as error:
            raise ValueError(f"row {at + 1}: {error}") from None
    return found


def shown(time_ns: int, *, millis: bool = True) -> str:
    """A moment in local time, as `parse_time` reads it."""
    seconds, rest = divmod(time_ns, 10**9)
    fraction = f".{rest // 10**6:03}" if millis else ""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(seconds)) + fraction


def _option(text: str) -> int:
    try:
        return parse_time(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


Start = Annotated[
    int | None,
    typer.Option("--start", parser=_option, metavar="TIME", help="From when on: ISO 8601, now, -10m."),
]
End = Annotated[
    int | None, typer.Option("--end", parser=_option, metavar="TIME", help="Until before when; default: now.")
]
At = Annotated[
    int, typer.Option("--at", parser=_option, metavar="TIME", help="When it began: ISO 8601, now, -10m.")
]
