from __future__ import annotations

import math

from ag06_plugins.anomaly.statistics.evidence import Evidence
from ag06_plugins.anomaly.statistics.told import Told

RATE = 100
SPEECH, SILENCE = ("", "speech"), ("", "silence")
ODD, USUAL, LIMIT = math.log(1e-9), math.log(0.5), math.log(1e-6)
EVIDENCE = Evidence("level:left.rms_db", "left", 9.0, {"deviations": 9.0})


def second(told: Told, at_s: int, log_p: float, key: tuple[str, str] = SPEECH):
    return told.see(key, log_p, LIMIT, (at_s * RATE, (at_s + 1) * RATE), EVIDENCE)


def test_one_odd_second_is_none_where_two_are_asked_for_in_a_row_of_the_same_kind():
    told = Told("ensemble", RATE, confirm=2)
    for at, log_p in enumerate((ODD, USUAL, ODD, math.nan, ODD)):
        second(told, at, log_p)
        assert not told.is_open
    second(told, 5, ODD, SILENCE)
    assert not told.is_open
    second(told, 6, ODD)
    finding = told.tell(700)
    assert finding is not None
    assert (finding.start, finding.end, finding.ended) == (400, 700, False)
    assert (finding.channel, finding.feature) == ("left", "level:left.rms_db")


def test_it_lasts_while_seconds_are_odd_grows_worse_and_ends_once():
    told = Told("collective", RATE)
    second(told, 0, ODD)
    severities = []
    for at in range(1, 70):
        assert second(told, at, math.log(1e-3)) is None
        severities.append(told.tell((at + 1) * RATE).severity)
    assert severities[0] == "medium"
    assert severities[-1] == "high"
    ended = [second(told, at, USUAL) for at in range(70, 75)]
    assert ended[:4] == [None] * 4
    assert ended[4].ended
    assert ended[4].end == 75 * RATE
    assert told.tell(80 * RATE) is None


def test_after_one_ended_none_begins_for_a_while():
    told = Told("collective", RATE, rest_s=60)
    second(told, 0, ODD)
    assert told.end(RATE).ended
    second(told, 30, ODD)
    assert not told.is_open
    second(told, 70, ODD)
    assert told.is_open


def test_it_is_over_when_its_kind_of_sound_is_heard_no_more():
    told = Told("collective", RATE, quiet_s=30)
    second(told, 0, ODD)
    for at in range(1, 30):
        second(told, at, USUAL, SILENCE)
        assert not told.tell((at + 1) * RATE).ended
    assert told.tell(40 * RATE).ended
    assert not told.is_open
