from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pyarrow.parquet as pq

from ag06_plugins.features.store.offline import maintain

KILLS = int(os.environ.get("AG06_TEST_KILLS", "20"))
START_NS = 1_700_006_400_000_000_000 - 1_000_000_000  # a second before midnight
STEP_NS = 1_000_000

WRITER = """
import sys, time
from pathlib import Path
import numpy as np
from ag06_plugins.features.store.log import Batch, Log

log = Log(Path(sys.argv[1]) / "log")
first, step = int(sys.argv[3]), 20
for number in range(int(sys.argv[2]), 10**9, step):
    values = np.repeat(np.arange(number, number + step, dtype=np.float32)[:, None], 4, axis=1)
    times = first + np.arange(number, number + step) * 1_000_000
    log.append([Batch("level@1", entity, times, values, first + number) for entity in ("dry", "wet")])
    print(number + step, flush=True)  # acknowledged
    if number % 200 == 0:
        log.rotate()
    time.sleep(0.001)  # the maintainer is to keep up
"""

MAINTAINER = """
import json, sys
from pathlib import Path
from ag06_plugins.features.store.offline import Offline, compaction, layout, sealing
from ag06_plugins.features.store.registry import Registry
from ag06d.plugin import Entity, FeatureView

registry = Registry()
registry.apply([FeatureView.model_validate_json(sys.argv[2])], [], [Entity(name="stream")])
offline = Offline(Path(sys.argv[1]), registry)
print("begun", flush=True)
while True:
    with layout.maintaining(offline.folder):
        sealing.seal(offline.sources, registry)
        compaction.compact(offline.sources, 0, files=3)
"""


def started(program, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)], stdout=subprocess.PIPE, text=True
    )


def killed(process):
    process.send_signal(signal.SIGKILL)
    rest = process.stdout.read()
    process.wait()
    process.stdout.close()
    return rest


def contents(offline):
    """The numbers of the rows of both streams, as read."""
    rows = offline.read("level", ["exact"])
    numbers = rows.values[:, 0].astype(np.int64)
    assert np.array_equal(rows.times_ns, START_NS + numbers * STEP_NS)
    return [numbers[rows.entities == entity].tolist() for entity in ("dry", "wet")]


def test_a_kill_at_any_moment_loses_and_doubles_nothing(store):
    """Both the writer and the maintainer are killed, again and again, and everything is read after each."""
    view = store.registry.view("level").model_dump_json()
    seed = random.randrange(2**32)
    chance, acknowledged = random.Random(seed), 0
    largest = 0
    for _ in range(KILLS):
        maintainer = started(MAINTAINER, store.folder, view)
        assert maintainer.stdout.readline()
        writer = started(WRITER, store.folder, acknowledged, START_NS)
        assert writer.stdout.readline()
        time.sleep(chance.uniform(0, 0.25))
        killed(maintainer)
        acknowledged = max([acknowledged, *map(int, killed(writer).split())])
        for path in store.offline.folder.rglob("*.parquet"):
            pq.read_table(path, page_checksum_verification=True)
        dry, wet = contents(store.offline)
        assert dry == wet == list(range(len(dry))), f"seed {seed}"
        assert len(dry) >= acknowledged, f"seed {seed}"
        acknowledged = len(dry)  # accepted, even if the acknowledgement was on its way
        largest = max(largest, len(list(store.offline.folder.rglob("*.parquet"))))
    assert largest > 1
    assert store.reports == []

    done = maintain(store.offline, now_ns=START_NS + 10**14)
    assert contents(store.offline) == [list(range(acknowledged))] * 2
    assert [path.name for path in store.folder.rglob("*.tmp")] == []
    again = maintain(store.offline, now_ns=START_NS + 10**14)
    assert (again.sealed, again.cleaned) == (0, [])
    assert done.merged + again.merged > 0
    stored = sum(pq.read_metadata(path).num_rows for path in store.offline.folder.rglob("*.parquet"))
    assert stored <= 2 * acknowledged  # the rows of two streams, and what was twice is one again
