"""Supervision of a host, without its process: what a cell says that a plugin has scribbled on."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import pytest
from ag06d._native import lib

from ag06d.arena import Arena
from ag06d.core import hosts as hosts_module
from ag06d.core.config import HostConfig
from ag06d.core.hosts import HostProcess
from ag06d.wire import pack, unpack

RATE = 48000


class FakeChild:
    """Takes what a process would be told, and lives."""

    pid, alive = os.getpid(), True

    def __init__(self, specs: list[dict[str, Any]]) -> None:
        self.specs = specs

    def __call__(self, _: str, spec: dict[str, Any], *__: object, **___: object) -> FakeChild:
        self.specs.append(spec)
        return self

    def kill(self) -> None:
        raise AssertionError("no reason to")


@pytest.fixture
def specs(monkeypatch):
    """What each process was told to do."""
    specs: list[dict[str, Any]] = []
    monkeypatch.setattr(hosts_module, "Child", FakeChild(specs))
    return specs


@pytest.fixture
def arena():
    arena = Arena.create(RATE, 0.1)
    yield arena
    arena.close()


@pytest.fixture
def host(arena, tmp_path):
    host = HostProcess(
        "live",
        HostConfig(plugins=("one", "two")),
        {},
        arena,
        parent=os.getpid(),
        socket="ipc:///nowhere",
        state_folder=tmp_path,
        log_level="info",
        lockstep=False,
        announce=lambda *_: None,
    )
    yield host
    host.cell.close()


@pytest.mark.parametrize("current", [77, 3, 2**32 - 1])
@pytest.mark.parametrize("head", [0, 4800])
def test_a_scribbled_cell_is_a_document_blames_nobody_and_starts_within_the_ring(
    host, arena, specs, current, head
):
    async def scenario() -> None:
        host.start()
        host.said_hello()
        os.pwrite(host.cell.fd, b"\xff" * os.fstat(host.cell.fd).st_size, 0)
        host.cell.pointer.current.raw = current
        host.cell.pointer.plugins[0].state.raw = 99
        for document in (host.document(), host.plugin_documents()):
            assert unpack(pack(document)) == document
        assert host.plugin_documents()["one"]["state"] == "starting"
        host.tick()
        host._child_ended(1024)
        assert host.put_out_plugins() == []
        assert not host._strikes
        assert host.cell.position == 2**64 - 1
        await asyncio.sleep(0.01)  # it is started again after no pause at all

    for ring in ("dry", "wet"):
        getattr(arena.pointer, ring).head.raw = head
    assert arena.head == head
    asyncio.run(scenario())
    assert [spec["position"] for spec in specs] == [None, head]


def test_a_plugin_that_scribbles_and_then_ends_its_host_is_to_blame(host, arena, specs):
    async def scenario() -> None:
        host.start()
        host.said_hello()
        os.pwrite(host.cell.fd, b"\xff" * os.fstat(host.cell.fd).st_size, 0)
        lib.ag06_cell_enter(host.cell.pointer, 1)
        host._child_ended(1024)
        assert list(host._strikes) == ["two"]
        await asyncio.sleep(0.01)  # it is started again after no pause at all

    asyncio.run(scenario())
    assert 0 <= specs[1]["position"] <= arena.head
