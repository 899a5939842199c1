from __future__ import annotations

import math

import numpy as np
import pytest

from ag06_plugins.anomaly.statistics.seasonal import SeasonalDetector, SeasonalProfile, hour_of_week

MONDAY_S = 1_700_000_000 // 604_800 * 604_800 + 4 * 86_400  # 0 h UTC; 1970 began on a Thursday
RESOLUTION = np.array([1.0, 1.0], np.float32)
HOUR_S, DAY_S, WEEK_S = 3600, 86_400, 604_800


@pytest.fixture(autouse=True)
def _utc(monkeypatch):
    import time  # noqa: PLC0415 - for this alone

    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def visit(profile: SeasonalProfile, wall_s: float, values: tuple[float, float], seconds: int = 900) -> None:
    for second in range(seconds):
        profile.take(np.array(values, np.float32), wall_s + second)


def weeks(profile: SeasonalProfile, count: int, seed: int = 0) -> None:
    """Every hour of some weeks; the air conditioning runs on weekdays from 9 to 17 h."""
    generator = np.random.default_rng(seed)
    for hour in range(count * 168):
        at = MONDAY_S + hour * HOUR_S
        runs = hour % 168 // 24 < 5 and 9 <= hour % 24 < 17
        visit(profile, at, tuple(generator.normal((-50 if runs else -65, -25), (0.7, 0.7))), 301)


def test_an_hour_is_of_the_week_that_local_time_has():
    assert hour_of_week(MONDAY_S) == 0
    assert hour_of_week(MONDAY_S + 26 * HOUR_S + 59) == 26
    assert hour_of_week(MONDAY_S + WEEK_S - 1) == 167


def test_nothing_is_said_before_an_hour_was_there_a_few_times_and_for_long_enough():
    profile = SeasonalProfile(RESOLUTION, visits=3)
    for week in range(4):
        visit(profile, MONDAY_S + week * WEEK_S, (-65, -25), 250 if week == 3 else 900)
        assert np.isnan(profile.deviations()).all()
    visit(profile, MONDAY_S + 3 * WEEK_S + 250, (-65, -25), 100)
    assert (profile.deviations() < 1).all()


def test_what_is_usual_in_the_morning_is_odd_at_night():
    profile = SeasonalProfile(RESOLUTION, visits=3)
    weeks(profile, 4)
    now = MONDAY_S + 4 * WEEK_S
    for hour, floor_db, odd in (
        (10, -50, False),
        (10, -65, True),
        (34, -50, False),
        (27, -50, True),
        (27, -65, False),
    ):
        profile._learn()
        profile._which = -1
        visit(profile, now + hour * HOUR_S, (floor_db, -25))
        deviations = profile.deviations()
        assert (deviations[0] > 6) == odd, (hour, floor_db)
        assert deviations[1] < 4
        profile._sum[:] = profile._rows = 0  # this visit is not learned


def test_an_hour_that_was_there_seldom_leans_on_the_same_hour_of_other_days():
    profile = SeasonalProfile(RESOLUTION, visits=1)
    for day in range(1, 7):
        visit(profile, MONDAY_S + day * DAY_S, (-60, -25))
    visit(profile, MONDAY_S + WEEK_S, (-50, -25))
    visit(profile, MONDAY_S + WEEK_S + DAY_S, (-60, -25))
    usual, _ = profile._expected(0)
    assert -60 < usual[0] < -50
    assert usual[0] == pytest.approx(-56, abs=1.5)


def test_a_detector_tells_the_hour_that_is_unlike_itself_and_its_state_goes_on():
    made = SeasonalDetector(RESOLUTION, visits=3, every_s=600)
    generator = np.random.default_rng(0)
    for hour in range(6 * 168):
        values = generator.normal((-65, -25), 0.7).astype(np.float32)
        for second in range(602):
            made.take(values, MONDAY_S + hour * HOUR_S + second)
    again = SeasonalDetector(RESOLUTION, visits=3, every_s=600)
    again.restore(made.state())
    at = MONDAY_S + 6 * WEEK_S
    told = []
    for second in range(1300):
        compared = again.take(np.array([-50, -25], np.float32), at + second)
        told += [compared[0]] if compared else []
    assert math.isnan(told[0])
    assert told[1] < math.log(1e-4)
    with pytest.raises(ValueError, match="it is to be"):
        again.restore({**made.state(), "visits": np.zeros(3)})
    with pytest.raises(KeyError):
        again.restore({})
