"""Whose turn it is, by the time that each has used, which here is what the test says."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ag06d.core.turns import SWEEP, WAITING_BYTES_MAX, Turns, charged


@given(costs=st.lists(st.floats(0.0001, 0.01), min_size=2, max_size=8), served=st.integers(1, 300))
def test_all_who_always_ask_have_the_same_time_but_for_one_request(costs, served):
    turns, used = Turns(), Counter()
    for client in range(len(costs)):
        turns.put(b"%d" % client, [b"%d" % client])
    for _ in range(served):
        frames = turns.next()
        client = int(frames[0])
        turns.charge(frames[0], costs[client])
        used[client] += costs[client]
        turns.put(frames[0], frames)
    assert max(used.values()) - min(used[client] for client in range(len(costs))) <= max(costs) + 1e-9


def test_one_who_was_quiet_is_next_and_has_saved_nothing_up():
    turns = Turns()
    turns.put(b"quiet", [b"quiet"])
    turns.next()
    for _ in range(60):
        turns.put(b"busy", [b"busy"])
    for _ in range(20):
        turns.charge(turns.next()[0], 1.0)
    for _ in range(10):
        turns.put(b"quiet", [b"quiet"])
    order = []
    for _ in range(10):
        order.append(turns.next()[0])
        turns.charge(order[-1], 1.0)
    assert order[0] == b"quiet"
    assert Counter(order) == {b"quiet": 5, b"busy": 5}


def test_what_was_charged_while_a_request_waited_counts_for_its_turn():
    turns = Turns()
    for client in (b"a", b"b"):
        turns.put(client, [client])
    turns.charge(b"a", 1.0)
    assert [turns.next()[0], turns.next()[0]] == [b"b", b"a"]
    assert not turns


def test_requests_of_a_client_stay_in_order_and_have_a_size():
    turns = Turns()
    half = bytes(WAITING_BYTES_MAX // 2)
    assert turns.put(b"a", [b"a", b"1", half * 3]), "one alone may have any"
    assert not turns.put(b"a", [b"a", b"2"])
    assert turns.next()[1] == b"1"
    assert [turns.put(b"a", [b"", b"%d" % number, half]) for number in range(3)] == [True, False, False]
    assert turns.put(b"b", [b"b", b"1"])


def test_clients_that_have_gone_are_forgotten_but_not_what_they_owe():
    turns = Turns()
    for _ in range(2):
        turns.put(b"owing", [b"owing"])
    turns.charge(turns.next()[0], 1000.0)
    turns.put(b"new", [b"new"])
    assert [turns.next()[0], turns.next()[0]] == [b"new", b"owing"]
    for number in range(10 * SWEEP):  # nobody waits for them
        turns.put(b"%d" % number, [b"%d" % number])
        turns.charge(turns.next()[0], 0.001)
        assert len(turns) <= 4 * SWEEP


def test_work_is_charged_for_what_it_does_and_not_for_what_it_waits_for():
    charges: list[float] = []

    async def work() -> str:
        began = time.thread_time()
        while time.thread_time() < began + 0.02:
            pass
        await asyncio.sleep(0.2)
        return "done"

    async def scenario() -> None:
        assert await charged(work(), charges.append) == "done"

    asyncio.run(scenario())
    assert len(charges) == 2
    assert 0.02 <= sum(charges) < 0.2


def test_work_that_fails_or_is_cancelled_is_charged_too():
    charges: list[float] = []
    seen = []

    async def fails() -> None:
        raise KeyError("x")

    async def waits() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    async def scenario() -> None:
        with pytest.raises(KeyError):
            await charged(fails(), charges.append)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await charged(waits(), charges.append)

    asyncio.run(scenario())
    assert seen == ["cancelled"]
    assert len(charges) == 3
