"""What recordings would be made, and how they are told of; tests/e2e/test_record.py makes them."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from ag06d.arena import Arena
from ag06d.core import recordings as recordings_module
from ag06d.core.recordings import BACKGROUND_MAX, KEPT, RUNNING_MAX, Recordings
from ag06d.errors import RequestError

RATE = 48000


class FakeChild:
    """A recorder that says what the test has it say."""

    def __init__(self, _: str, spec: dict[str, Any], __: object, *, said: Any, ended: Any) -> None:
        self.spec, self.said, self._ended = spec, said, ended
        self.pid, self.alive = os.getpid(), True
        self.signals: list[signal.Signals] = []
        asyncio.get_running_loop().call_soon(said, {"event": "started"})

    def signal(self, number: signal.Signals) -> None:
        self.signals.append(number)
        self.finish("stopped")

    async def stop(self, _: float) -> None:
        self.signal(signal.SIGTERM)

    def figures(self, frames: int) -> dict[str, Any]:
        peaks = {"wet": [-6.0, -7.0]}
        return {
            "frames": frames,
            "seconds": frames / RATE,
            "lost_frames": 0,
            "gap_frames": 0,
            "peak_db": peaks,
        }

    def finish(self, reason: str, message: str = "") -> None:
        path = self.spec["path"]
        self.said(
            {"event": "finished", "reason": reason, "message": message, "path": path, **self.figures(480)}
        )
        self.end(0)

    def end(self, status: int) -> None:
        self.alive = False
        self._ended(status)


@pytest.fixture
def children(monkeypatch):
    made: list[FakeChild] = []

    def make(*arguments: Any, **options: Any) -> FakeChild:
        made.append(FakeChild(*arguments, **options))
        return made[-1]

    monkeypatch.setattr(recordings_module, "Child", make)
    return made


@pytest.fixture
def arena():
    arena = Arena.create(RATE, 0.1)
    yield arena
    arena.close()


@pytest.fixture
def told():
    return []


@pytest.fixture
def recordings(arena, told, tmp_path):
    return Recordings(arena, tmp_path, os.getpid(), lambda topic, body: told.append((topic, body)))


def begin(recordings, path=None, **options):
    return recordings.start(recordings.prepare(path, "wet", **options))


@pytest.mark.parametrize(
    ("path", "sample_format", "expected"),
    [
        ("take.wav", None, ("take.wav", "float")),
        ("take.wav", "int24", ("take.wav", "int24")),
        ("Take 1.FLAC", None, ("Take 1.FLAC", "int24")),
        ("/somewhere/else/take.wav", "float", ("/somewhere/else/take.wav", "float")),
    ],
)
def test_the_suffix_says_the_format_and_a_name_alone_is_in_the_folder(
    recordings, tmp_path, path, sample_format, expected
):
    spec = recordings.prepare(path, "wet", sample_format=sample_format)
    assert (spec.path, spec.sample_format) == (str(tmp_path / expected[0]), expected[1])


@pytest.mark.parametrize(
    ("path", "sample_format"),
    [
        *(("folder/take.wav", None), ("../take.wav", None), ("..", None), (".wav", None), ("take", None)),
        *(("take.mp3", None), ("/take", None), ("a\0.wav", None), ("take.flac", "float"), ("", None)),
    ],
)
def test_a_path_that_cannot_be_meant_is_refused_with_what_would_be_right(recordings, path, sample_format):
    with pytest.raises(RequestError) as caught:
        recordings.prepare(path, "wet", sample_format=sample_format)
    assert caught.value.code == "bad_request"
    assert caught.value.hint


@pytest.mark.parametrize(
    ("before_s", "position"), [(0, 9000), (0.01, 8520), (0.1, 4200), (1, 4000), (1e308, 4000)]
)
def test_it_begins_before_now_as_far_as_the_rings_hold(recordings, arena, before_s, position):
    for ring in (arena.pointer.dry, arena.pointer.wet):
        ring.head.raw, ring.begin.raw = 9000, 4000
    spec = recordings.prepare(None, "wet", before_s=before_s, duration_s=0.5)
    assert (spec.position, spec.position + spec.frames) == (position, 9000 + RATE // 2)
    assert recordings.prepare(None, "wet", before_s=before_s).frames is None


def test_what_is_overwritten_while_the_recorder_starts_is_not_asked_for(recordings, arena):
    head, quarter = 3 * arena.capacity, arena.capacity // 4
    for ring in (arena.pointer.dry, arena.pointer.wet):
        ring.head.raw, ring.begin.raw = head, head - arena.capacity
    assert recordings.prepare(None, "wet", before_s=60).position == head - arena.capacity + quarter
    assert recordings.prepare(None, "wet", before_s=0.01).position == head - RATE // 100


def test_without_a_path_every_one_has_a_name_of_its_own(recordings, children):
    async def scenario() -> None:
        names = {(await begin(recordings)).path for _ in range(3)}
        assert len(names) == len({child.spec["path"] for child in children}) == 3
        assert {Path(name).suffix for name in names} == {".wav"}

    asyncio.run(scenario())


def test_no_more_than_the_limit_run_at_a_time(recordings, children):
    async def scenario() -> None:
        for _ in range(RUNNING_MAX):
            await begin(recordings)
        with pytest.raises(RequestError) as caught:
            await begin(recordings)
        assert caught.value.code == "busy"
        children[1].finish("complete")
        await begin(recordings)

    asyncio.run(scenario())


def test_the_one_that_runs_need_not_be_named_and_of_two_one_has_to_be(recordings, children):
    async def scenario() -> None:
        with pytest.raises(RequestError, match="nothing is being recorded"):
            recordings.named(None)
        first = await begin(recordings)
        assert recordings.named(None) is first
        second = await begin(recordings)
        with pytest.raises(RequestError, match=f"{first.name}, {second.name}"):
            recordings.named(None)
        with pytest.raises(RequestError, match="no recording 'r77'"):
            recordings.named("r77")
        await recordings.stop(recordings.named(second.name))
        assert children[1].signals == [signal.SIGTERM]
        assert recordings.named(None) is first

    asyncio.run(scenario())


def test_one_in_the_background_is_in_nobodys_way(recordings, told):
    async def scenario() -> None:
        for _ in range(BACKGROUND_MAX):
            spec = recordings.prepare(None, "dry", background=True)
            hidden = await recordings.start(spec, background=True)
        with pytest.raises(RequestError, match="in the background"):
            recordings.prepare(None, "dry", background=True)
        with pytest.raises(RequestError, match="nothing is being recorded"):
            recordings.named(None)
        own = [await begin(recordings) for _ in range(RUNNING_MAX)]
        assert [document["recording"] for document in recordings.documents()] == [one.name for one in own]
        assert recordings.named(hidden.name) is hidden
        await recordings.close()
        assert not recordings.running(background=True)

    asyncio.run(scenario())
    assert {body["background"] for topic, body in told if topic == "record.finished"} == {True, False}


def test_its_start_its_progress_and_its_end_are_told(recordings, children, told, caplog):
    caplog.set_level("INFO")

    async def scenario() -> None:
        recording = await begin(recordings, "take.wav")
        children[0].said({"event": "progress", **children[0].figures(240)})
        assert recordings.documents()[0]["frames"] == 240
        await recordings.stop(recording)
        await recordings.stop(recording)  # once more, and no harm

    asyncio.run(scenario())
    assert caplog.messages[-1] == "recording r1: stopped"
    assert [topic for topic, _ in told] == ["record.started", "record.progress", "record.finished"]
    assert {body["recording"] for _, body in told} == {"r1"}
    end = told[-1][1]
    assert (end["state"], end["reason"], end["frames"], end["pid"]) == ("finished", "stopped", 480, 0)
    assert recordings.documents() == [end]


def test_one_that_is_killed_tells_where_its_part_is(recordings, children, told, tmp_path):
    async def scenario() -> None:
        await begin(recordings, "take.wav")
        children[0].end(-signal.SIGKILL)

    asyncio.run(scenario())
    end = told[-1][1]
    assert (end["reason"], end["path"]) == ("killed", str(tmp_path / "take.wav.part"))
    assert "SIGKILL" in end["message"]


@pytest.mark.usefixtures("children")
def test_all_are_finished_when_the_daemon_stops(recordings, told):
    async def scenario() -> None:
        await begin(recordings)
        await begin(recordings)
        await recordings.close()

    asyncio.run(scenario())
    assert [body["reason"] for topic, body in told if topic == "record.finished"] == ["shutdown"] * 2


@pytest.mark.usefixtures("children")
def test_the_last_finished_ones_are_remembered_and_no_more(recordings):
    async def scenario() -> None:
        for _ in range(KEPT + 5):
            await recordings.stop(await begin(recordings))

    asyncio.run(scenario())
    assert len(recordings.documents()) <= KEPT + 1
    assert recordings.documents()[-1]["recording"] == f"r{KEPT + 5}"
