"""Moments as people write them."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ag06_plugins.shared.verbs.times import parse_time, parse_times, shown, span_ns

NOW = 1_790_000_000_123_456_789
SECOND = 10**9


@pytest.fixture
def zone(monkeypatch):
    """Sets the zone of this machine."""

    def use(name: str) -> None:
        monkeypatch.setenv("TZ", name)
        time.tzset()

    yield use
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", NOW),
        ("-10m", NOW - 600 * SECOND),
        ("+5s", NOW + 5 * SECOND),
        ("-1h30m", NOW - 5400 * SECOND),
        ("-0.5s", NOW - SECOND // 2),
        ("-250ms", NOW - SECOND // 4),
        ("-2d", NOW - 172_800 * SECOND),
        ("-1w", NOW - 604_800 * SECOND),
        ("1970-01-01T00:00:01Z", SECOND),
        ("1970-01-01T01:00:01+01:00", SECOND),
        ("1970-01-01 00:00:01.000000001Z", SECOND + 1),
        ("1969-12-31T23:59:59.25Z", -SECOND * 3 // 4),
        ("1790000000", 1_790_000_000 * SECOND),
        ("1790000000.000000001", 1_790_000_000 * SECOND + 1),
        (str(NOW), NOW),
    ],
)
def test_a_moment_is_iso_8601_or_now_or_relative_or_since_the_epoch(text, expected):
    assert parse_time(text, NOW) == expected


def test_what_names_no_zone_is_local_time_summer_and_winter(zone):
    zone("Europe/Berlin")
    assert parse_time("2026-01-15T12:00") == parse_time("2026-01-15T11:00Z")
    assert parse_time("2026-07-15T12:00") == parse_time("2026-07-15T10:00Z")
    assert parse_time("2026-07-15") == parse_time("2026-07-14T22:00Z")


@given(st.integers(0, 4 * 10**18))
def test_what_is_shown_is_read_as_the_same_millisecond(time_ns):
    assert parse_time(shown(time_ns)) == time_ns // 10**6 * 10**6


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "-10", "10m", "-10x", "-10m5", "2026-13-01", "25:00", "1790000000123", "1e9", "--5s"],
)
def test_anything_else_is_told_how_to_write_one(text):
    if text == "-10":  # a moment before 1970, though nobody means it
        assert parse_time(text) == -10 * SECOND
        return
    with pytest.raises(ValueError, match=r"write it as|neither seconds nor nanoseconds"):
        parse_time(text, NOW)


def test_a_column_of_moments_says_in_which_row_one_is_wrong():
    assert parse_times(["now", "-1s"], NOW).tolist() == [NOW, NOW - SECOND]
    with pytest.raises(ValueError, match="row 2: 'x' is no moment"):
        parse_times(["now", "x"], NOW)


def test_a_length_of_time_has_a_unit():
    assert span_ns("1m30s") == 90 * SECOND
    for text in ("", "5", "s", "1s x"):
        with pytest.raises(ValueError, match="no length of time"):
            span_ns(text)
