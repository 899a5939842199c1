from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ag06_plugins.anomaly.forest.window import Window, snapshot


@pytest.fixture
def window():
    made = Window(7, 100)
    yield made
    made.close()


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 9), st.integers(2, 20), st.integers(0, 70))
def test_a_snapshot_has_the_last_rows_in_their_order(columns, capacity, count):
    window = Window(columns, capacity)
    rows = np.random.default_rng(count).normal(size=(count, columns)).astype(np.float32)
    for row in rows:
        window.add(row)
    there = count if count < capacity else capacity - 1  # the place of one may be written to right now
    np.testing.assert_array_equal(
        snapshot(window.descriptor, columns, capacity), rows[count - there :] if there else rows[:0]
    )
    assert window.count == min(count, capacity)
    window.close()


def test_a_snapshot_has_whole_rows_and_none_twice_while_others_come(window):
    ended = threading.Event()

    def write() -> None:
        number = 0
        while not ended.is_set():
            window.add(np.full(7, number, np.float32))
            number += 1

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for _ in range(2000):
            rows = snapshot(window.descriptor, 7, 100)
            assert (rows == rows[:, :1]).all()
            assert (np.diff(rows[:, 0]) == 1).all()
    finally:
        ended.set()
        thread.join()


def test_another_file_is_no_window(window):
    with pytest.raises((ValueError, OSError)):
        snapshot(window.descriptor, 7, 1000)
