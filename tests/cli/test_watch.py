"""`watch`: topics, conditions, fields, rate and gaps."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ag06d.cli.fields import fields_of, parse_condition
from ag06d.cli.watch import Thinner
from ag06d.client import Message
from ag06d.wire import pack_arrays


def message(topic: str = "meters.", seq: int = 0, boot: str = "b") -> Message:
    return Message(topic, {"seq": seq, "boot": boot}, {})


@pytest.fixture
def publishing(daemon, meters):
    """Meters of rising loudness and named vectors, again and again."""
    count = 0
    entries, buffers = pack_arrays(np.array([-1.5, -2.5], dtype=np.float32))

    def publish(daemon) -> None:
        nonlocal count
        wet = meters["wet"] | {"momentary_lufs": float(count % 10 - 30)}
        daemon.bus.publish("stream", "meters", meters | {"wet": wet})
        daemon.bus.publish("stream", "x.vector", {"arrays": entries}, buffers)
        count += 1

    daemon.repeat(publish)
    return daemon


def lines(result) -> list[dict]:
    assert result.exit_code == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.mark.usefixtures("publishing")
def test_only_what_fits_is_printed_and_of_it_only_the_fields_asked_for(ctl):
    arguments = ("--where", "wet.momentary_lufs>-24 and dry.peak_db<=-12", "--fields", "wet.momentary_lufs")
    told = lines(ctl("watch", "meters", "-n", "6", "--json", *arguments))
    assert [set(line["body"]) for line in told] == [{"wet.momentary_lufs"}] * 6
    assert {line["body"]["wet.momentary_lufs"] for line in told} == {-23, -22, -21}
    assert {line["topic"] for line in told} == {"meters."}


@pytest.mark.usefixtures("publishing")
def test_a_vectors_elements_have_their_names(ctl):
    (line,) = lines(ctl("watch", "x", "-n", "1", "--json"))
    assert line["body"] == {"left.level": -1.5, "right.level": -2.5}
    assert "left.level=-1.5" in ctl("watch", "x", "-n", "1").stdout


@pytest.mark.usefixtures("publishing")
def test_a_rate_thins_out_and_what_was_thinned_out_is_not_missed(ctl):
    told = lines(ctl("watch", "meters", "-n", "4", "--rate", "5", "--json"))
    numbers = [line["header"]["seq"] for line in told]
    assert min(np.diff(numbers)) > 1
    assert not any("missed" in line for line in told)


def test_what_was_missed_is_told(publishing, ctl):
    publishing.repeat(lambda _: publishing.daemon.bus.skip("stream", "meters", 7), period_s=0.2)
    told = lines(ctl("watch", "meters", "-n", "40", "--json"))
    assert 7 in [line.get("missed") for line in told]
    assert "missed 7 " in ctl("watch", "meters", "-n", "40").stdout


@pytest.mark.usefixtures("publishing")
def test_a_wrong_topic_or_field_is_told_with_the_nearest_right_one(ctl):
    found = ctl("watch", "meters", "metres", "-n", "1", "--fields", "wet.momentary_luf")
    assert "no topic metres yet, did you mean meters?" in found.stderr
    assert "meters has no field wet.momentary_luf; did you mean wet.momentary_lufs?" in found.stderr


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("wet >", "write FIELD>VALUE"),
        ("a>1 and", "is no number"),
        ("a>loud", "'loud' is no number"),
        ("__import__('os')", "write FIELD"),
    ],
)
def test_a_condition_that_cannot_be_understood_is_wrong_usage(ctl, where, said):
    result = ctl("watch", "--where", where)
    assert result.exit_code == 2
    assert said in result.stderr


FIELDS = fields_of({"wet": {"peak_db": [-3.0, -9.0], "n": 4}, "state": "running", "on": True, "absent": None})


@pytest.mark.parametrize(
    ("where", "holds"),
    [
        ("wet.n>3", True),
        ("wet.n >= 4 and wet.n<=4", True),
        ("wet.n>4", False),
        ("wet.peak_db>-4", True),
        ("wet.peak_db.1>-4", False),
        ("state=running", True),
        ("state=='running'", True),
        ("state!=waiting", True),
        ("state>3", False),
        ("on=true", True),
        ("on=1", False),
        ("on!=true", False),
        ("nothing!=3", False),
        ("absent>0", False),
    ],
)
def test_a_condition_means_what_it_says(where, holds):
    assert all(comparison.holds(FIELDS) for comparison in parse_condition(where)) is holds


@given(st.lists(st.tuples(st.floats(0, 0.5), st.sampled_from("ab")), min_size=1), st.floats(0.5, 50))
def test_of_each_topic_no_more_than_the_rate_go_out_and_the_newest_is_never_lost(steps, rate_hz):
    thinner, now_s, newest = Thinner(rate_hz), 0.0, {}
    out: dict[str, list[tuple[float, int]]] = {"a": [], "b": []}
    for number, (step_s, topic) in enumerate(steps):
        now_s += step_s
        newest[topic] = number
        thinner.take(message(topic, number))
        for ready in thinner.due(now_s):
            out[ready.topic].append((now_s, ready.header["seq"]))
    for ready in thinner.due(now_s + 10):
        out[ready.topic].append((now_s + 10, ready.header["seq"]))
    for topic, told in out.items():
        sequences = [seq for _, seq in told]
        assert sequences == sorted(set(sequences))
        assert not told or sequences[-1] == newest[topic]
        for first in range(len(told)):
            within = [at for at, _ in told[first:] if at - told[first][0] < 1]
            assert len(within) <= rate_hz + 2
