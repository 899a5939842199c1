"""Commands whose answer takes its time, and arrays that come and go with them."""

from __future__ import annotations

import logging
import sys
from typing import Any

import numpy as np
import pytest
from ag06d._native import lib

from ag06d.arena import PluginState
from ag06d.errors import RequestError
from ag06d.host.desk import WAITING_MAX, Asked
from ag06d.host.trace import Trace
from ag06d.plugin import Answer, Command

FAR_NS = 1 << 62


@pytest.fixture(autouse=True)
def quiet(caplog):
    """Tracebacks of mistakes that are made on purpose."""
    caplog.set_level(logging.CRITICAL, "ag06d.host.runner")


@pytest.fixture
def commander(start):
    """A runner with one command, `do`, that is the function given."""

    def commander(handler, **options):
        return start("test", ag06_commands=lambda: [Command("do", handler, "does it")], **options)

    return commander


class Inbox(list):
    """Asks and keeps the answers."""

    def ask(self, runner, number: int = 0, deadline_ns: int = FAR_NS) -> None:
        outlet = lambda status, body, _: self.append((number, status, body))  # noqa: E731 - three names
        runner.desk.ask(Asked("do", {"n": number}, (), deadline_ns, outlet))

    def codes(self) -> list[str]:
        return [body.get("code", status) for _, status, body in self]


@pytest.fixture
def inbox():
    return Inbox()


def test_arrays_come_read_only_and_go_with_their_shape_and_dtype(commander, ask):
    def double(body: dict[str, Any]) -> Answer:
        assert not any(array.flags.writeable for array in body["arrays"])
        return Answer({"n": len(body["arrays"])}, [2 * array for array in body["arrays"]])

    given = [np.arange(6, dtype="<i4").reshape(2, 3), np.array(1.5), np.zeros((0, 4), "<f4")]
    answer = ask(commander(double), "do", {}, *given)
    assert answer["n"] == 3
    for array, returned in zip(given, answer["arrays"], strict=True):
        np.testing.assert_array_equal(2 * array, returned)
        assert (returned.dtype, returned.shape) == (array.dtype, array.shape)


@pytest.mark.parametrize("arrays", [[{"dtype": "<f4", "shape": [1]}], 3, [{"dtype": "O", "shape": []}]])
def test_entries_that_do_not_agree_with_the_buffers_never_reach_the_handler(commander, ask, arrays):
    with pytest.raises(RequestError, match=r"test\.do: ") as refused:
        ask(commander(lambda _: pytest.fail("it did")), "do", {"arrays": arrays})
    assert refused.value.code == "bad_request"


@pytest.mark.parametrize(
    "answer",
    [
        Answer({}, [np.zeros((1 << 20) + 1, np.uint8)]),
        Answer({}, [np.zeros(1)] * 62),
        Answer({"x": bytes(1 << 20)}),
    ],
    ids=["large", "many", "body"],
)
def test_an_answer_that_does_not_fit_is_out_of_range_and_no_fault_of_the_plugin(commander, ask, cell, answer):
    runner = commander(lambda _: answer, max_errors=1)
    with pytest.raises(RequestError, match=r"the answer to test\.do does not fit") as refused:
        ask(runner, "do")
    assert refused.value.code == "out_of_range"
    assert runner.state is PluginState.RUNNING
    assert cell.plugin(0)["errors"] == 0


def test_the_largest_answer_fits(commander, ask):
    answer = ask(commander(lambda _: Answer({}, [np.zeros(1 << 20, np.uint8)] * 61)), "do")
    assert len(answer["arrays"]) == 61


@pytest.mark.parametrize("arrays", [[np.array(["text"])], [object()], 3])
def test_arrays_that_are_none_are_the_plugins_fault(commander, ask, cell, arrays):
    with pytest.raises(RequestError) as refused:
        ask(commander(lambda _: Answer({}, arrays)), "do")
    assert refused.value.code == "internal"
    assert cell.plugin(0)["errors"] == 1


def test_a_generator_is_asked_again_until_it_returns_and_each_gets_its_own_answer(commander, inbox, cell):
    there: set[int] = set()

    def do(body):
        while body["n"] not in there:
            assert cell.inside()[0] == 0
            yield
        return {"was": body["n"]}

    runner = commander(do)
    there.add(0)
    for number in range(4):
        inbox.ask(runner, number)
    assert inbox == [(0, "ok", {"was": 0})]
    for number in (2, 1, 3):
        assert len(runner.desk) == 4 - len(inbox)
        there.add(number)
        runner.desk.step()
    assert [number for number, *_ in inbox] == [0, 2, 1, 3]
    assert all(status == "ok" and body == {"was": number} for number, status, body in inbox)
    assert len(runner.desk) == 0
    assert cell.inside() is None


def test_what_a_generator_raises_is_the_answer_as_of_any_command(commander, inbox, cell):
    def do(body):
        yield
        if body["n"]:
            raise RequestError("unknown_path", "no such thing")
        sys.exit()

    runner = commander(do)
    for number in (0, 1):
        inbox.ask(runner, number)
    assert inbox == []
    runner.desk.step()
    assert inbox.codes() == ["internal", "unknown_path"]
    assert cell.plugin(0)["errors"] == 1
    runner.desk.step()
    assert len(inbox) == 2


def test_one_that_is_past_its_deadline_is_closed_and_answered_so_and_one_that_comes_late_is_not_begun(
    commander, inbox
):
    told = []

    def do(body):
        told.append(("begun", body["n"]))
        try:
            while True:
                yield
        finally:
            told.append(("closed", body["n"]))

    runner = commander(do)
    inbox.ask(runner, 1, lib.ag06_now_ns() + 50_000_000)
    inbox.ask(runner, 2)
    inbox.ask(runner, 3, lib.ag06_now_ns() - 1)
    assert inbox.codes() == ["deadline"]
    while len(inbox) < 2:
        runner.desk.step()
    assert inbox.codes() == ["deadline", "deadline"]
    assert told == [("begun", 1), ("begun", 2), ("closed", 1)]
    assert len(runner.desk) == 1


def test_so_many_may_wait_and_a_further_one_is_busy_while_those_that_do_not_wait_are_answered(
    start, inbox, ask
):
    def wait(_):
        yield
        return {}

    commands = [Command("do", wait, "waits"), Command("quick", lambda _: {"x": 1}, "does not")]
    runner = start("test", ag06_commands=lambda: commands)
    for number in range(WAITING_MAX + 1):
        inbox.ask(runner, number)
    assert inbox.codes() == ["busy"]
    assert ask(runner, "quick") == {"x": 1}
    runner.desk.step()
    assert inbox.codes() == ["busy"] + ["ok"] * WAITING_MAX
    inbox.ask(runner)
    assert len(runner.desk) == 1


@pytest.mark.parametrize("end", ["closes", "is put out"])
def test_when_a_plugin_ends_all_who_wait_are_told_and_its_generators_are_closed(commander, inbox, frame, end):
    closed = []

    def do(body):
        try:
            yield
            pytest.fail("it was asked again")
        finally:
            closed.append(body["n"])
            if body["n"] == 1:
                raise ValueError

    runner = commander(do, process=lambda _: 1 / 0, max_errors=1)
    for number in range(3):
        inbox.ask(runner, number)
    if end == "closes":
        runner.close()
    else:
        runner.process(frame)
    assert inbox.codes() == ["not_ready"] * 3
    assert closed == [0, 1, 2]
    inbox.ask(runner)
    assert inbox.codes()[3:] == ["unknown_op"]
    runner.desk.step()
    assert len(inbox) == 4


def test_a_generator_whose_error_puts_the_plugin_out_is_answered_once(commander, inbox):
    def do(body):
        yield
        if body["n"] == 1:
            raise ValueError
        yield

    runner = commander(do, max_errors=1)
    for number in range(3):
        inbox.ask(runner, number)
    runner.desk.step()
    assert sorted((number, body["code"]) for number, _, body in inbox) == [
        (0, "not_ready"),
        (1, "internal"),
        (2, "not_ready"),
    ]
    assert not runner.active


def test_each_step_is_told_to_who_traces(commander, inbox):
    def do(_):
        yield
        return {}

    runner = commander(do)
    trace = runner.context.trace = Trace(60)
    inbox.ask(runner)
    runner.desk.step()
    assert [(event["what"], event["name"]) for event in trace.take()["events"]] == [("command", "do")] * 2
