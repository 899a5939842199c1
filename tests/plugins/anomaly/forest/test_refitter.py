"""Refits in the background: rows are offered, and some time later a forest is there."""

from __future__ import annotations

import logging
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from ag06_plugins.anomaly.forest import FOREST, Refitter, Timing
from ag06_plugins.anomaly.forest.refit import refit
from ag06_plugins.anomaly.forest.window import snapshot
from ag06d.anomaly import IsolationForest

COLUMNS = ("level", "pitch", "hum")
SOON = Timing(every=1, capacity=1000, least=100, refit_s=10, patience_s=30)
PATIENCE_S = 60


class Clock:
    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def refitter(tmp_path, clock):
    made = Refitter(tmp_path, COLUMNS, SOON, clock)
    yield made
    made.close()


def bell(rows: int, seed: int = 0, columns: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(rows, columns)).astype(np.float32)


def until(what):
    give_up = time.monotonic() + PATIENCE_S
    while not (found := what()):
        assert time.monotonic() < give_up, "never"
        time.sleep(0.01)
    return found


def idle(refitter) -> bool:
    refitter.poll()
    return not refitter.state()["running"]


def test_a_forest_is_grown_on_what_was_offered_and_told_once(refitter, tmp_path):
    refitter.offer(bell(200))
    forest = until(refitter.poll)
    assert forest.columns == COLUMNS
    assert forest.score(np.array([[0, 0, 0], [9, 9, 9]])).argmax() == 1
    assert refitter.poll() is None
    assert refitter.state()["last"]["rows"] == 200
    np.testing.assert_array_equal(
        IsolationForest.load(tmp_path / FOREST).score(bell(50)), forest.score(bell(50))
    )


def test_it_is_refitted_when_it_is_due_and_not_before(refitter, clock):
    refitter.offer(bell(99))
    assert idle(refitter)
    refitter.offer(bell(1))
    until(refitter.poll)
    refitter.offer(bell(500) + 100)
    clock.now_s += SOON.refit_s - 1
    until(lambda: idle(refitter) and not refitter._ended)
    assert idle(refitter)
    clock.now_s += 1
    newer = until(refitter.poll)
    assert newer.score_one(np.full(3, 100, np.float32)) < 0.5
    assert refitter.state()["refits"] == 2


def test_rows_with_nan_are_counted_and_left_out(refitter):
    rows = bell(150)
    rows[::3, 1] = np.nan
    refitter.offer(rows)
    until(refitter.poll)
    assert refitter.state()["last"] | {"seconds": 0} == {"rows": 100, "left_out": 50, "seconds": 0}


def test_of_each_second_one_row_is_kept_whichever_way_they_come(tmp_path):
    kept = []
    for sizes in ([1] * 1000, [7] * 142 + [6], [1000]):
        refitter = Refitter(tmp_path, ("number",), Timing(every=100, capacity=50))
        start = 0
        for size in sizes:
            refitter.offer(np.arange(start, start + size, dtype=np.float32)[:, None])
            start += size
        kept.append(snapshot(refitter._window.descriptor, 1, 50)[:, 0])
        refitter.close()
    assert (kept[0] // 100 == np.arange(10)).all()
    assert len(set(kept[0] % 100)) > 5
    assert (kept[0] == kept[1]).all()
    assert (kept[0] == kept[2]).all()


def test_what_was_left_from_before_is_told_first(refitter, tmp_path):
    forest = IsolationForest.fit(bell(100), columns=COLUMNS)
    forest.save(tmp_path / FOREST)
    assert refitter.poll().score_one(np.ones(3, np.float32)) == forest.score_one(np.ones(3, np.float32))
    assert refitter.trouble == ""


@pytest.mark.parametrize("left", ["damaged", "other columns"])
def test_what_was_left_and_is_of_no_use_is_said_and_grown_anew(refitter, tmp_path, left):
    path = tmp_path / FOREST
    IsolationForest.fit(bell(100), columns=("level", "pitch", "mood")).save(path)
    if left == "damaged":
        path.write_bytes(path.read_bytes()[:-1])
    assert refitter.poll() is None
    assert str(path) in refitter.trouble
    refitter.offer(bell(200))
    until(refitter.poll)
    assert refitter.trouble == ""


def test_the_worker_waits_for_everybody_else_and_is_gone_when_it_is_done(refitter):
    refitter.offer(bell(200))
    refitter.poll()
    process = refitter._worker.process
    until(lambda: os.sched_getscheduler(process.pid) == os.SCHED_IDLE)
    until(refitter.poll)
    until(lambda: process.poll() is not None)
    assert process.returncode == 0


def test_a_worker_that_is_killed_is_said_and_another_tries_when_it_is_due(refitter, clock):
    refitter.offer(bell(200))
    refitter.poll()
    refitter._worker.process.send_signal(signal.SIGKILL)
    until(lambda: idle(refitter))
    assert "ended before it was done" in refitter.trouble
    clock.now_s += SOON.refit_s
    until(refitter.poll)
    assert refitter.trouble == ""


def test_a_worker_that_never_answers_is_killed_and_nobody_waits_for_it(refitter, clock):
    refitter.offer(bell(200))
    refitter.poll()
    process = refitter._worker.process
    process.send_signal(signal.SIGSTOP)
    clock.now_s += SOON.patience_s + 1
    refitter.poll()
    assert "took longer than 30 s" in refitter.trouble
    until(lambda: process.poll() is not None)


def test_a_worker_ends_with_the_plugin(refitter):
    refitter.offer(bell(200))
    refitter.poll()
    process = refitter._worker.process
    process.send_signal(signal.SIGSTOP)
    refitter._worker.line.close()
    process.send_signal(signal.SIGCONT)
    until(lambda: process.poll() is not None)


def test_what_cannot_be_saved_is_said_and_the_rows_are_still_there(tmp_path, clock, caplog):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / FOREST).mkdir()
    refitter = Refitter(folder, COLUMNS, SOON, clock)
    with caplog.at_level(logging.WARNING):
        refitter.offer(bell(200))
        until(lambda: idle(refitter))
        until(lambda: refitter.poll() or "cannot be written" in refitter.trouble)
    assert str(folder / FOREST) in refitter.trouble
    assert refitter.trouble in caplog.text
    (folder / FOREST).rmdir()
    clock.now_s += SOON.refit_s
    until(refitter.poll)
    refitter.close()


def test_a_folder_that_cannot_be_made_is_said(tmp_path, clock):
    (tmp_path / "file").touch()
    refitter = Refitter(tmp_path / "file" / "folder", COLUMNS, SOON, clock)
    refitter.poll()
    refitter.offer(bell(200))
    refitter.poll()
    assert "Not a directory" in refitter.trouble
    refitter.close()


def test_rows_of_another_width_are_refused(refitter):
    with pytest.raises(ValueError, match="are to be"):
        refitter.offer(bell(5, columns=2))


def test_a_refit_with_nothing_to_learn_leaves_the_old_forest(tmp_path: Path):
    path = tmp_path / FOREST
    done = refit(bell(300), COLUMNS, path)
    assert (done.rows, done.left_out) == (300, 0)
    before = path.read_bytes()
    with pytest.raises(ValueError, match="none of 5 rows is finite"):
        refit(np.full((5, 3), np.nan, np.float32), COLUMNS, path)
    assert path.read_bytes() == before
