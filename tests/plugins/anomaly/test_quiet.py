from __future__ import annotations

import time

import pytest

from ag06_plugins.anomaly.alerts.quiet import QuietTimes

MONDAY = (2026, 3, 2)


def moment(day: int, hour: int, minute: int) -> float:
    """Of the week from Monday on, by the machine's time zone."""
    year, month, first = MONDAY
    return time.mktime((year, month, first + day, hour, minute, 0, 0, 0, -1))


@pytest.mark.parametrize(
    ("span", "quiet", "loud"),
    [
        ("22:00-07:00", [(0, 22, 0), (0, 23, 59), (1, 0, 0), (1, 6, 59)], [(0, 21, 59), (0, 7, 0)]),
        ("09:30-12:00", [(3, 9, 30), (6, 11, 59)], [(3, 9, 29), (3, 12, 0)]),
        ("sat,sun 00:00-24:00", [(5, 0, 0), (6, 23, 59)], [(4, 23, 59), (0, 12, 0)]),
        ("fri-mon 20:00-02:00", [(4, 20, 0), (1, 1, 59), (6, 21, 0)], [(1, 20, 0), (4, 1, 0)]),
    ],
)
def test_a_span_holds_from_its_first_minute_until_before_its_last_over_midnight_too(span, quiet, loud):
    times = QuietTimes([span])
    assert [times.at(moment(*at)) for at in quiet] == [True] * len(quiet)
    assert [times.at(moment(*at)) for at in loud] == [False] * len(loud)


@pytest.mark.parametrize(
    "span", ["", "22-07", "22:00", "25:00-26:00", "10:61-11:00", "noday 10:00-11:00", "8:00-8:00"]
)
def test_what_is_no_span_is_refused_with_what_would_be(span):
    with pytest.raises(ValueError, match=r"22:00-07:00|00:00 to 24:00|mon|begins when it ends"):
        QuietTimes([span])
