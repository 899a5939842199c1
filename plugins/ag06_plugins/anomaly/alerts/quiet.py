"""Quiet times: spans of the week by the clock on the wall; pure."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from typing import Final

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
SPAN: Final = re.compile(r"(?:(?P<days>[a-z,-]+)\s+)?(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})")
DAY_MINUTES: Final = 24 * 60
HOUR_MINUTES: Final = 60


def quiet_span(text: str) -> str:
    """`text`, if it is a span; raises ValueError."""
    parsed(text)
    return text


def parsed(text: str) -> tuple[frozenset[int], int, int]:
    """Days (0 is Monday) on which it begins, and minutes from and until, which may be of the day after."""
    match = SPAN.fullmatch(text.strip().lower())
    if match is None:
        raise ValueError(f'{text!r} is no span of time; write "22:00-07:00" or "sat,sun 00:00-24:00"')
    hours = [int(number) for number in match.groups()[1:]]
    start, end = hours[0] * HOUR_MINUTES + hours[1], hours[2] * HOUR_MINUTES + hours[3]
    if max(hours[1], hours[3]) >= HOUR_MINUTES or max(start, end) > DAY_MINUTES:
        raise ValueError(f"{text!r}: a time of the day is 00:00 to 24:00")
    if start == end:
        raise ValueError(f"{text!r} begins when it ends; all day is 00:00-24:00")
    return _days(match["days"], text), start, end


def _days(words: str | None, text: str) -> frozenset[int]:
    if words is None:
        return frozenset(range(len(DAYS)))
    found: set[int] = set()
    for word in words.split(","):
        first, _, last = word.partition("-")
        if first not in DAYS or (last or first) not in DAYS:
            raise ValueError(f"{text!r}: days are {', '.join(DAYS)}, such as mon-fri or sat,sun")
        at, until = DAYS.index(first), DAYS.index(last or first)
        found.update((at + i) % len(DAYS) for i in range((until - at) % len(DAYS) + 1))
    return frozenset(found)


class QuietTimes:
    """Whether it is quiet at a moment."""

    def __init__(self, spans: Iterable[str]) -> None:
        """Raises ValueError for what is no span."""
        self._spans = [parsed(span) for span in spans]

    def at(self, wall_s: float) -> bool:
        """At `wall_s` seconds since the epoch, by the machine's time zone."""
        if not self._spans:
            return False
        now = time.localtime(wall_s)
        minute = now.tm_hour * HOUR_MINUTES + now.tm_min
        return any(self._within(span, now.tm_wday, minute) for span in self._spans)

    @staticmethod
    def _within(span: tuple[frozenset[int], int, int], day: int, minute: int) -> bool:
        days, start, end = span
        if start < end:
            return day in days and start <= minute < end
        before = (day - 1) % len(DAYS)
        return (day in days and minute >= start) or (before in days and minute < end)
