"""Our feature store as the benchmark uses it: in the process, at a daemon's door, and in a child to kill."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import numpy as np
from bench.common import ROOT

from ag06_plugins.features.store.log import read_segment, segments
from ag06_plugins.features.store.store import LOG, FeatureStore
from ag06d.client import Client
from ag06d.paths import Sockets
from ag06d.plugin import Entity, FeatureField, FeatureView, Status

FEATURES: Final = 20
HOUR_S: Final = 3600
NAMES: Final = [f"f{number:02}" for number in range(FEATURES)]
REFERENCES: Final = tuple(f"day:{name}" for name in NAMES)
DRY: Final = [{"stream": "dry"}]
# Twenty of the shipped views, for a read from the daemon.
LEVELS: Final = ("rms_db", "peak_db", "crest_db", "dc_offset", "zero_crossing_rate", "noise_floor_db")
LIVE: Final = (
    *(f"level:{channel}.{name}" for channel in ("left", "right", "mid") for name in LEVELS),
    "meter:momentary_lufs",
    "meter:short_term_lufs",
)
PROGRAM: Final = "from ag06d.cli.daemon import main; main()"


def opened(folder: Path) -> FeatureStore:
    """A store with a view of 20 features that count for an hour."""
    store = FeatureStore(folder)
    fields = tuple(FeatureField(name=name) for name in NAMES)
    view = FeatureView(name="day", entity="stream", ttl_s=HOUR_S, fields=fields)
    problems = store.apply([view], (), [Entity(name="stream")])
    if problems:
        raise SystemExit(problems[0])
    return store


def newest_wins(store: FeatureStore) -> bool:
    """Whether an older row that comes late leaves the newer one alone."""
    now_ns = time.time_ns()
    store.push("day", "late", 1 * rows(1), [now_ns])
    store.push("day", "late", 2 * rows(1), [now_ns - 10**9])
    found = store.get_online_features(REFERENCES, [{"stream": "late"}])
    return bool((found.values == 1).all())


def heeds_ttl(store: FeatureStore) -> bool:
    """Whether a row that is older than the view's time to live is told as one."""
    store.push("day", "old", rows(1), [time.time_ns() - (HOUR_S + 1) * 10**9])
    found = store.get_online_features(REFERENCES, [{"stream": "old"}])
    return bool((found.statuses == Status.OUTSIDE_MAX_AGE).all())


@contextmanager
def daemon(folder: Path) -> Iterator[Client]:
    """A daemon on the shipped recording, once its features can be read; a client of it."""
    folders = {"AG06D_RUNTIME_DIR": str(folder / "run"), "AG06D_STATE_DIR": str(folder / "state")}
    command = [sys.executable, "-c", PROGRAM, "run", "-o", "audio.device=recording"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env=os.environ | folders, stderr=log, cwd=ROOT)
    try:
        with Client(Sockets(folder / "run"), wait=True) as client:
            while "level" not in str(_features(client)):
                pass
            yield client
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def _features(client: Client) -> object:
    status = client.status()["plugins"].get("features", {})
    if status.get("frames", 0) < FEATURES:
        return None
    return client.call("features.list")["views"]


WRITING = """
import sys
from pathlib import Path
import numpy as np
sys.path.insert(0, sys.argv[2])
from bench.rig.store_ours import opened
store = opened(Path(sys.argv[1]))
number = 0
while True:
    number += 1
    store.push("day", "dry", np.full(20, number, np.float32))
    print(number, flush=True)
"""


def lost_to_a_kill(folder: Path, rows: int) -> int:
    """Have a child write, kill it in the middle, and count the acknowledged rows that are not there."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITING, str(folder), str(ROOT)], stdout=subprocess.PIPE, text=True
    )
    if process.stdout is None:
        raise SystemExit("no pipe")
    told = [int(process.stdout.readline()) for _ in range(rows)]
    process.kill()
    told += [int(line) for line in process.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
    process.wait()
    kept = {
        int(row[0])
        for path in segments(folder / LOG)
        for _, batch in read_segment(path)
        for row in batch.rows.tolist()
    }
    return len(set(told) - kept)


class Plain:
    """SQLite alone: a transaction a row, in its write-ahead log."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = OFF")
        columns = ", ".join(f"{name} REAL" for name in NAMES)
        self._connection.execute(f"CREATE TABLE day (stream TEXT, event_ns INTEGER, {columns})")
        self._insert = f"INSERT INTO day VALUES ({', '.join('?' * (FEATURES + 2))})"  # noqa: S608 - only question marks
        self._row = ["dry", 0, *([1.0] * FEATURES)]

    def write(self) -> None:
        """One row."""
        self._connection.execute(self._insert, self._row)


def rows(count: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """So many rows of ones."""
    return np.ones((count, FEATURES), dtype=np.float32)
