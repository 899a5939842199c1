from __future__ import annotations

import sqlite3
import threading

import numpy as np
import pytest

from ag06_plugins.features import writer as writer_module
from ag06_plugins.features.store.log import Batch
from ag06_plugins.features.writer import Writer
from ag06d.plugin import RequestError

PATIENCE_S = 20


def batch(number: int) -> Batch:
    return Batch("v@1", "e", np.array([number]), np.array([[number]], np.float32), 0)


class FakeStore:
    """Takes what is written, unless its disk is full; `gate` holds it up."""

    def __init__(self) -> None:
        self.full = self.undeclarable = False
        self.gate = threading.Event()
        self.gate.set()
        self.written: list[object] = []
        self.changed = threading.Condition()

    def write(self, batches, letters) -> None:
        self.gate.wait(PATIENCE_S)
        if self.full:
            raise sqlite3.OperationalError("database or disk is full")
        assert list(letters) == []
        if any(entry.times_ns[0] < 0 for entry in batches):
            raise OverflowError("what nobody thought of")
        self._note(*(int(entry.times_ns[0]) for entry in batches))

    def save(self, snapshot, *, rotate: bool) -> None:
        self._note((snapshot, rotate))

    def save_declared(self) -> None:
        if self.undeclarable:
            raise sqlite3.OperationalError("database or disk is full")
        self._note("declared")

    def _note(self, *what: object) -> None:
        with self.changed:
            self.written += what
            self.changed.notify_all()

    def wait_for(self, wanted: list[object]) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: self.written == wanted, PATIENCE_S), self.written


@pytest.fixture
def store():
    return FakeStore()


@pytest.fixture
def writer(store, monkeypatch):
    monkeypatch.setattr(writer_module, "RETRY_S", 0.01)
    made = Writer(store)
    yield made
    store.gate.set()
    made.close()


def waited(ticket) -> RequestError | None:
    for _ in range(PATIENCE_S * 1000):
        if ticket.done:
            return ticket.error
        threading.Event().wait(0.001)
    raise AssertionError("never done")


def test_everything_is_written_in_the_order_in_which_it_was_handed_over(writer, store):
    store.gate.clear()
    writer.stream([batch(1), batch(2)])
    ticket = writer.push([batch(3)], [])
    writer.save("newest", rotate=True)
    writer.declared()
    writer.stream([batch(4)])
    assert not ticket.done
    store.gate.set()
    store.wait_for([1, 2, 3, ("newest", True), "declared", 4])
    assert waited(ticket) is None


def test_while_the_disk_is_full_pushes_are_refused_and_streams_wait(writer, store):
    store.full = True
    writer.stream([batch(1)])
    error = waited(writer.push([batch(2)], []))
    assert (error.code, store.written) == ("not_ready", [])
    assert "disk is full" in writer.trouble
    writer.stream([batch(3)])
    store.full = False
    store.wait_for([1, 3])
    assert waited(writer.push([batch(4)], [])) is None
    assert writer.trouble == ""
    assert (writer.waiting_rows, writer.lost_rows) == (0, 0)


def test_when_too_much_waits_the_oldest_rows_of_streams_are_given_up_and_counted(writer, store, monkeypatch):
    store.gate.clear()
    writer.stream([batch(0)])
    while writer.waiting_rows:  # taken, and held up at the gate
        threading.Event().wait(0.001)
    monkeypatch.setattr(writer_module, "WAITING_MAX", 3 * 12)
    for number in range(1, 6):
        writer.stream([batch(number)])
    assert writer.lost_rows == 2
    monkeypatch.setattr(writer_module, "WAITING_MAX", 12)
    with pytest.raises(RequestError, match="too many rows wait"):
        writer.push([batch(9)], [])
    store.gate.set()
    store.wait_for([0, 3, 4, 5])


def test_what_waits_is_written_at_the_end(store):
    made = Writer(store)
    store.gate.clear()
    made.stream([batch(1)])
    made.stream([batch(2)])
    store.gate.set()
    made.close()
    assert store.written == [1, 2]


def test_an_end_with_a_full_disk_ends_and_counts_what_is_lost(store):
    store.full = True
    made = Writer(store)
    made.stream([batch(1), batch(2)])
    made.close()
    assert (store.written, made.lost_rows) == ([], 2)


def test_what_can_never_be_written_is_told_and_ends_nothing(writer, store, caplog):
    error = waited(writer.push([batch(-1)], []))
    assert (error.code, "what nobody thought of" in error.message) == ("internal", True)
    writer.stream([batch(-2)])
    until_idle(writer)
    assert writer.lost_rows == 1
    assert "OverflowError" in caplog.text
    assert waited(writer.push([batch(1)], [])) is None
    assert (store.written, writer.trouble) == ([1], "")


def test_a_declaration_that_could_not_be_saved_is_saved_later(writer, store):
    store.undeclarable = True
    writer.declared()
    writer.stream([batch(1)])
    store.wait_for([1])
    until_idle(writer)
    assert "disk is full" in writer.trouble
    store.undeclarable = False
    assert waited(writer.push([batch(2)], [])) is None
    assert waited(writer.push([batch(3)], [])) is None
    assert (store.written, writer.trouble) == ([1, "declared", 2, 3], "")


def until_idle(writer) -> None:
    """Wait until all that was handed over was seen to."""
    waited(writer.push([], []))
