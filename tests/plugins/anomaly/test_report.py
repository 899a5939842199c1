from __future__ import annotations

import pytest
from scipy.stats import binomtest

from ag06_plugins.anomaly.alerts.report import report, wilson


@pytest.mark.parametrize(("right", "of"), [(0, 5), (5, 5), (3, 10), (97, 100)])
def test_the_interval_is_wilsons(right, of):
    expected = binomtest(right, of).proportion_ci(method="wilson")
    assert wilson(right, of) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_precision_is_of_judged_alarms_and_rates_are_of_hours_that_were_watched():
    counts = [
        (9, "hum", "right", "", 3),
        (9, "hum", "wrong", "", 1),
        (10, "hum", "", "", 4),
        (10, "hum", "", "rate", 7),
        (10, "click", "", "quiet", 2),
    ]
    told = report(counts, {9: 3600.0, 10: 7200.0}, today=10, days=4)
    assert (told["alarms"], told["hours"]) == (8, 3.0)
    assert told["alarms_per_hour"] == pytest.approx(8 / 3)
    hum = told["kinds"]["hum"]
    assert (hum["right"], hum["wrong"], hum["precision"], hum["silent"]) == (3, 1, 0.75, 7)
    assert told["kinds"]["click"]["precision"] is None
    assert [(day["day"], day["alarms"]) for day in told["by_day"]] == [(7, 0), (8, 0), (9, 4), (10, 4)]
    assert told["by_day"][0]["alarms_per_hour"] is None
    assert told["trend"] is None


def test_the_trend_is_the_second_half_against_the_first():
    counts = [(1, "hum", "", "", 10), (2, "hum", "", "", 5)]
    assert report(counts, {1: 3600.0, 2: 3600.0}, today=2, days=2)["trend"] == 0.5


@pytest.mark.parametrize("watched", [{1: 3600.0}, {2: 3600.0}])
def test_there_is_no_trend_where_one_half_was_not_watched(watched):
    counts = [(1, "hum", "", "", 10), (2, "hum", "", "", 5)]
    assert report(counts, watched, today=2, days=2)["trend"] is None


def test_of_nothing_there_is_nothing_to_tell():
    told = report([], {}, today=10, days=14)
    assert (told["alarms"], told["alarms_per_hour"], told["kinds"], told["trend"]) == (0, None, {}, None)
