"""Asking: every answer reaches the one who asked for it, in time or not at all."""

from __future__ import annotations

import asyncio
import threading

import pytest

from ag06d.client import AsyncClient
from ag06d.errors import DeadlineError, NoDaemonError, RequestError
from ag06d.wire import Reply


def test_an_answer_comes_with_its_body(daemon, connect):
    daemon.answer("get", values={"audio.mute": False})
    client = connect()
    assert client.get("audio.mute") == {"audio.mute": False}
    assert (daemon.asked[0].op, daemon.asked[0].body) == ("get", {"path": "audio.mute"})


def test_what_the_daemon_refuses_is_raised_with_code_and_hint(daemon, connect):
    error = RequestError("unknown_path", "there is no 'x'", "did you mean y?")
    daemon.answers["set"] = lambda request: [Reply.failed(request.id, error)]
    with pytest.raises(RequestError, match="did you mean y") as raised:
        connect().set({"x": 1})
    assert raised.value.code == "unknown_path"


def test_a_body_that_the_daemon_would_not_read_is_not_sent(daemon, connect):
    daemon.answer("status", state="running")
    client = connect()
    with pytest.raises(RequestError, match="longer than 1048576 bytes"):
        client.call("preset.import", name="mine", toml="#" * (1 << 20))
    assert client.status() == {"state": "running"}
    assert [request.op for request in daemon.asked] == ["status"]


def test_the_deadline_is_told_to_the_daemon_and_kept_here_too(daemon, connect):
    client = connect(timeout_s=30)
    with pytest.raises(DeadlineError, match=r"no answer to hang within 0.05 s") as raised:
        client.request("hang", timeout_s=0.05)
    assert raised.value.code == "deadline"
    assert not raised.value.answered
    assert daemon.asked[0].deadline_ms == 50


def test_the_daemons_own_word_of_a_deadline_is_the_same_error(daemon, connect):
    error = RequestError("deadline", "not done within 50 ms")
    daemon.answers["slow"] = lambda request: [Reply.failed(request.id, error)]
    with pytest.raises(DeadlineError, match="not done") as raised:
        connect().request("slow", timeout_s=0.05)
    assert raised.value.answered


def test_an_answer_that_comes_too_late_is_not_taken_for_the_next_one(daemon, connect):
    client = connect()
    with pytest.raises(DeadlineError):
        client.request("first", timeout_s=0.01)
    late = daemon.asked[0].id
    daemon.answers["second"] = lambda request: [
        Reply(late, "ok", {"of": "first"}),
        Reply(None, "error", {"code": "bad_request"}),
        Reply(request.id, "ok", {"of": "second"}),
    ]
    assert client.call("second") == {"of": "second"}


def test_without_a_daemon_asking_and_following_fail_at_once(connect, sockets):
    client = connect(timeout_s=100)
    with pytest.raises(NoDaemonError, match=str(sockets.folder)):
        client.status()
    with pytest.raises(NoDaemonError), client.follow("meters.") as messages:
        messages.receive()


def test_a_daemon_that_ends_before_it_answers_is_told_at_once(fake, sockets, connect):
    client = connect(timeout_s=100)
    with fake(sockets) as daemon:
        daemon.answer("status")
        client.status()
        ending = threading.Timer(0.1, daemon.end)
        ending.start()
        with pytest.raises(NoDaemonError, match="whether that was done is unknown"):
            client.request("hang")
        ending.join()


def test_no_request_waits_for_the_daemon_that_comes_next(fake, sockets, connect):
    client = connect(timeout_s=100)
    with fake(sockets, "one") as daemon:
        daemon.answer("status", boot="one")
        client.status()
    with pytest.raises(NoDaemonError):
        client.set({"audio.mute": True})
    with fake(sockets, "two") as daemon:
        daemon.answer("status", boot="two")
        assert client.status() == {"boot": "two"}
        assert [request.op for request in daemon.asked] == ["status"]


def test_a_client_that_waits_asks_the_daemon_once_it_comes(fake, sockets, connect):
    daemons = []

    def come():
        daemon = fake(sockets)
        daemon.answer("status", state="running")
        daemons.append(daemon)

    coming = threading.Timer(0.2, come)
    coming.start()
    assert connect(wait=True).status() == {"state": "running"}
    coming.join()
    daemons[0].end()


def test_many_tasks_ask_at_once_and_each_gets_its_own_answer(daemon, sockets):
    daemon.answers["echo"] = lambda request: [Reply(request.id, "ok", request.body)]

    async def ask():
        async with AsyncClient(sockets) as client:
            answers = await asyncio.gather(*(client.call("echo", n=n) for n in range(20)))
            assert answers == [{"n": n} for n in range(20)]

    asyncio.run(ask())


def test_a_cancelled_request_disturbs_no_other(daemon, sockets):
    async def ask():
        async with AsyncClient(sockets) as client:
            loop, asked = asyncio.get_running_loop(), asyncio.Event()
            daemon.answers["hang"] = lambda _: loop.call_soon_threadsafe(asked.set) and []
            hanging = asyncio.create_task(client.call("hang"))
            await asked.wait()
            hanging.cancel()
            with pytest.raises(asyncio.CancelledError):
                await hanging
            cancelled = daemon.asked[0].id
            daemon.answers["echo"] = lambda request: [
                Reply(cancelled, "ok", {"of": "the cancelled one"}),
                Reply(request.id, "ok", request.body),
            ]
            assert await client.call("echo", n=1) == {"n": 1}

    asyncio.run(ask())
