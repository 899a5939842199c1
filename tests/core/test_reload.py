"""Reading the configuration again: what is planned, and what becomes of a plan."""

from __future__ import annotations

import asyncio
import logging

import pytest

from ag06d.core.config import Config, load
from ag06d.core.config.models import NAME, settings
from ag06d.core.reload import Reloader, plan
from ag06d.errors import ConfigError, RequestError


def config(*overrides: str) -> Config:
    return load(overrides=["hosts.live.plugins=['a','b']", "hosts.slow.plugins=['c']", *overrides]).config


@pytest.mark.parametrize(
    ("overrides", "applied", "hosts", "waiting"),
    [
        ([], [], [], []),
        (["log.level=debug", "audio.stall_ms=500"], ["audio.stall_ms", "log.level"], [], []),
        (["audio.block=64", "preset.start=flat"], [], [], ["audio.block", "preset.start"]),
        (
            ["hosts.live.stall_ms=500", "hosts.live.max_strikes=9"],
            ["hosts.live.max_strikes", "hosts.live.stall_ms"],
            [],
            [],
        ),
        (
            ["hosts.live.nice=3", "hosts.live.max_strikes=9"],
            ["hosts.live.max_strikes", "hosts.live.nice"],
            ["live"],
            [],
        ),
        (["plugins.c.x=1", "plugins.nobody.x=1"], ["plugins.c", "plugins.nobody"], ["slow"], []),
        (
            ["hosts.live.plugins=['a']", "hosts.new.plugins=['b']"],
            ["hosts.live.plugins", "hosts.new"],
            ["live", "new"],
            [],
        ),
        (["hosts.slow.plugins=[]", "audio.block=64"], ["hosts.slow.plugins"], ["slow"], ["audio.block"]),
    ],
)
def test_a_plan_names_what_changes_at_once_which_hosts_begin_again_and_what_waits(
    overrides, applied, hosts, waiting
):
    document = plan(config(), config(*overrides)).document()
    assert document == {"applied": applied, "hosts": hosts, "needs_restart": waiting}


def test_of_every_setting_a_plan_takes_the_new_value_or_says_that_it_waits():
    """And what waits is planned again the next time."""
    other = {str: "voice-warm", bool: False, float: 150.0, int: 17}
    special = {
        "log.level": "error",
        "audio.rate": 44100,
        "hosts.live.scheduling": "idle",
        "hosts.live.memory_mb": 99,
        "bus.meters_hz": 5.5,
    }
    running = config("preset.start=flat")
    for path, field in settings():
        where = ("hosts", "live", path[2]) if NAME in path else path
        key = ".".join(where)
        value = special.get(key, other.get(field.annotation))
        if key == "hosts.live.plugins":
            value = "['a']"
        wanted = config(
            "preset.start=flat", f"{key}={str(value).lower() if isinstance(value, bool) else value}"
        )
        planned = plan(running, wanted)
        assert [*planned.applied, *planned.waiting] == [key]
        assert (planned.config == wanted) is bool(planned.applied)
        assert (planned.config == running) is bool(planned.waiting)
        assert plan(planned.config, wanted).waiting == planned.waiting


class Applied:
    """Keeps what a reloader has done."""

    def __init__(self) -> None:
        self.configs, self.told, self.at_once = [], [], 0

    async def apply(self, new: Config, hosts: frozenset[str]) -> None:
        self.at_once += 1
        assert self.at_once == 1
        await asyncio.sleep(0.01)
        self.at_once -= 1
        self.configs.append((new, hosts))

    def announce(self, topic: str, body: dict) -> None:
        assert topic == "config"
        self.told.append(body)


def test_what_is_wrong_changes_nothing_and_is_told(caplog):
    def wrong(*_: object) -> Config:
        raise ConfigError(["mine.toml:3: audio.blok: there is no such key", "another"])

    async def scenario() -> None:
        done = Applied()
        reloader = Reloader(config(), wrong, done.apply, done.announce)
        for dry_run in (True, False):
            with pytest.raises(RequestError, match=r"mine\.toml:3.*; another") as caught:
                await reloader.reload(dry_run=dry_run)
            assert caught.value.code == "conflict"
        assert done.configs == []
        assert [(body["state"], len(body["problems"])) for body in done.told] == [("refused", 2)]

    asyncio.run(scenario())
    assert "mine.toml:3: audio.blok" in caplog.text


def test_reloads_come_one_after_the_other_and_a_dry_run_only_tells():
    wanted = [config("bus.meters_hz=5"), config("bus.meters_hz=5", "hosts.slow.nice=3", "audio.block=64")]

    async def scenario() -> None:
        done = Applied()
        reloader = Reloader(config(), lambda *_: wanted[0], done.apply, done.announce)
        assert (await reloader.reload(dry_run=True))["applied"] == ["bus.meters_hz"]
        assert (done.configs, done.told) == ([], [])
        assert (await reloader.reload())["applied"] == ["bus.meters_hz"]
        wanted.pop(0)
        answers = await asyncio.gather(reloader.reload(), reloader.reload())
        assert [answer["hosts"] for answer in answers] == [["slow"], []]
        assert [answer["needs_restart"] for answer in answers] == [["audio.block"]] * 2
        assert [hosts for _, hosts in done.configs] == [set(), {"slow"}, set()]
        assert done.configs[-1][0].audio.block == 128
        assert [body["state"] for body in done.told] == ["reloaded"] * 3

    asyncio.run(scenario())


def test_a_reload_that_has_begun_is_done_to_its_end_though_who_asked_has_left():
    wanted = [config("hosts.slow.nice=3"), config("hosts.slow.nice=4")]

    async def scenario() -> None:
        done, begun = Applied(), asyncio.Event()

        async def apply(new: Config, hosts: frozenset[str]) -> None:
            begun.set()
            await done.apply(new, hosts)

        reloader = Reloader(config(), lambda *_: wanted.pop(0), apply, done.announce)
        impatient = asyncio.create_task(reloader.reload())
        await begun.wait()
        impatient.cancel()
        waiting = asyncio.create_task(reloader.reload())
        await asyncio.sleep(0)
        waiting.cancel()  # before its turn has come, so that it is not done at all
        assert (await reloader.reload())["hosts"] == ["slow"]
        assert impatient.cancelled()
        assert waiting.cancelled()
        assert [new.hosts["slow"].nice for new, _ in done.configs] == [3, 4]

    asyncio.run(scenario())


def test_a_daemon_without_layers_reads_nothing_again(caplog):
    caplog.set_level(logging.INFO)

    async def scenario() -> None:
        done = Applied()
        with pytest.raises(RequestError, match="not started from files"):
            await Reloader(config(), None, done.apply, done.announce).reload()

    asyncio.run(scenario())
