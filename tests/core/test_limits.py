"""What one client may ask, with a clock that stands still until it is moved."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from ag06d.core.limits import SWEEP, Limits

PER_S, BURST = 10.0, 20


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def limits(clock: Clock, in_flight: int = 4) -> Limits:
    return Limits(per_s=PER_S, burst=BURST, in_flight=in_flight, clock=clock)


@given(
    steps=st.lists(st.tuples(st.sampled_from([b"a", b"b"]), st.sampled_from([0, 1, 30, 2000])), min_size=90)
)
def test_nobody_has_more_than_a_burst_and_what_comes_with_time_and_an_honest_one_has_all_of_it(steps):
    clock = Clock()
    known, let_in = limits(clock), Counter()
    for client, wait_ms in steps:
        clock.now += wait_ms / 1000
        refused = known.exceeded(client)
        let_in[client] += not refused
        assert let_in[client] <= BURST + PER_S * clock.now + 1e-6
        if refused:
            assert let_in[client] >= BURST
    assert known.limited["rate"] == len(steps) - let_in.total()


def test_what_one_has_in_flight_is_limited_until_it_ends():
    known = limits(Clock())
    for client in (b"a", b"a", b"a", b"a", b"b", b"b"):
        assert not known.exceeded(client)
        known.begin(client)
    assert [known.exceeded(client) for client in (b"a", b"b")] == ["in_flight", ""]
    known.end(b"a")
    assert not known.exceeded(b"a")
    assert known.limited == {"in_flight": 1}


def test_clients_that_have_gone_are_forgotten_but_never_one_with_something_to_answer_for():
    clock = Clock()
    known = limits(clock)
    for _ in range(BURST):
        known.exceeded(b"spent")
    known.begin(b"working")
    for number in range(20 * SWEEP):
        known.exceeded(b"%d" % number)
        clock.now += 0.001 / PER_S
        assert len(known) <= 4 * SWEEP
    assert known.exceeded(b"spent") == "rate" or clock.now * PER_S >= 1
    known.end(b"working")
