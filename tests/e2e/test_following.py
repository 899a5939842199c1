"""Clients follow the daemon through floods, and through its death and return."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack

import pytest

from ag06d.client import AsyncClient, Client
from ag06d.errors import NoDaemonError


def test_a_slow_subscriber_learns_exactly_how_many_messages_it_missed(start):
    with start("audio.device=recording", "hosts={live={plugins=['features','floods']}}") as daemon:
        daemon.running()
        with daemon.client.follow("flood.") as slow, daemon.client.follow("flood.") as quick:
            first = slow.receive(60)
            before = first.header["seq"]
            while quick.receive(60).header["seq"] < before + 6000:  # more than all queues between hold
                pass
            heard = [slow.receive(60)]
            while heard[-1].missed == 0:
                heard.append(slow.receive(60))
            assert heard[-1].missed == heard[-1].header["seq"] - before - len(heard) > 0


def test_followers_and_states_outlive_a_daemon_that_was_killed(start, tmp_path):
    with start("audio.device=recording", folder=tmp_path) as daemon:
        daemon.running()
        with Client(daemon.sockets) as client, client.follow("meters.") as messages, client.state() as state:
            first = messages.receive(60)
            daemon.client.set({"audio.mute": True})
            assert state.wait_for("audio.mute", bool, timeout_s=60)
            boot = state.boot
            daemon.process.kill()
            daemon.process.wait()
            with pytest.raises(NoDaemonError):
                client.status()
            with start("audio.device=recording", "preset.restore=false", folder=tmp_path) as again:
                again.running()
                message = next(message for message in messages if message.header["boot"] != boot)
                assert message.boot_changed
                assert message.missed == message.header["seq"]
                assert first.header["boot"] == boot
                assert state.wait_for("audio.mute", lambda mute: not mute, timeout_s=60) is False
                assert state.boot == message.header["boot"] == client.status()["boot"]


def test_the_asyncio_client_does_too(start, tmp_path):
    async def follow(sockets, restart):
        async with AsyncClient(sockets) as client, client.follow("heartbeat.", "meters.") as messages:
            boot = (await messages.receive(60)).header["boot"]
            await asyncio.to_thread(restart)
            while (message := await messages.receive(60)).header["boot"] == boot:
                pass
            assert message.boot_changed
            answers = await asyncio.gather(*(client.call("hello") for _ in range(10)))
            assert {answer["boot"] for answer in answers} == {message.header["boot"]}

    with ExitStack() as daemons:
        daemon = daemons.enter_context(start("audio.device=recording", folder=tmp_path))
        daemon.running()

        def restart():
            daemon.process.kill()
            daemon.process.wait()
            daemons.enter_context(start("audio.device=recording", folder=tmp_path)).once_it_answers()

        asyncio.run(follow(daemon.sockets, restart))
