"""Supervision of hosts, without their processes: who is blamed, put out, switched off, or on probation."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from typing import Any

import pytest
from ag06d._native import lib

from ag06d.arena import Arena
from ag06d.core import blame as blame_module
from ag06d.core import hosts as hosts_module
from ag06d.core import kept as kept_module
from ag06d.core.config import Config, HostConfig
from ag06d.core.hosts import HostSupervisor
from ag06d.errors import RequestError
from ag06d.wire import pack, unpack

RATE = 48000
TURNS = 5  # of the event loop, for what takes no time


class FakeChild:
    """Takes what a process would be told, and lives until the test ends it."""

    def __init__(
        self, _: str, spec: dict[str, Any], *__: object, ended: Callable[[int], None], **___: object
    ) -> None:
        self.spec, self._ended = spec, ended
        self.alive, self.pid = True, os.getpid()
        self.plugins = [plugin["name"] for plugin in spec["plugins"]]

    def end(self, status: int = 256) -> None:
        self.alive = False
        self._ended(status)

    def kill(self) -> None:
        self.end(-signal.SIGKILL)

    async def stop(self, _: float) -> None:
        if self.alive:
            self.end(0)


@pytest.fixture
def born(monkeypatch) -> list[FakeChild]:
    """Every process that was started."""
    born: list[FakeChild] = []

    def make(*arguments: Any, **named: Any) -> FakeChild:
        born.append(FakeChild(*arguments, **named))
        return born[-1]

    monkeypatch.setattr(kept_module, "Child", make)
    monkeypatch.setattr(kept_module.BackOff, "after", lambda *_: 0.0)
    return born


@pytest.fixture
def arena():
    arena = Arena.create(RATE, 0.1)
    yield arena
    arena.close()


@pytest.fixture
def supervise(arena, born, tmp_path):  # noqa: ARG001 - processes that are none
    """Makes a supervisor of one host, `live`, with the plugins named; each announcement goes to `said`."""

    def supervise(*plugins: str, lockstep: bool = False) -> HostSupervisor:
        said: list[tuple[str, dict[str, Any]]] = []
        supervisor = HostSupervisor(
            Config(hosts={"live": HostConfig(plugins=plugins)}),
            arena,
            parent=os.getpid(),
            socket="ipc:///nowhere",
            state_folder=tmp_path,
            plugin_folder=tmp_path,
            lockstep=lockstep,
            announce=lambda topic, body: said.append((topic, body)),
        )
        supervisor.said = said
        return supervisor

    return supervise


def at_work(supervisor) -> list[str]:
    """Says hello for every host that runs; the names of these."""
    for host in supervisor.hosts.values():
        if host.pid and not host.ready:
            host.said_hello({})
    return [name for name, host in supervisor.hosts.items() if host.ready]


def test_a_host_that_has_ended_is_not_ready_nor_do_its_plugins_run(supervise, born):
    async def scenario() -> None:
        supervisor = supervise("x")
        supervisor.start()
        assert at_work(supervisor) == ["live"]
        assert supervisor.running("x").name == "live"
        born[0].end()
        assert supervisor.hosts["live"].plugin_documents()["x"]["state"] == "starting"
        with pytest.raises(RequestError, match="not ready"):
            supervisor.running("x")

    asyncio.run(scenario())


def test_a_setting_named_like_a_secret_is_told_to_no_client(supervise):
    supervisor = supervise("x")
    told = {"token": "hush", "of": {"password": "hush"}, "window_s": 2}
    settings = [{"key": key, "value": value, "default": value, "doc": ""} for key, value in told.items()]
    supervisor.hosts["live"].said_hello({"x": {"active": True, "settings": settings}})
    document = supervisor.info("x")
    assert "hush" not in str(document)
    assert document["settings"][2] == settings[2]


async def turn() -> None:
    for _ in range(TURNS):
        await asyncio.sleep(0.002)


@pytest.mark.parametrize("current", [77, 3, 2**32 - 1])
@pytest.mark.parametrize("head", [0, 4800])
def test_a_scribbled_cell_is_a_document_blames_nobody_and_starts_within_the_ring(
    supervise, arena, born, current, head
):
    async def scenario() -> None:
        supervisor = supervise("one", "two")
        host = supervisor.hosts["live"]
        host.start()
        host.said_hello({})
        os.pwrite(host.cell.fd, b"\xff" * os.fstat(host.cell.fd).st_size, 0)
        host.cell.pointer.current.raw = current
        host.cell.pointer.plugins[0].state.raw = 99
        for document in (host.document(), host.plugin_documents()):
            assert unpack(pack(document)) == document
        assert host.plugin_documents()["one"]["state"] == "starting"
        host.tick()
        born[0].end()
        assert host.put_out_plugins() == []
        assert host.blame.named() == [None]
        assert host.cell.position == 2**64 - 1
        await turn()

    for ring in ("dry", "wet"):
        getattr(arena.pointer, ring).head.raw = head
    assert arena.head == head
    asyncio.run(scenario())
    assert [child.spec["position"] for child in born] == [None, head]


def test_a_plugin_that_scribbles_and_then_ends_its_host_is_to_blame(supervise, arena, born):
    async def scenario() -> None:
        host = supervise("one", "two").hosts["live"]
        host.start()
        host.said_hello({})
        os.pwrite(host.cell.fd, b"\xff" * os.fstat(host.cell.fd).st_size, 0)
        lib.ag06_cell_enter(host.cell.pointer, 1)
        born[0].end()
        assert host.blame.named() == ["two"]
        await turn()

    asyncio.run(scenario())
    assert 0 <= born[1].spec["position"] <= arena.head


async def unexplained(born, number: int) -> None:
    """The newest process ends outside of any plugin, `number` times."""
    for _ in range(number):
        born[-1].end()
        await turn()


def test_after_three_ends_that_nobody_explains_each_plugin_has_a_host_of_its_own_and_goes_on(
    supervise, arena, born
):
    async def scenario() -> None:
        supervisor = supervise("one", "two", "three")
        supervisor.start()
        host = supervisor.hosts["live"]
        arena.pointer.wet.head.raw = arena.pointer.dry.head.raw = 48000
        host.cell.pointer.position.raw = 480
        host.cell.pointer.plugins[1].frames.raw = 7
        await unexplained(born, 2)
        assert list(supervisor.hosts) == ["live"]
        await unexplained(born, 1)
        assert at_work(supervisor) == ["live.one", "live.two", "live.three"]
        assert host.document().items() >= {"state": "probation", "pid": 0, "plugins": []}.items()
        parts = born[3:]
        assert [child.plugins for child in parts] == [["one"], ["two"], ["three"]]
        assert [child.spec["position"] for child in parts] == [480] * 3
        two = supervisor.host_of("two")
        assert two.plugin_documents()["two"].items() >= {"host": "live.two", "frames": 7}.items()

    asyncio.run(scenario())


def test_the_one_that_ends_alone_is_quarantined_and_the_others_are_together_again(supervise, arena, born):
    async def scenario() -> None:
        supervisor = supervise("one", "two", "three")
        supervisor.start()
        arena.pointer.wet.head.raw = arena.pointer.dry.head.raw = 48000
        watching = asyncio.create_task(supervisor.watch())
        await unexplained(born, 3)
        at_work(supervisor)
        for number, plugin in enumerate(("one", "two", "three"), start=1):
            supervisor.hosts[f"live.{plugin}"].cell.pointer.position.raw = 4800 * number
        supervisor.hosts["live.three"].cell.pointer.plugins[0].frames.raw = 9
        born[4].end()  # two
        for _ in range(100):
            await asyncio.sleep(0.02)
            if list(supervisor.hosts) == ["live"] and born[-1].plugins == ["one", "three"]:
                break
        host = supervisor.hosts["live"]
        assert born[-1].plugins == ["one", "three"]
        assert born[-1].spec["position"] == 4800
        assert at_work(supervisor) == ["live"]
        documents = host.plugin_documents()
        assert documents["two"]["state"] == "quarantined"
        assert "cost its host 4 times; the last time, with it alone: exited" in documents["two"]["reason"]
        assert documents["three"].items() >= {"host": "live", "frames": 9}.items()
        assert host.restarts == 2
        watching.cancel()

    asyncio.run(scenario())


def test_on_probation_nobody_is_blamed_for_what_ends_them_all(supervise, born):
    async def scenario() -> None:
        supervisor = supervise("one", "two")
        supervisor.start()
        await unexplained(born, 3)
        for child in born[3:]:
            child.end()
        assert supervisor.hosts["live"].blame.ended_as == {}

    asyncio.run(scenario())


def test_a_probation_in_which_nothing_happens_comes_to_its_end(supervise, born, monkeypatch):
    async def scenario() -> None:
        supervisor = supervise("one", "two")
        supervisor.start()
        await unexplained(born, 3)
        monkeypatch.setattr(hosts_module, "PROBATION_S", 0)
        watching = asyncio.create_task(supervisor.watch())
        await asyncio.sleep(2 * hosts_module.TICK_S)
        assert list(supervisor.hosts) == ["live"]
        assert born[-1].plugins == ["one", "two"]
        watching.cancel()

    asyncio.run(scenario())


@pytest.mark.parametrize(("lockstep", "plugins"), [(False, ["one"]), (True, ["one"]), (True, ["one", "two"])])
def test_a_plugin_alone_in_its_host_is_to_blame_and_a_replay_is_never_split(
    supervise, born, lockstep, plugins
):
    async def scenario() -> None:
        supervisor = supervise(*plugins, lockstep=lockstep)
        supervisor.start()
        await unexplained(born, 3)
        assert list(supervisor.hosts) == ["live"]
        alone = plugins == ["one"]
        assert supervisor.hosts["live"].blame.ended_as == ({"one": "quarantined"} if alone else {})

    asyncio.run(scenario())


def test_ends_that_are_long_past_or_somebody_elses_doing_count_for_nothing(supervise, born, monkeypatch):
    async def scenario() -> None:
        supervisor = supervise("one", "two")
        supervisor.start()
        for _ in range(5):
            born[-1].end(-signal.SIGKILL)
            await turn()
        monkeypatch.setattr(blame_module, "STRIKE_S", 0)
        await unexplained(born, 5)
        assert list(supervisor.hosts) == ["live"]
        assert len(born) == 11

    asyncio.run(scenario())


def test_a_disabled_plugin_leaves_its_host_and_enabling_it_brings_it_back(supervise, born):
    async def scenario() -> None:
        supervisor = supervise("one", "two")
        supervisor.start()
        host = supervisor.hosts["live"]
        at_work(supervisor)
        assert supervisor.disable("two", dry_run=True)
        assert len(born) == 1
        assert supervisor.disable("two")
        assert not supervisor.disable("two")
        await turn()
        assert born[-1].plugins == ["one"]
        assert host.plugin_documents()["two"]["state"] == "disabled"
        assert supervisor.enable("two")
        assert not supervisor.enable("two")
        await turn()
        assert born[-1].plugins == ["one", "two"]
        at_work(supervisor)
        assert "reason" not in host.plugin_documents()["two"]
        assert host.restarts == 0
        states = [(body["plugin"], body["state"]) for topic, body in supervisor.said if topic == "plugin"]
        assert states == [("two", "disabled"), ("two", "starting")]

    asyncio.run(scenario())


def test_what_is_disabled_stays_so_in_the_daemons_next_life_but_not_in_a_replay(supervise, born, tmp_path):
    async def scenario() -> None:
        supervise("one", "two").disable("two")
        assert "two" in (tmp_path / "plugins.toml").read_text()
        supervise("one", "two").start()
        supervise("one", "two", lockstep=True).start()

    asyncio.run(scenario())
    assert [child.plugins for child in born[-2:]] == [["one"], ["one", "two"]]


def test_enabling_a_quarantined_plugin_forgets_what_it_did(supervise, born):
    async def scenario() -> None:
        supervisor = supervise("one")
        supervisor.start()
        host = supervisor.hosts["live"]
        await unexplained(born, 3)
        assert host.blame.ended_as == {"one": "quarantined"}
        assert born[-1].plugins == []
        assert supervisor.enable("one")
        await turn()
        assert born[-1].plugins == ["one"]
        await unexplained(born, 2)
        assert host.blame.ended_as == {}

    asyncio.run(scenario())


def test_the_one_in_whose_call_a_host_ended_is_not_put_out_for_it_unheard(supervise, born):
    """A thread of `two` may have ended it just then."""

    async def scenario() -> None:
        supervisor = supervise("one", "two")
        supervisor.start()
        host = supervisor.hosts["live"]
        for _ in range(3):
            lib.ag06_cell_enter(host.cell.pointer, 0)
            born[-1].end()
            await turn()
        assert host.blame.named() == ["one"] * 3
        assert at_work(supervisor) == ["live.one", "live.two"]
        born[-1].end()
        assert host.blame.ended_as == {"two": "quarantined"}

    asyncio.run(scenario())


def test_in_a_replay_the_one_in_whose_calls_the_host_ended_is_put_out(supervise, born):
    async def scenario() -> None:
        supervisor = supervise("one", "two", lockstep=True)
        supervisor.start()
        host = supervisor.hosts["live"]
        for _ in range(3):
            lib.ag06_cell_enter(host.cell.pointer, 0)
            born[-1].end()
            await turn()
        assert host.blame.ended_as == {"one": "quarantined"}
        assert born[-1].plugins == ["two"]

    asyncio.run(scenario())


def test_disabling_a_plugin_on_probation_ends_the_probation(supervise, born):
    async def scenario() -> None:
        supervisor = supervise("one", "two")
        supervisor.start()
        await unexplained(born, 3)
        supervisor.disable("two")
        await turn()
        assert list(supervisor.hosts) == ["live"]
        assert born[-1].plugins == ["one"]

    asyncio.run(scenario())


def test_a_plugin_of_no_host_can_be_neither_disabled_nor_enabled(supervise):
    supervisor = supervise("one")
    for switch in (supervisor.disable, supervisor.enable):
        with pytest.raises(RequestError, match="no host runs a plugin 'none'") as caught:
            switch("none")
        assert caught.value.code == "unknown_path"


@pytest.mark.parametrize("content", ["disabled = 3", "disabled = [1]", "no toml", b"\xff\xff"])
def test_a_file_of_disabled_plugins_that_cannot_be_used_disables_none(supervise, tmp_path, content):
    path = tmp_path / "plugins.toml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    before = path.read_bytes()
    supervisor = supervise("one")
    assert supervisor.hosts["live"].blame.ended_as == {}
    supervisor._disabled.add("one")
    assert path.read_bytes() != before
    assert (tmp_path / "plugins.toml.~1~").read_bytes() == before


def test_stopping_while_a_probation_ends_leaves_no_process(supervise, born):
    async def scenario() -> None:
        supervisor = supervise("one", "two")
        supervisor.start()
        await unexplained(born, 3)
        supervisor.disable("two")
        await supervisor.stop()
        await turn()
        assert not any(child.alive for child in born)

    asyncio.run(scenario())


def test_a_new_configuration_has_only_the_hosts_that_changed_begin_again_where_they_left_off(
    supervise, arena, born
):
    """With their accounts, no plugin in two hosts at a time, and without those that are disabled."""

    async def scenario() -> None:
        supervisor = supervise("one", "two", "three")
        arena.pointer.dry.head.raw = arena.pointer.wet.head.raw = 48000
        supervisor.start()
        at_work(supervisor)
        old = supervisor.hosts["live"].cell
        old.restart(4800)
        old.pointer.lost.raw = 7
        for index, frames in enumerate((100, 200, 300)):
            old.pointer.plugins[index].frames.raw = frames
        supervisor.disable("three")
        await turn()
        hosts = {"live": HostConfig(plugins=("three", "two")), "other": HostConfig(plugins=("one",), nice=3)}
        wanted = Config(hosts=hosts, plugins={"two": {"x": 1}})
        count = len(born)
        await supervisor.configure(wanted, {"live", "other"})
        assert [child.plugins for child in born[count:]] == [["two"], ["one"]]
        assert [child.alive for child in born] == [False] * count + [True, True]
        assert born[count].spec["plugins"][0]["config"] == {"x": 1}
        assert [child.spec["position"] for child in born[count:]] == [4800, None]
        live = supervisor.hosts["live"]
        assert (live.document()["lost_frames"], live.document()["restarts"]) == (7, 0)
        frames = {name: each["frames"] for name, each in live.plugin_documents().items()}
        assert frames == {"three": 300, "two": 200}
        assert live.plugin_documents()["three"]["state"] == "disabled"
        at_work(supervisor)

        count = len(born)
        patient = {"live": hosts["live"].model_copy(update={"stall_ms": 9000.0}), "other": hosts["other"]}
        await supervisor.configure(Config(hosts=patient), set())
        await supervisor.configure(Config(hosts={"live": patient["live"]}), {"other"})
        await turn()
        assert len(born) == count
        assert [child.alive for child in born[-2:]] == [True, False]
        assert list(supervisor.hosts) == ["live"]
        assert supervisor.hosts["live"].config.stall_ms == 9000
        assert [body["host"] for topic, body in supervisor.said if body.get("state") == "ended"] == ["other"]
        await supervisor.stop()

    asyncio.run(scenario())


def test_a_new_configuration_ends_a_probation(supervise, arena, born):
    async def scenario() -> None:
        supervisor = supervise("one", "two")
        arena.pointer.dry.head.raw = arena.pointer.wet.head.raw = 48000
        supervisor.start()
        for _ in range(3):
            at_work(supervisor)
            supervisor.hosts["live"].cell.restart(4800)
            born[-1].end()
            await turn()
        assert at_work(supervisor) == ["live.one", "live.two"]
        for host in supervisor.hosts.values():
            host.cell.restart(9600)
        wanted = HostConfig(plugins=("two", "one"))
        await supervisor.configure(Config(hosts={"live": wanted}), {"live"})
        assert list(supervisor.hosts) == ["live"]
        assert [child.plugins for child in born if child.alive] == [["two", "one"]]
        assert born[-1].spec["position"] == 9600
        await supervisor.stop()

    asyncio.run(scenario())


def test_a_daemon_that_stops_meanwhile_begins_no_host(supervise, born):
    async def scenario() -> None:
        supervisor = supervise("one")
        supervisor.start()
        at_work(supervisor)
        configured = asyncio.create_task(
            supervisor.configure(Config(hosts={"live": HostConfig(plugins=("two",))}), {"live"})
        )
        await asyncio.sleep(0)
        await supervisor.stop()
        await configured
        assert [child.alive for child in born] == [False]

    asyncio.run(scenario())
