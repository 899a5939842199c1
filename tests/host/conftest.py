"""Fences with small plugins made of functions, instead of installed ones."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ag06d.arena import HostCell
from ag06d.errors import RequestError
from ag06d.host import runner as runner_module
from ag06d.host.context import HostContext, Shared
from ag06d.host.desk import Asked
from ag06d.host.runner import Runner
from ag06d.plugin import Frame, hookimpl
from ag06d.testing import FakeFeatures
from ag06d.wire import pack_arrays, unpack_arrays
from ag06d.wire.hostlink import HostMessage

RATE, HOP = 48000, 480
FAR_NS = 1 << 62  # of CLOCK_MONOTONIC: no test gets there
NEVER_MS = 1e6  # a deadline that nothing misses


class FakeLink:
    """Takes everything and sends it nowhere."""

    def __init__(self) -> None:
        self.sent: list[HostMessage] = []

    def send(self, message: HostMessage) -> bool:
        self.sent.append(message)
        return True


class Processor:
    """Does what the test says."""

    def __init__(self, process: Callable[[Frame], None]) -> None:
        self.process = process
        self.closed = 0

    def close(self) -> None:
        self.closed += 1


def ask(runner: Runner, name: str, body: dict[str, Any] | None = None, *arrays: Any) -> dict[str, Any]:
    """What a command that answers at once answers, with its arrays; raises RequestError."""
    entries, buffers = pack_arrays(*arrays)
    answers: list[Any] = []
    given = dict(body or {}) | ({"arrays": entries} if arrays else {})
    runner.desk.ask(Asked(name, given, buffers, FAR_NS, lambda *answer: answers.append(answer)))
    ((status, answer, buffers),) = answers
    if status != "ok":
        raise RequestError(answer["code"], answer["message"], answer["hint"])
    return answer | ({"arrays": unpack_arrays(answer["arrays"], buffers)} if buffers else {})


@pytest.fixture(name="ask")
def ask_() -> Callable[..., dict[str, Any]]:
    """Asks one of a runner's commands: `ask(runner, name, body, *arrays)`."""
    return ask


@pytest.fixture
def link():
    return FakeLink()


@pytest.fixture
def shared(link):
    return Shared(link, RATE, HOP, FakeFeatures())


@pytest.fixture
def cell():
    cell = HostCell()
    yield cell
    cell.close()


@pytest.fixture
def frame():
    sound = np.zeros((HOP, 2), np.float32)
    return Frame(dry=sound, wet=sound, position=0, mono_ns=1, rate=RATE)


@pytest.fixture
def plugins(monkeypatch) -> dict[str, Any]:
    """What is installed, by name: whatever stands in for a plugin's module."""
    installed: dict[str, Any] = {}

    def find(name: str, _: object) -> SimpleNamespace:
        return SimpleNamespace(load=lambda: installed[name], document=dict)

    monkeypatch.setattr(runner_module, "find", find)
    return installed


@pytest.fixture
def start(plugins, shared, cell, tmp_path):
    """Starts a runner: `start(name, process, ag06_check=...)`; its ends are in `runner.ends`."""

    def start(name="test", process=None, config=None, *, max_errors=3, deadline_ms=NEVER_MS, **hooks):
        processor = Processor(process) if process else None
        if processor:
            hooks["ag06_processors"] = lambda context: [processor]  # noqa: ARG005 - the hook's own argument
        plugins[name] = SimpleNamespace(
            **{key: hookimpl(thing) if callable(thing) else thing for key, thing in hooks.items()}
        )
        ends: list[tuple[str, str]] = []
        runner = Runner(
            HostContext(name, shared, tmp_path / name),
            len(plugins) - 1,
            cell,
            deadline_ms=deadline_ms,
            max_errors=max_errors,
            failed=lambda _, state, reason: ends.append((state.name.lower(), reason)),
        )
        runner.start(config or {})
        runner.ends, runner.processor = ends, processor
        return runner

    return start
