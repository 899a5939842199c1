from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ag06_plugins.anomaly.alerts.grouping import CAUSES, UNUSUAL, causes, one_thing
from ag06_plugins.anomaly.alerts.life import Life, Now
from ag06_plugins.anomaly.alerts.table import alert_of, values_of
from ag06_plugins.anomaly.finding import Finding
from ag06_plugins.anomaly.settings import AnomalyConfig
from ag06_plugins.anomaly.topics import DOCS

RATE, HOP = 48000, 480


class Player:
    """Plays findings to a life, hop by hop."""

    def __init__(self, **config) -> None:
        self.life = Life(AnomalyConfig(**config), RATE)
        self.position = 0
        self.clock_set_s = 0.0  # by how much somebody set the clock
        self.events = []

    def play(self, hops, finding=None, *, injected_from=None):
        """So many hops, in each of which `finding`, made for its position, is told."""
        for _ in range(hops):
            told = [finding(self.position)] if finding is not None else []
            self.position += HOP
            now = Now(self.position, self.clock_set_s + self.position / RATE, injected_from)
            self.events += self.life.take(told, now)
        return [(event.step, event.alert.kind) for event in self.events]


def lasting(finding, kind, first=None, **fields):
    """A finding that began at the first hop it was asked for, and goes on."""
    began = [first]

    def at(position):
        if began[0] is None:
            began[0] = position
        return finding(kind, began[0], end=position + HOP, **fields)

    return at


def ended(finding, kind, start, end):
    return lambda _: finding(kind, start, end=end, ended=True)


def test_an_alert_opens_with_the_first_finding_is_updated_and_closes_when_nothing_was_wrong_for_a_while(
    finding,
):
    player = Player(hold_s=0.5, update_s=0.1)
    player.play(10)
    assert player.play(30, lasting(finding, "clipping"))[0] == ("opened", "clipping")
    player.play(1, ended(finding, "clipping", 10 * HOP, 40 * HOP))
    steps = [step for step, _ in player.play(60)]
    assert (steps[0], steps[-1]) == ("opened", "closed")
    assert set(steps[1:-1]) == {"updated"}
    assert 2 <= steps.count("updated") <= 5
    (alert,) = {id(event.alert): event.alert for event in player.events}.values()
    assert (alert.start, alert.end, alert.state) == (10 * HOP, 40 * HOP, "closed")
    assert alert.seconds == pytest.approx(0.3)


def test_what_comes_back_within_the_hold_is_the_same_alert(finding):
    player = Player(hold_s=1.0)
    for _ in range(5):
        start = player.position
        player.play(3, lasting(finding, "click", start))
        player.play(1, ended(finding, "click", start, start + 3 * HOP))
        player.play(50)
    assert [kind for step, kind in player.play(0) if step == "opened"] == ["click"]
    player.play(100)
    assert player.events[-1].step == "closed"


def test_an_alert_goes_from_the_first_sample_of_what_was_found_to_the_last(finding):
    player = Player()
    player.play(20)
    player.play(1, lambda at: finding("clipping", at - 700, end=at))
    player.play(1, lambda at: finding("clipping", at - 2000, end=at, channel="right"))
    player.play(1, lambda at: finding("clipping", at, end=at + 10))
    (alert,) = player.life.open
    assert (alert.start, alert.end) == (21 * HOP - 2000, 22 * HOP + 10)
    assert alert.start_ns == pytest.approx(alert.start / RATE * 1e9, abs=1e3)


def test_left_and_right_are_one_alert_of_both(finding):
    player = Player()
    player.play(1, lambda at: finding("hum", at))
    player.play(1, lambda at: finding("hum", at, channel="right"))
    (alert,) = player.life.open
    assert alert.channel == "both"


def test_a_cause_that_comes_to_light_gives_the_alert_its_name_and_a_symptom_joins_it(finding):
    player = Player()
    player.play(1, lambda at: finding("click", at, value=3.0))
    player.play(1, lambda at: finding("dropout", at, value=20.0, unit="ms", severity="high"))
    player.play(1, lambda at: finding("click", at, value=99.0))
    (alert,) = player.life.open
    assert (alert.kind, alert.also, alert.value, alert.unit, alert.severity) == (
        "dropout",
        ["click"],
        20.0,
        "ms",
        "high",
    )
    assert sorted(alert.detectors) == ["click", "dropout"]


def test_what_is_merely_odd_is_explained_by_any_fault_and_two_faults_of_two_things_are_two_alerts(finding):
    player = Player()
    player.play(1, lambda at: finding("hum", at))
    player.play(1, lambda at: finding("unusual", at, detector="ensemble"))
    player.play(1, lambda at: finding("clipping", at))
    assert [(alert.kind, alert.also) for alert in player.life.open] == [
        ("hum", ["unusual"]),
        ("clipping", []),
    ]


def test_the_severity_of_an_alert_is_that_of_its_gravest_finding_and_is_told_at_once(finding):
    player = Player(update_s=600)
    player.play(5, lasting(finding, "clipping", severity="low"))
    assert [event.step for event in player.events] == ["opened"]
    player.play(1, lasting(finding, "clipping", severity="critical"))
    player.play(5, lasting(finding, "clipping", severity="low"))
    assert [event.step for event in player.events] == ["opened", "updated"]
    assert player.life.open[0].severity == "critical"


def alarms(player, finding, count, kind="click", **fields):
    """So many separate alerts; those that were told."""
    for _ in range(count):
        start = player.position
        player.play(1, lambda at: finding(kind, at, **fields))
        player.play(1, ended(finding, kind, start, start + HOP))
        player.play(30)
    return [event.told for event in player.events if event.step == "opened" and event.alert.kind == kind]


def test_beyond_the_limits_alerts_are_kept_and_not_told_but_for_critical_ones(finding):
    limits = {"per_kind_per_hour": 3, "per_hour": 4}
    player = Player(hold_s=0.1, limits=limits)
    assert alarms(player, finding, 5, "click") == [True] * 3 + [False] * 2
    assert alarms(player, finding, 3, "hum") == [True, False, False]
    assert alarms(player, finding, 4, "gap", severity="critical") == [True] * 3 + [False]
    assert player.life.limited == 5
    silent = {event.alert.silent for event in player.events if not event.told}
    assert silent == {"rate"}


def test_after_an_hour_there_is_room_again(finding):
    player = Player(hold_s=0.1, limits={"per_kind_per_hour": 1})
    assert alarms(player, finding, 2) == [True, False]
    player.position += 3600 * RATE
    assert alarms(player, finding, 2)[2:] == [True, False]


def test_in_quiet_times_only_what_is_grave_enough_is_told(finding):
    player = Player(quiet={"times": ["mon-sun 00:00-24:00"], "least": "high"}, hold_s=0.1)
    assert alarms(player, finding, 1, severity="medium") == [False]
    assert alarms(player, finding, 1, "hum", severity="high") == [True]
    assert player.events[0].alert.silent == "quiet"


def test_a_snoozed_kind_is_not_told_until_its_time_and_others_are(finding):
    player = Player(hold_s=0.1)
    player.life.snooze("click", since_s=0.0, until_s=10.0)
    assert alarms(player, finding, 1, "click") == [False]
    assert alarms(player, finding, 1, "hum") == [True]
    player.position = 11 * RATE
    assert alarms(player, finding, 1, "click") == [False, True]


def test_an_acknowledged_alert_is_updated_in_silence_and_its_end_is_told(finding):
    player = Player(hold_s=0.1, update_s=0.1)
    at = lasting(finding, "hum")
    player.play(2, at)
    player.life.open[0].acknowledged_by = "somebody"
    player.play(40, at)
    assert not any(event.told for event in player.events if event.step == "updated")
    player.play(1, ended(finding, "hum", 0, 42 * HOP))
    player.play(20)
    assert (player.events[-1].step, player.events[-1].told) == ("closed", True)


def test_what_was_put_in_on_purpose_is_told_whatever_the_limits_and_counts_against_none(finding):
    player = Player(hold_s=0.1, limits={"per_kind_per_hour": 1})
    for _ in range(3):
        start = player.position
        player.play(1, lambda at: finding("click", at), injected_from=start)
        player.play(1, ended(finding, "click", start, start + HOP), injected_from=start)
        player.play(30)
    assert all(event.told for event in player.events)
    assert alarms(player, finding, 1)[-1:] == [True]


def opened(player):
    return [event.alert for event in player.events if event.step == "opened"]


def test_what_was_put_in_is_never_one_alert_with_what_is_real(finding):
    player = Player(hold_s=5)
    player.play(1, lambda at: finding("click", at))
    start = player.position
    player.play(1, lambda at: finding("dropout", at), injected_from=start)
    player.play(300)
    player.play(1, lambda at: finding("click", at))
    player.play(1, lambda at: finding("dropout", at))
    real, put_in = opened(player)
    assert (real.kind, real.injected, real.also) == ("dropout", False, ["click"])
    assert (put_in.kind, put_in.injected, put_in.also) == ("dropout", True, [])
    assert put_in.end == start + HOP


def test_what_was_wrong_before_a_fault_was_put_in_goes_on_as_it_was(finding):
    player = Player()
    real = lasting(finding, "hum")
    player.play(10, real)
    start = player.position
    player.play(300, real, injected_from=start)
    player.play(300, real)
    (alert,) = opened(player)
    assert (alert.injected, alert.state, alert.end) == (False, "open", player.position)


def test_each_fault_that_is_put_in_has_an_alert_of_its_own_within_the_hold_too(finding):
    player = Player(hold_s=60)
    for _ in range(3):
        start = player.position
        player.play(1, lambda at: finding("dropout", at), injected_from=start)
        player.play(300, injected_from=start)
    assert len(opened(player)) == 3


def test_the_tail_of_what_was_put_in_is_no_real_alert_and_a_fault_that_stays_is_one(finding):
    player = Player()
    start = player.position
    at = lasting(finding, "hum")
    player.play(300, at, injected_from=start)
    player.play(500, at)
    assert [alert.injected for alert in opened(player)] == [True]
    player.play(6000, at)
    assert [alert.injected for alert in opened(player)] == [True, False]


def test_an_alert_of_a_quiet_time_is_told_as_soon_as_it_is_grave_enough(finding):
    player = Player(quiet={"times": ["mon-sun 00:00-24:00"], "least": "critical"})
    player.play(5, lasting(finding, "dead_channel", severity="high"))
    player.play(5, lasting(finding, "dead_channel", 0, severity="critical"))
    told = [(event.step, event.alert.severity) for event in player.events if event.told]
    assert told == [("told", "critical")]
    assert player.life.open[0].silent == ""


def test_an_alert_beyond_the_limit_of_all_is_told_as_soon_as_it_is_critical(finding):
    player = Player(hold_s=0.1, limits={"per_hour": 1})
    assert alarms(player, finding, 1, "click") == [True]
    player.events.clear()
    player.play(5, lasting(finding, "hum", severity="medium"))
    assert not any(event.told for event in player.events)
    player.play(5, lasting(finding, "hum", player.position - HOP, severity="critical"))
    assert [event.step for event in player.events if event.told] == ["told"]
    assert player.life.limited == 1


@pytest.mark.parametrize("set_s", [-86_400.0, 86_400.0])
def test_a_clock_that_is_set_neither_silences_alerts_nor_keeps_back_what_becomes_of_them(finding, set_s):
    player = Player(hold_s=0.1, update_s=0.1, limits={"per_kind_per_hour": 1})
    player.clock_set_s = 1e6
    assert alarms(player, finding, 2) == [True, False]
    player.life.snooze("hum", since_s=1e6, until_s=1e6 + 7200)
    at = lasting(finding, "loudness")
    player.play(5, at)
    player.clock_set_s += set_s
    player.events.clear()
    player.play(100, at)
    assert 8 <= len(player.events) <= 11
    assert alarms(player, finding, 2) == [True, False]
    assert alarms(player, finding, 1, "hum") == [True]


def test_when_sound_is_lost_or_the_daemon_ends_all_are_closed(finding):
    player = Player()
    player.play(1, lambda at: finding("hum", at))
    player.play(1, lambda at: finding("clipping", at))
    events = player.life.end()
    assert [(event.step, event.alert.state) for event in events] == [("closed", "closed")] * 2
    assert not player.life.open


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), -float("inf")])
def test_numbers_that_are_none_are_kept_as_numbers_and_words(finding, odd):
    player = Player()
    evidence = {"peak": odd, "where": "top", "run": 3.0}
    for _ in range(2):
        player.play(
            1, lambda at: finding("click", at, value=odd, score=odd, threshold=odd, evidence=evidence)
        )
    (alert,) = player.life.open
    assert alert_of(values_of(alert)).document() == alert.document()
    json.dumps(alert.document(), allow_nan=False)
    assert alert.evidence == {"peak": str(odd), "where": "top", "run": 3.0}


KINDS = [kind for row in CAUSES for kind in row] + ["unusual", "unusual_run"]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(KINDS),
            st.sampled_from(["left", "right", "both"]),
            st.sampled_from(["low", "medium", "high", "critical"]),
            st.integers(0, 300),
            st.booleans(),
        ),
        max_size=40,
    )
)
@settings(deadline=None, max_examples=60)
def test_whatever_detectors_tell_every_alert_opens_once_closes_once_and_in_this_order(told):
    life = Life(AnomalyConfig(hold_s=0.5), RATE)
    position, events = 0, []
    for kind, channel, severity, pause, over in told:
        end = position + HOP
        entry = Finding(kind, kind, channel, position, end, 1.0, "", 0.5, 0.6, severity, ended=over)
        events += life.take([entry], Now(end, end / RATE))
        position = end
        for _ in range(pause):
            position += HOP
            events += life.take([], Now(position, position / RATE))
    events += life.end()
    steps: dict[int, list[str]] = {}
    for event in events:
        steps.setdefault(event.alert.id, []).append(event.step)
    assert all(own[0] == "opened" and own[-1] == "closed" for own in steps.values())
    assert all(set(own[1:-1]) <= {"updated", "told"} for own in steps.values())
    heard: dict[int, list[str]] = {}
    for event in events:
        if event.told:
            heard.setdefault(event.alert.id, []).append(event.step)
    assert all(own[0] in ("opened", "told") and own[-1] == "closed" for own in heard.values())
    assert all(set(own[1:-1]) <= {"updated"} for own in heard.values())
    assert sorted(steps) == list(range(1, len(steps) + 1))
    assert all(event.alert.start <= event.alert.end for event in events)


def test_every_kind_has_its_place_among_the_causes_once():
    kinds = [kind for row in CAUSES for kind in row]
    assert sorted(kinds) == sorted(set(DOCS) - {UNUSUAL})


def test_of_any_two_kinds_at_most_one_is_the_cause_of_the_other():
    for one in KINDS:
        for other in KINDS:
            assert one_thing(one, other) == one_thing(other, one)
            assert not (causes(one, other) and causes(other, one))
