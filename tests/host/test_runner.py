from __future__ import annotations

import logging
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
from pydantic import BaseModel, ConfigDict

from ag06d.arena import PluginState
from ag06d.errors import RequestError
from ag06d.host.runner import DEGRADED_FRAMES, EXIT_MEMORY
from ag06d.plugin import Command, RefusedError, Topic, hookimpl
from ag06d.wire import pack, unpack

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.fixture
def quiet(caplog):
    """Tracebacks of mistakes that are made on purpose."""
    caplog.set_level(logging.CRITICAL, "ag06d.host.runner")


def fail(_) -> None:
    raise RuntimeError("on purpose")


def test_a_plugin_that_raises_is_counted_then_put_out_and_the_others_go_on(start, cell, frame):
    seen = []
    bad, good = start("bad", fail, max_errors=3), start("good", seen.append)
    for _ in range(2):
        bad.process(frame)
        good.process(frame)
    assert bad.state is PluginState.DEGRADED
    assert bad.active
    bad.process(frame)
    good.process(frame)
    assert not bad.active
    assert bad.ends == [("quarantined", "raised 3 times in a row: RuntimeError: on purpose")]
    assert len(seen) == 3
    assert good.ends == []
    assert cell.plugin(0).items() >= {"frames": 3, "errors": 3, "state": "quarantined"}.items()
    assert cell.plugin(1).items() >= {"frames": 3, "errors": 0, "state": "running"}.items()
    assert cell.inside() is None


def test_only_errors_in_a_row_put_a_plugin_out(start, frame):
    turns = iter(range(100))

    def now_and_then(_) -> None:
        if next(turns) % 3:
            raise ValueError

    runner = start("test", now_and_then, max_errors=3)
    for _ in range(90):
        runner.process(frame)
    assert runner.active
    assert runner.ends == []


def test_a_call_that_is_late_but_raises_nothing_ends_a_row_of_errors(start, frame):
    turns = iter(range(100))

    def now_and_then(_) -> None:
        if next(turns) % 3:
            raise ValueError

    runner = start("test", now_and_then, max_errors=3, deadline_ms=1e-6)
    for _ in range(30):
        runner.process(frame)
    assert runner.active


@pytest.mark.parametrize("raised", [SystemExit(0), KeyboardInterrupt(), GeneratorExit()], ids=repr)
def test_nothing_that_a_processor_raises_gets_past_the_fence(start, frame, cell, raised):
    def throw(_) -> None:
        raise raised

    runner = start("test", throw, max_errors=1)
    runner.process(frame)
    assert [state for state, _ in runner.ends] == ["quarantined"]
    assert cell.inside() is None


def test_a_slow_frame_is_counted_and_shows_as_degraded_until_enough_were_in_time(start, frame, cell):
    slow = [True]
    runner = start("test", lambda _: time.sleep(0.6) if slow.pop() else None, deadline_ms=500)
    runner.process(frame)
    assert runner.state is PluginState.DEGRADED
    assert cell.plugin(0).items() >= {"frames": 1, "errors": 0, "over_deadline": 1}.items()
    assert cell.plugin(0)["p99_us"] >= 500_000
    for _ in range(DEGRADED_FRAMES - 1):
        slow.append(False)
        runner.process(frame)
    assert runner.state is PluginState.DEGRADED
    slow.append(False)
    runner.process(frame)
    assert runner.state is PluginState.RUNNING
    assert cell.plugin(0)["state"] == "running"


def test_the_cell_says_which_plugin_is_at_work(start, frame, cell):
    inside = []
    start("first", inside.append)
    second = start("second", lambda _: inside.append(cell.inside()))
    second.process(frame)
    assert inside[0][0] == 1
    assert inside[0][1] > 0


def test_a_plugin_without_memory_ends_its_host_at_once_and_the_cell_still_names_it():
    code = """
import os, sys
from types import SimpleNamespace
from ag06d.arena import HostCell
from ag06d.host import runner
cell = HostCell(int(sys.argv[1]))
def allocate(_): raise MemoryError
context = SimpleNamespace(name="greedy")
fence = runner.Runner(context, 4, cell, deadline_ms=5, max_errors=3, failed=print)
fence._processors = [SimpleNamespace(process=allocate)]
fence.process(None)
"""
    from ag06d.arena import HostCell  # noqa: PLC0415 - one that outlives the process

    cell = HostCell()
    command = [sys.executable, "-c", code, str(cell.fd)]
    assert subprocess.run(command, pass_fds=[cell.fd], check=False).returncode == EXIT_MEMORY
    assert cell.inside()[0] == 4
    cell.close()


def test_a_plugin_refuses_with_its_reason(start, ask):
    def check(context):
        raise RefusedError(f"{context.name} needs a licence")

    runner = start("test", fail, ag06_check=check)
    assert runner.ends == [("refused", "test needs a licence")]
    assert not runner.active
    assert runner.state is PluginState.REFUSED
    with pytest.raises(RequestError, match="no command"):
        ask(runner, "anything", {})


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid")
    share: float = 0.5
    count: int = 1


def test_a_wrong_configuration_refuses_the_plugin_and_names_every_key(start):
    runner = start("test", fail, {"share": "x", "cuont": 2}, ag06_config_model=lambda: Model)
    (state, reason), = runner.ends  # fmt: skip
    assert state == "refused"
    assert "plugins.test.share: " in reason
    assert "plugins.test.cuont: " in reason


def test_a_plugin_is_given_its_model_or_without_one_its_section(start):
    runner = start("model", fail, {"share": 0.25}, ag06_config_model=lambda: Model)
    assert runner.context.config == Model(share=0.25)
    assert start("plain", fail, {"x": 1}).context.config == {"x": 1}
    assert runner.context.data_folder.is_dir()


def test_a_hook_that_there_is_not_refuses_the_plugin(start):
    runner = start("test", ag06_procesors=lambda context: [])  # noqa: ARG005 - the hook's own argument
    (state, reason), = runner.ends  # fmt: skip
    assert state == "refused"
    assert "ag06_procesors" in reason


@pytest.mark.parametrize("raised", [ZeroDivisionError("x"), ImportError("x"), SystemExit("x")], ids=repr)
@pytest.mark.parametrize("hook", ["ag06_config_model", "ag06_check", "ag06_topics", "ag06_processors"])
def test_a_hook_that_raises_refuses_the_plugin_alone(start, frame, cell, hook, raised):
    def throw():
        raise raised

    runner = start("bad", **{hook: throw})
    assert [state for state, _ in runner.ends] == ["refused"]
    assert "x" in runner.ends[0][1]
    assert cell.inside() is None
    seen = []
    start("good", seen.append).process(frame)
    assert len(seen) == 1


@pytest.mark.parametrize(
    "topic", [{"channel": "radio"}, {"fields": ("a", "b"), "units": ("Hz",)}], ids=["channel", "units"]
)
def test_a_topic_that_the_bus_could_not_carry_refuses_the_plugin(start, topic):
    runner = start("test", ag06_topics=lambda: [Topic("wrong", "doc", **topic)])
    (state, reason), = runner.ends  # fmt: skip
    assert state == "refused"
    assert "topic wrong: " in reason


@pytest.fixture
def commander(start):
    """A runner with one command, `do`, that is the function given."""

    def commander(handler):
        return start("test", ag06_commands=lambda: [Command("do", handler, "does it")])

    return commander


def test_a_command_is_given_its_arguments_and_answers(commander, cell, ask):
    runner = commander(lambda arguments: {"twice": 2 * arguments["n"], "inside": cell.inside()[0]})
    assert ask(runner, "do", {"n": 4}) == {"twice": 8, "inside": 0}
    assert cell.inside() is None
    with pytest.raises(RequestError, match="no command 'other'") as caught:
        ask(runner, "other", {})
    assert caught.value.code == "unknown_op"


@pytest.mark.parametrize(
    ("handler", "code", "message"),
    [
        (fail, "internal", "plugin test: RuntimeError: on purpose"),
        (lambda _: sys.exit(3), "internal", "plugin test: SystemExit: 3"),
        (lambda _: None, "internal", "plugin test: TypeError: "),
        (lambda _: [1, 2], "internal", "plugin test: TypeError: "),
        (lambda _: {"x": object()}, "internal", "plugin test: TypeError: "),
        (lambda _: {1: 2}, "internal", "plugin test: WireError: "),
        (lambda _: {"x": bytes(2 << 20)}, "out_of_range", "the answer to test.do does not fit: "),
    ],
)
def test_a_command_that_goes_wrong_is_answered_and_the_plugin_goes_on(commander, handler, code, message, ask):
    runner = commander(handler)
    with pytest.raises(RequestError) as caught:
        ask(runner, "do", {})
    assert caught.value.code == code
    assert caught.value.message.startswith(message)
    assert runner.active


@pytest.mark.parametrize(("raised", "code"), [("busy", "busy"), ("my_own", "internal")])
def test_a_commands_request_error_is_the_answer_within_the_closed_list_of_codes(commander, raised, code, ask):
    def refuse(_):
        raise RequestError(raised, "not now", "later")

    with pytest.raises(RequestError, match="not now") as caught:
        ask(commander(refuse), "do")
    assert (caught.value.code, caught.value.hint) == (code, "later")


def test_a_handler_that_raises_ends_at_the_fence(start, cell):
    runner = start("test", fail)
    runner.deliver(lambda: fail(None), "message", "topic")
    assert runner.active
    assert cell.inside() is None


def test_processors_are_closed_at_the_end_though_one_of_them_fails(start):
    runner = start("test", fail)

    def fail_to_close() -> None:
        raise OSError

    runner._processors.insert(0, SimpleNamespace(close=fail_to_close))
    runner._processors.append(SimpleNamespace())  # has no close
    runner.close()
    assert runner.processor.closed == 1


def test_a_plugin_put_out_hears_nothing_more(start, frame):
    runner = start("test", fail, max_errors=1)
    runner.context.subscribe("x", print)
    runner.context.call("status", done=print)
    runner.process(frame)
    assert runner.context.subscriptions == []
    assert runner.context.calls == {}


def test_hooks_are_marked_and_everything_else_in_a_module_is_left_alone(start, plugins):
    @hookimpl
    def ag06_topics():
        return [Topic("one", "doc"), Topic("two", "doc")]

    runner = start("test", ag06_topics=ag06_topics, ag06_commands=lambda: None)
    assert set(runner.context.topics) == {"one", "two"}
    assert runner.desk.commands == {}
    assert "test" in plugins


@pytest.mark.parametrize(
    "wrong", [{"doc": print}, {"handler": "reset"}, {"name": ""}, {"arguments": {"path": 3}}]
)
def test_a_command_that_could_not_be_told_to_clients_is_refused_where_it_is_made(wrong):
    right = {"name": "reset", "handler": dict, "doc": "Start again", "arguments": {}}
    Command(**right)
    with pytest.raises(TypeError, match="name, handler, doc, arguments"):
        Command(**(right | wrong))


class WordlessError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")

    __repr__ = __str__


class WordlessRefusedError(WordlessError, RefusedError):
    pass


@pytest.mark.parametrize("error", [WordlessError, WordlessRefusedError])
def test_an_exception_without_words_refuses_the_plugin_at_start(start, error):
    def check() -> None:
        raise error

    ((state, reason),) = start("test", ag06_check=check).ends
    assert state == "refused"
    assert "cannot be printed" in reason


def test_an_exception_without_words_puts_the_plugin_out_in_frames_and_fails_its_command(start, frame, ask):
    def wordless(_) -> None:
        raise WordlessError

    runner = start("test", wordless, ag06_commands=lambda: [Command("fail", wordless, "Raises")])
    with pytest.raises(RequestError, match=r"WordlessError: .* cannot be printed"):
        ask(runner, "fail", {})
    for _ in range(3):
        runner.process(frame)
    ((state, reason),) = runner.ends
    assert state == "quarantined"
    assert "WordlessError: something that cannot be printed" in reason


def test_a_lone_surrogate_in_an_error_can_be_told(start):
    def check() -> None:
        raise RuntimeError("cannot read \udcff.wav")

    (end,) = start("test", ag06_check=check).ends
    assert unpack(pack(list(end))) == ["refused", r"RuntimeError at start: cannot read \udcff.wav"]
