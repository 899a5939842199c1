"""No acknowledged row of the feature store is lost, whichever process is killed at whatever moment."""

from __future__ import annotations

import os
import random
import signal
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from ag06_plugins.features.store.offline import open_offline
from ag06d.client import Client
from ag06d.errors import NoDaemonError, RequestError
from ag06d.paths import Sockets

VIEW = """
plugins.features.view=[{name="number", entity="e", fields=[{name="n"}], dtype="float64", order="any"}]
plugins.features.entity=[{name="e"}]
plugins.features.store.seal_s=1
hosts.live.max_strikes=10000
hosts.live.deadline_ms=1000
audio.device=recording
""".strip().splitlines()
BEGAN_NS = 1_790_000_000_000_000_000
PAUSE_S = (0.05, 1.2)


class Pusher(threading.Thread):
    """Pushes 1, 2, 3, ... each until it is acknowledged, to whatever daemon is there."""

    def __init__(self, sockets) -> None:
        super().__init__(daemon=True)
        self._sockets = sockets
        self._ended = threading.Event()
        self.acknowledged: list[int] = []
        self.tries = 0

    def run(self) -> None:
        number = 1
        with Client(self._sockets, timeout_s=2) as client:
            while not self._ended.is_set():
                self.tries += 1
                try:
                    self._push(client, number)
                except (RequestError, NoDaemonError):
                    time.sleep(0.02)
                else:
                    self.acknowledged.append(number)
                    number += 1

    @staticmethod
    def _push(client: Client, number: int) -> None:
        times = np.array([BEGAN_NS + number], dtype=np.int64)
        body = {"view": "number", "entity": "x"}
        answer = client.door("features").request(
            "features.push", body, arrays=[np.array([[float(number)]]), times]
        )
        assert answer.body["accepted"] == 1, answer.body

    def end(self) -> None:
        self._ended.set()
        self.join()


def workers(daemon, children) -> list[int]:
    """The store's worker processes."""
    found = []
    for pid in children(daemon.process.pid):
        with suppress(OSError):
            if b"ag06_plugins.features.worker" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
    return found


def somebody(daemon, children, generator: random.Random) -> int:
    """A host, a worker, the audio process, or ag06d itself."""
    with suppress(RequestError, NoDaemonError):
        status = daemon.status()
        kind = generator.choices(("host", "worker", "audio", "ag06d"), (6, 5, 1, 2))[0]
        if kind == "ag06d":
            return daemon.process.pid
        among = {
            "host": [status["hosts"]["live"]["pid"]],
            "audio": [status["pids"]["audio"]],
            "worker": workers(daemon, children),
        }
        return generator.choice(among[kind] or [0])
    return 0


def check(folder: Path, acknowledged: list[int]) -> None:
    """All that was acknowledged is there, once; what was not may be there once."""
    store = folder / "state" / "plugins" / "features" / "store"
    spoiled: list[str] = []
    rows = open_offline(store, spoiled.append).read("number")
    numbers = rows.values[:, 0].astype(int).tolist()
    assert spoiled == []
    assert len(numbers) == len(set(numbers))
    assert sorted(set(acknowledged) - set(numbers)) == []
    assert (rows.times_ns - BEGAN_NS).tolist() == numbers
    level = open_offline(store).read("level", ["mid.rms_db"], "dry")
    assert np.isfinite(level.values).all()
    assert (np.diff(level.times_ns) > 0).all()


def goes_on(daemon, pusher: Pusher) -> None:
    """Wait until rows are acknowledged again."""
    daemon.running()
    known = len(pusher.acknowledged)
    daemon.wait(lambda _: len(pusher.acknowledged) > known)


def kill_until_it_ends(daemon, children, generator: random.Random, most: int) -> int:
    """Kill so many processes, or fewer when ag06d itself is one of them; how many."""
    done = 0
    while done < most and daemon.process.poll() is None:
        time.sleep(generator.uniform(*PAUSE_S))
        with suppress(RequestError, NoDaemonError):
            daemon.client.call("features.history", features=["number:n"], entities={"e": "x"})
        victim = somebody(daemon, children, generator)
        with suppress(ProcessLookupError):
            if victim:
                os.kill(victim, signal.SIGKILL)
                done += 1
        if victim == daemon.process.pid:
            daemon.process.wait()
    return done


@pytest.mark.parametrize(
    "kills", [pytest.param(12, id="short"), pytest.param(120, id="long", marks=pytest.mark.soak)]
)
@pytest.mark.timeout(1800)
def test_no_acknowledged_row_is_lost_and_none_is_spoiled(start, children, kills):
    generator = random.Random(kills)
    # A keeper whose host was killed last may still be at its end.
    with tempfile.TemporaryDirectory(prefix="ag06-kill-", dir="/tmp", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        pusher = Pusher(Sockets(folder / "run"))
        pusher.start()
        try:
            left = kills
            while left:
                with start(*VIEW, folder=folder) as daemon:
                    goes_on(daemon, pusher)
                    left -= kill_until_it_ends(daemon, children, generator, left)
                    if daemon.process.poll() is None:
                        goes_on(daemon, pusher)
        finally:
            pusher.end()
        assert len(pusher.acknowledged) > 10 * kills
        check(folder, pusher.acknowledged)
