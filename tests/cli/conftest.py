"""A daemon without sound: the real bus, state tree, presets and operations, in a thread of the test."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from ag06d.cli import control
from ag06d.cli.top.picture import Picture
from ag06d.client import Client, Message
from ag06d.core.bus import Bus
from ag06d.core.folders import SocketFolder
from ag06d.core.history import History
from ag06d.core.operations import Operations
from ag06d.core.presets import PresetLibrary
from ag06d.core.state import StateTree
from ag06d.errors import RequestError
from ag06d.paths import Sockets
from ag06d.wire import Reply, Request, pack_arrays

PATIENCE_S = 60
LEVELS = {
    "peak_db": [-12.0, -13.0],
    "rms_db": [-24.0, -25.0],
    "crest_db": [12.0, 12.0],
    "correlation": 0.5,
    "momentary_lufs": -23.0,
    "short_term_lufs": -22.0,
    "integrated_lufs": -21.0,
    "lra_lu": 4.0,
    "true_peak_dbtp": -3.0,
    "max_momentary_lufs": -19.0,
    "max_short_term_lufs": -20.0,
    "max_peak_db": [-4.0, -5.0],
}
STAGES = {"gate": 0.0, "deess": 0.5, "comp": 6.0, "limiter": 1.5}
METERS = {
    "dry": LEVELS,
    "wet": LEVELS | {"momentary_lufs": -18.0},
    "reduction_db": {"a": STAGES, "b": STAGES},
    "resets": 0,
}
SIDES, BANDS = ("left", "right"), ("31.5_hz", "1000_hz", "16000_hz")
TOPICS = {
    "x.vector": {
        "doc": "Two numbers",
        "fields": ["left.level", "right.level"],
        "units": ["dB", "dB"],
        "version": 1,
    },
    "feature.octaves": {
        "doc": "Levels in octave bands",
        "fields": [
            f"{stream}.{side}.{band}" for stream in ("dry", "wet") for side in SIDES for band in BANDS
        ],
        "units": ["dBFS"] * 12,
        "version": 1,
    },
}


class FakeDaemon:
    """What the operations need; its `bus` publishes what the test wants."""

    def __init__(self, sockets: Sockets, presets: PresetLibrary) -> None:
        self.state = StateTree()
        self.presets = presets
        self.history = History(self.state)
        self.bus = Bus(sockets, lambda: 4800)
        self.asked: list[str] = []

    @property
    def boot(self) -> str:
        return self.bus.boot

    def status(self) -> dict[str, Any]:
        audio = self.state.flat("audio")
        presets = {slot: str(self.state.flat(f"preset.{slot}")[f"preset.{slot}"]) for slot in "ab"}
        return {
            "state": "running",
            "reason": "",
            "device": {"name": "AG06", "rate": 48000, "block": 128},
            "audio": {
                "callbacks": 100,
                "frames": 12800,
                "expected_frames": 12800,
                "overruns": 0,
                "late": 0,
                "nan_trips": 0,
                "flags": {},
                "duration_us": {"p50": 20, "p99": 40, "p999": 50, "max": 60},
                "policy": "fifo",
                "priority": 60,
            },
            "hosts": {
                "live": {
                    "pid": 7,
                    "state": "running",
                    "restarts": 0,
                    "position": 0,
                    "lost_frames": 0,
                    "memory_mb": 50.0,
                }
            },
            "plugins": {
                "features": {
                    "host": "live",
                    "state": "running",
                    "frames": 10,
                    "errors": 0,
                    "over_deadline": 0,
                    "p99_us": 90,
                }
            },
            "pids": {"ag06d": 1, "audio": 2},
            "preset": presets,
            "preset_changed": {
                slot: self.presets.changed(name, self.state.chain(slot)) for slot, name in presets.items()
            },
            "switches": {path.removeprefix("audio."): value for path, value in audio.items()},
            "boot": self.boot,
            "revision": self.state.revision,
            "uptime_s": 1.0,
        }

    def meters(self) -> dict[str, Any]:
        return METERS

    def reset_meters(self) -> int:
        return 1

    def sequences(self) -> dict[str, int]:
        return {"a": self.state.revision, "b": 0}

    def topics(self) -> dict[str, dict[str, Any]]:
        return TOPICS

    def doors(self) -> dict[str, str]:
        return {}

    def plugin_commands(self) -> dict[str, dict[str, Any]]:
        return {}

    async def plugin_command(self, request: Request) -> Reply:
        raise RequestError("unknown_op", request.op)

    def announce(self, topic: str, body: dict[str, Any]) -> None:
        self.bus.publish("events", topic, body)


class Running:
    """The fake daemon in its thread."""

    def __init__(self, sockets: Sockets, presets: PresetLibrary) -> None:
        self._sockets, self._presets = sockets, presets
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self._thread.start()
        assert self._ready.wait(PATIENCE_S)

    async def _run(self) -> None:
        folder = SocketFolder(self._sockets)
        self.daemon = FakeDaemon(self._sockets, self._presets)
        self.loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        operations = Operations(self.daemon)

        async def answer(request: Request) -> Reply:
            self.daemon.asked.append(request.op)
            return await operations(request)

        bus = self.daemon.bus
        pulse = bus.heartbeat(lambda: {"state": "running", "revision": self.daemon.state.revision}, 0.2)
        tasks = [asyncio.create_task(work) for work in (bus.serve(answer), bus.greet(), pulse)]
        self._ready.set()
        await self._stop.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        bus.close()
        folder.release()

    def do(self, what: Callable[[FakeDaemon], Any]) -> Any:
        """Have the daemon's own thread do it."""

        async def work() -> Any:
            return what(self.daemon)

        return asyncio.run_coroutine_threadsafe(work(), self.loop).result(PATIENCE_S)

    def repeat(self, what: Callable[[FakeDaemon], Any], period_s: float = 0.02) -> None:
        """Have it done again and again, until the end."""

        async def work() -> None:
            while True:
                what(self.daemon)
                await asyncio.sleep(period_s)

        asyncio.run_coroutine_threadsafe(work(), self.loop)

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(PATIENCE_S)


@pytest.fixture
def folders(sockets, tmp_path, monkeypatch) -> Sockets:
    """The environment of a user whose daemon has these sockets, whether it runs or not."""
    monkeypatch.setenv("AG06D_RUNTIME_DIR", str(sockets.folder))
    monkeypatch.setenv("AG06D_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("COLUMNS", "200")
    return sockets


@pytest.fixture
def daemon(folders, tmp_path) -> Iterator[Running]:
    """One that runs."""
    running = Running(folders, PresetLibrary(tmp_path / "state" / "presets"))
    yield running
    running.close()


@pytest.fixture
def ctl(folders) -> Callable[..., Result]:
    """`ag06ctl ...`, in this process."""

    runner = CliRunner(env={"AG06D_RUNTIME_DIR": str(folders.folder)})

    def run(*arguments: str, **options: Any) -> Result:
        return runner.invoke(control.app, arguments, prog_name="ag06ctl", **options)

    return run


@pytest.fixture
def ctl_json(ctl) -> Callable[..., Any]:
    """The last line of what it prints, as JSON."""

    def run(*arguments: str) -> Any:
        return json.loads(ctl("--json", *arguments).stdout.splitlines()[-1])

    return run


@pytest.fixture
def client(daemon) -> Iterator[Client]:
    """A client of the one that runs."""
    assert daemon
    with Client() as client:
        yield client


@pytest.fixture
def meters() -> dict[str, Any]:
    """What `meters.` carries."""
    return METERS


@pytest.fixture
def picture(client) -> Picture:
    """What the live view knows of it."""
    picture = Picture(client)
    picture.refresh()
    return picture


@pytest.fixture
def told(picture) -> Callable[..., str]:
    """Tell the picture: `told("meters", body, array)`."""

    def told(topic: str, body: dict[str, Any], *arrays: np.ndarray) -> str:
        entries, buffers = pack_arrays(*arrays)
        body = body | ({"arrays": entries} if arrays else {})
        fields = tuple(TOPICS.get(topic, {}).get("fields", ()))
        return picture.take(Message(f"{topic}.", {}, body, buffers, fields=fields))

    return told
