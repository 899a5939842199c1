from __future__ import annotations

import os
import signal
import socket
import threading
import time
from multiprocessing.connection import Connection

import numpy as np
import pytest

from ag06_plugins.features import workers as workers_module
from ag06_plugins.features.store.store import FeatureStore
from ag06_plugins.features.workers import Workers
from ag06_plugins.workers.channel import Line, Note, receive, send
from ag06d.plugin import Entity, FeatureView, RequestError

PATIENCE_S = 30
LARGE = np.arange(1 << 18, dtype=np.int64)  # more than a socket takes


@pytest.fixture
def line():
    """A plugin's end, and a worker's."""
    ours, theirs = socket.socketpair()
    made = Line(ours)
    with Connection(theirs.detach()) as connection:
        yield made, connection
    made.close()


@pytest.fixture
def workers(tmp_path):
    store = FeatureStore(tmp_path)
    store.apply([FeatureView(name="v", entity="e", fields=[{"name": "f"}])], (), [Entity(name="e")])
    store.push("v", "a", [[1.0]], [1_000])
    made = Workers(tmp_path, {}, keep=False)
    yield made
    made.close()
    store.close()


def until(what):
    give_up = time.monotonic() + PATIENCE_S
    while not (found := what()):
        assert time.monotonic() < give_up, "never"
        time.sleep(0.01)
    return found


def joined(workers, moments=LARGE):
    return workers.ask("join", {"features": ["v:f"], "entities": {"e": "a"}, "as_known": False}, [moments])


def done(workers, *jobs) -> bool:
    workers.poll()
    return all(job.done for job in jobs)


def test_a_worker_that_does_not_read_holds_nobody_up_and_loses_nothing(line):
    ours, theirs = line
    for number in range(3):
        ours.send(Note({"id": number}, [LARGE + number]))
    found: list[Note] = []
    thread = threading.Thread(target=lambda: found.extend(receive(theirs) for _ in range(3)))
    thread.start()
    until(lambda: ours.heard() or not thread.is_alive())
    assert [note.body["id"] for note in found] == [0, 1, 2]
    assert all((note.arrays[0] == LARGE + number).all() for number, note in enumerate(found))


def test_half_a_note_is_none(line):
    ours, theirs = line
    packed = Note({"id": 7}, [LARGE[:10]]).encode()
    whole = len(packed).to_bytes(4, "big") + packed
    for byte in range(len(whole) - 1):
        os.write(theirs.fileno(), whole[byte : byte + 1])
        assert ours.heard() == []
    os.write(theirs.fileno(), whole[-1:])
    send(theirs, Note({"id": 8}))
    assert [note.body["id"] for note in ours.heard()] == [7, 8]
    theirs.close()
    with pytest.raises(EOFError):
        ours.heard()


def test_large_questions_cross_large_answers(workers):
    jobs = [joined(workers) for _ in range(4)]
    until(lambda: done(workers, *jobs))
    for job in jobs:
        values = job.result().arrays[0]
        assert np.isnan(values[LARGE < 1000]).all()
        assert (values[LARGE >= 1000] == 1).all()


def test_a_stopped_reader_holds_nobody_up_and_is_ended_when_nobody_waits_for_it(workers, monkeypatch):
    first = joined(workers, LARGE[:1])
    until(lambda: done(workers, first))
    os.kill(workers._reader.process.pid, signal.SIGSTOP)
    jobs = [joined(workers) for _ in range(workers_module.JOBS_MAX)]
    with pytest.raises(RequestError, match="64 questions"):
        joined(workers)
    monkeypatch.setattr(workers_module, "SILENCE_S", 0.0)
    assert not done(workers, jobs[0])  # somebody waits
    jobs[0].wanted = False
    assert done(workers, *jobs)
    with pytest.raises(RequestError, match="said nothing"):
        jobs[-1].result()
    again = joined(workers, LARGE[-1:])
    until(lambda: done(workers, again))
    assert again.result().arrays[0].tolist() == [[1.0]]


def test_a_stopped_reader_that_goes_on_answers_all(workers):
    first = joined(workers, LARGE[:1])
    until(lambda: done(workers, first))
    pid = workers._reader.process.pid
    os.kill(pid, signal.SIGSTOP)
    jobs = [joined(workers) for _ in range(5)]
    workers.poll()
    os.kill(pid, signal.SIGCONT)
    until(lambda: done(workers, *jobs))
    assert all(len(job.result().arrays[0]) == len(LARGE) for job in jobs)
