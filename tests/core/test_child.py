from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ag06d.core import stderr
from ag06d.core.child import BackOff, Child, describe_end
from ag06d.core.stderr import AT_ONCE, Budget

PATIENCE_S = 60  # for what must come at all; nothing depends on how soon


class Life:
    """One child, what it said, and how it ended."""

    def __init__(self, module: str, spec: dict, fds=()) -> None:
        self.said: asyncio.Queue[dict] = asyncio.Queue()
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.child = Child(module, spec, fds, ended=self.ended.set_result, said=self.said.put_nowait)

    async def next(self) -> dict:
        return await asyncio.wait_for(self.said.get(), PATIENCE_S)

    async def end(self) -> int:
        return await asyncio.wait_for(self.ended, PATIENCE_S)


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Makes a module that a child can run; returns its name."""

    def module(code: str) -> str:
        (tmp_path / "child_of_a_test.py").write_text(
            "import json, os, signal, sys, time\n"
            "def say(**line):\n    print(json.dumps(line), flush=True)\n" + code
        )
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        return "child_of_a_test"

    return module


def test_a_child_reads_its_spec_says_lines_and_ends_with_its_status(module):
    name = module("say(spec=json.load(sys.stdin)); print('no json'); say(n=2); sys.exit(7)")

    async def scenario() -> None:
        life = Life(name, {"a": [1, 2]})
        assert life.child.alive
        assert (await life.next(), await life.next()) == ({"spec": {"a": [1, 2]}}, {"n": 2})
        assert await life.end() == 7
        assert not life.child.alive
        life.child.kill()  # too late, and no matter
        await life.child.stop(1)

    asyncio.run(scenario())


def test_a_line_said_in_pieces_is_one_line(module):
    name = module(
        "sys.stdout.write('{\"n\":'); sys.stdout.flush(); time.sleep(0.05); print(' 1}', flush=True)"
    )

    async def scenario() -> None:
        life = Life(name, {})
        assert await life.next() == {"n": 1}
        assert await life.end() == 0

    asyncio.run(scenario())


def test_a_child_that_dies_is_told_with_its_signal(module):
    name = module("say(ready=1); os.kill(os.getpid(), signal.SIGSEGV)")

    async def scenario() -> None:
        life = Life(name, {})
        assert describe_end(await life.end()) == "killed by SIGSEGV"

    asyncio.run(scenario())


def test_a_child_that_ends_before_it_reads_its_spec_is_no_error(module):
    name = module("os._exit(3)")

    async def scenario() -> None:
        assert await Life(name, {"long": "x" * 30_000}).end() == 3

    asyncio.run(scenario())


def test_a_child_is_asked_to_end(module):
    name = module("signal.signal(signal.SIGTERM, lambda *_: sys.exit(5)); say(ready=1); time.sleep(600)")

    async def scenario() -> None:
        life = Life(name, {})
        await life.next()
        await life.child.stop(PATIENCE_S)
        assert await life.end() == 5

    asyncio.run(scenario())


def test_a_child_that_ignores_sigterm_is_killed(module):
    name = module("signal.signal(signal.SIGTERM, signal.SIG_IGN); say(ready=1); time.sleep(600)")

    async def scenario() -> None:
        life = Life(name, {})
        await life.next()
        await life.child.stop(0.05)
        assert await life.end() == -signal.SIGKILL

    asyncio.run(scenario())


def test_a_child_is_given_its_descriptors_and_one_thread_for_numbers(module):
    name = module(
        "say(read=os.pread(json.load(sys.stdin)['fd'], 9, 0).decode(), omp=os.environ['OMP_NUM_THREADS'])"
    )

    async def scenario() -> None:
        fd = os.memfd_create("test", os.MFD_CLOEXEC)
        os.write(fd, b"shared")
        life = Life(name, {"fd": fd}, [fd])
        assert await life.next() == {"read": "shared", "omp": "1"}
        await life.end()
        os.close(fd)

    asyncio.run(scenario())


def test_lives_leave_no_descriptors_behind(module):
    name = module("os._exit(0)")

    def descriptors() -> list[str]:
        return sorted(path.name for path in Path("/proc/self/fd").iterdir())

    async def scenario() -> None:
        await Life(name, {}).end()
        before = descriptors()
        for _ in range(3):
            await Life(name, {}).end()
        assert descriptors() == before

    asyncio.run(scenario())


@given(status=st.integers(-64, 255))
def test_every_end_can_be_told_in_words(status):
    words = describe_end(status)
    assert words.startswith("killed by " if status < 0 else f"exited with status {status}")


@given(
    first=st.floats(0.01, 1),
    longest=st.floats(1, 60),
    healthy=st.floats(1, 100),
    lives=st.lists(st.floats(0, 200), max_size=20),
)
def test_the_pause_is_nothing_at_first_then_doubles_up_to_the_longest_and_a_healthy_life_forgives(
    first, longest, healthy, lives
):
    back_off = BackOff(first, longest, healthy)
    early = 0
    for lived in lives:
        early = 0 if lived >= healthy else early
        assert back_off.after(lived) == (0 if early == 0 else min(first * 2 ** (early - 1), longest))
        early += 1


def lines_of(err: str) -> list[str]:
    return [line for line in err.splitlines() if line.startswith("line ")]


def test_what_a_child_writes_to_stderr_comes_through_to_the_last_line(module, capfd):
    name = module(
        "for n in range(300): print('line', n, file=sys.stderr)\nos.write(2, b'line the last')\nos.abort()"
    )

    async def scenario() -> None:
        await Life(name, {}).end()

    asyncio.run(scenario())
    assert lines_of(capfd.readouterr().err) == [*(f"line {n}" for n in range(300)), "line the last"]


def test_of_a_flood_a_part_is_passed_on_and_the_end_and_how_much_was_left_out(module, capfd, caplog):
    line, number = "line " + 94 * "x", 100_000
    name = module(
        f"for n in range({number}): os.write(2, b'{line}\\n')\nprint('line the last', file=sys.stderr)"
    )

    async def scenario() -> None:
        await Life(name, {}).end()

    asyncio.run(scenario())
    err = capfd.readouterr().err
    assert AT_ONCE // 2 < len(err) < 4 * AT_ONCE
    lines = lines_of(err)
    assert set(lines) == {line, "line the last"}
    assert lines[-1] == "line the last"
    left_out = [int(record.args[1]) for record in caplog.records if "left out" in record.message]
    assert sum(left_out) + len(err) == number * (len(line) + 1) + len("line the last\n")


def test_who_writes_too_much_through_many_lives_has_one_budget(module, capfd):
    name = module("os.write(2, b'line\\n' * 6000)")

    async def scenario() -> None:
        budget = Budget()
        for _ in range(20):
            ended = asyncio.get_running_loop().create_future()
            Child(name, {}, (), ended=ended.set_result, budget=budget)
            await asyncio.wait_for(ended, PATIENCE_S)

    asyncio.run(scenario())
    assert len(capfd.readouterr().err) < 20 * 30000 // 2


def test_nobody_waits_for_a_stderr_that_is_not_read(module, monkeypatch):
    name = module("os.write(2, b'x' * 1_000_000); say(done=1)")
    unread, full = os.pipe()
    monkeypatch.setattr(stderr, "STDERR", full)

    async def scenario() -> None:
        monkeypatch.setattr(stderr, "AT_ONCE", 1 << 20)
        life = Life(name, {})
        assert await life.next() == {"done": 1}
        assert await life.end() == 0

    asyncio.run(scenario())
    os.close(unread)
    os.close(full)
