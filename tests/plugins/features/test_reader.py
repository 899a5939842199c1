from __future__ import annotations

import threading
from contextlib import suppress
from multiprocessing.connection import Pipe

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ag06_plugins.features.reader import Means
from ag06_plugins.features.store.store import FeatureStore
from ag06_plugins.features.worker import read
from ag06_plugins.workers.channel import Note, receive, send

LAST_NS = 1 << 62  # of the year 2116


@given(
    start_ns=st.sampled_from([0, 1, 1_789_000_000_000_000_000]),
    times=st.sets(st.integers(1_789_000_000_000_000_000, LAST_NS - 1), min_size=4, max_size=20),
    end_ns=st.just(LAST_NS),
    parts=st.sampled_from([1, 3]),
)
def test_means_over_all_of_time_are_of_the_rows_of_each_part(start_ns, times, end_ns, parts):
    ordered = sorted(times)
    means = Means(start_ns, end_ns, parts, 1)
    means.add(np.array(ordered, dtype=np.int64), np.arange(float(len(ordered)))[:, None])
    length = -(-(end_ns - start_ns) // parts)
    groups: dict[int, list[int]] = {}
    for number, time_ns in enumerate(ordered):
        groups.setdefault((time_ns - start_ns) // length, []).append(number)
    found_ns, values = means.result()
    assert values.ravel().tolist() == pytest.approx([np.mean(group) for group in groups.values()])
    assert len(found_ns) == len(groups)


def test_a_question_that_goes_wrong_costs_no_other(tmp_path):
    FeatureStore(tmp_path).close()
    here, there = Pipe()

    def run() -> None:
        with suppress(EOFError):
            read(there, tmp_path, {})

    reader = threading.Thread(target=run)
    reader.start()
    send(here, Note({"id": 1, "question": "what", "body": {}}))
    send(here, Note({"id": 2, "question": "join", "body": {}}))  # no moments
    send(here, Note({"id": 3, "question": "history", "body": {"features": ["v:f"]}}))
    errors = [receive(here).body["error"] for _ in range(3)]
    assert errors == ["internal", "internal", "unknown_path"]
    here.close()
    reader.join()
    there.close()
