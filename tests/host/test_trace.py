"""What is told of a plugin that somebody looks at, and that nothing is gathered of the others."""

from __future__ import annotations

import logging

import pytest

from ag06d.errors import RequestError
from ag06d.host.trace import EVENTS_MAX, TEXT_MAX, TRACEBACK_MAX, Trace
from ag06d.plugin import Command, Topic
from ag06d.wire import pack, unpack


@pytest.fixture(autouse=True)
def quiet(caplog):
    """Tracebacks of mistakes that are made on purpose."""
    caplog.set_level(logging.CRITICAL, "ag06d.host.runner")


@pytest.fixture
def talker(start):
    """A plugin that publishes, calls and then raises at every frame, and has a command."""

    def process(_) -> None:
        runner.context.publish("said", {"x": 1})
        runner.context.call("status")
        raise ValueError("enough said")

    runner = start(
        "test",
        process,
        ag06_topics=lambda: [Topic("said", "doc")],
        ag06_commands=lambda: [Command("do", dict, "does")],
    )
    return runner


def whats(trace: Trace) -> list[str]:
    return [event["what"] for event in trace.take().get("events", [])]


def test_all_that_happens_around_a_plugin_is_told_in_order(talker, frame, ask):
    trace = talker.context.trace = Trace(60)
    talker.process(frame)
    ask(talker, "do")
    talker.deliver(lambda: None, "message", "meters.")
    taken = trace.take()
    assert unpack(pack(taken)) == taken
    published, called, told, error, command, message = taken["events"]
    assert published.items() >= {"what": "publish", "topic": "said", "bytes": 4, "sent": True}.items()
    assert called.items() >= {"what": "call", "op": "status"}.items()
    assert told["what"] == "frame"
    assert told["took_us"] > 0
    assert error["traceback"].endswith("ValueError: enough said\n")
    assert command.items() >= {"what": "command", "name": "do"}.items()
    assert message.items() >= {"what": "message", "name": "meters."}.items()
    assert trace.take() == {}


def test_nothing_is_gathered_while_nobody_looks(talker, frame, link):
    talker.process(frame)
    assert talker.context.trace is None
    assert [message.kind for message in link.sent] == ["publish", "request"]


def test_a_command_that_fails_is_told_with_its_error(start, ask):
    def fail(_):
        raise KeyError("x")

    runner = start("test", ag06_commands=lambda: [Command("do", fail, "fails")])
    trace = runner.context.trace = Trace(60)
    with pytest.raises(RequestError):
        ask(runner, "do")
    assert whats(trace) == ["error", "command"]


def test_a_flood_is_counted_and_long_texts_are_cut():
    trace = Trace(60)
    for _ in range(EVENTS_MAX + 7):
        trace.add("call", op="x" * 10_000)
    taken = trace.take()
    assert len(taken["events"]) == EVENTS_MAX
    assert taken["omitted"] == 7
    assert {len(event["op"]) for event in taken["events"]} == {TEXT_MAX}
    trace.add("call", op="y")
    assert trace.take()["omitted"] == 0


def test_an_error_without_words_and_a_long_one_are_told():
    class WordlessError(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    trace = Trace(60)
    trace.error(WordlessError())
    trace.error(ValueError("long " * TRACEBACK_MAX))
    first, second = trace.take()["events"]
    assert "WordlessError" in first["traceback"]
    assert len(second["traceback"]) == TRACEBACK_MAX


def test_a_trace_ends_when_nobody_asks_for_it_again():
    trace = Trace(60)
    assert not trace.over
    trace.renew(-1)
    assert trace.over
