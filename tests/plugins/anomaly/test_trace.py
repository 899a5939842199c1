from __future__ import annotations

import numpy as np

from ag06_plugins.anomaly.trace import AFTER_S, BEFORE_S, HOPS_PER_S, Trace

HOP = 480


def rows(count: int, start: int = 0):
    return [(np.array([i, -i], dtype=np.float32), (start + i) * HOP) for i in range(count)]


def test_a_measure_around_a_moment_is_what_came_in_the_seconds_before_and_after_it():
    trace = Trace(2, HOP)
    for row, position in rows(5000):
        trace.take(row, position)
    start = 4500 * HOP + 100
    values, begins = trace.around(1, start)
    assert values[0] == -(4500 - BEFORE_S * HOPS_PER_S + 1)
    assert values[-1] == -(4500 + AFTER_S * HOPS_PER_S)
    assert np.array_equal(np.diff(values), np.full(len(values) - 1, -1, dtype=np.float32))
    assert begins == (float(-values[0]) * HOP - start) / HOP / HOPS_PER_S


def test_what_has_left_the_ring_or_has_not_come_yet_is_not_in_it():
    trace = Trace(2, HOP)
    assert trace.around(0, 1000)[0].size == 0
    for row, position in rows(3):
        trace.take(row, position)
    assert trace.around(0, HOP)[0].tolist() == [0, 1, 2]
    for row, position in rows(3000, start=3):
        trace.take(row, position)
    assert trace.around(0, HOP)[0].size == 0
