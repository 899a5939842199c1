"""Writes rows to the store in a thread of its own, so that no frame waits for a disk."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from ag06_plugins.features.store.database import DeadLetter, Snapshot
from ag06_plugins.features.store.log import Batch
from ag06_plugins.features.store.store import FeatureStore
from ag06d.plugin import RequestError

WAITING_MAX: Final = 64 << 20  # bytes of rows; some four minutes of every feature
RETRY_S: Final = 1.0

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Ticket:
    """Says when what was handed over is kept, or why it could not be."""

    done: bool = False
    error: RequestError | None = None


@dataclass(slots=True)
class _Work:
    batches: Sequence[Batch] = ()
    letters: Sequence[DeadLetter] = ()
    ticket: Ticket | None = None
    snapshot: Snapshot | None = None
    rotate: bool = False
    declared: bool = False
    size: int = field(init=False)

    def __post_init__(self) -> None:
        self.size = sum(batch.times_ns.nbytes + batch.rows.nbytes for batch in self.batches)

    @property
    def rows(self) -> int:
        return sum(len(batch.times_ns) for batch in self.batches)


class Writer:
    """The thread. All methods are for the plugin's thread.

    trouble    why nothing can be written at present; empty when all is well
    lost_rows  rows of streams that had to be given up, because the disk was away for too long
    """

    def __init__(self, store: FeatureStore, clock_s: Callable[[], float] = time.monotonic) -> None:
        self.trouble = ""
        self.lost_rows = 0
        self._store, self._clock_s = store, clock_s
        self._work: deque[_Work] = deque()
        self._waiting = 0  # bytes
        self._stopping = False
        self._undeclared = False  # what is declared could not be saved
        self._wake = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="feature writer", daemon=True)
        self._thread.start()

    @property
    def waiting_rows(self) -> int:
        """Rows that are not written yet."""
        with self._wake:
            return sum(work.rows for work in self._work)

    def stream(self, batches: Sequence[Batch], letters: Sequence[DeadLetter] = ()) -> None:
        """Rows that come by themselves: they wait while the disk is away; the oldest are given up at last."""
        self._hand_over(_Work(batches, letters))

    def push(self, batches: Sequence[Batch], letters: Sequence[DeadLetter]) -> Ticket:
        """Rows that somebody waits for: written, or refused; raises RequestError when too many wait."""
        if self._waiting > WAITING_MAX:
            raise RequestError("busy", "too many rows wait to be written", "ask again later")
        ticket = Ticket()
        self._hand_over(_Work(batches, letters, ticket))
        return ticket

    def save(self, snapshot: Snapshot, *, rotate: bool) -> None:
        """Save the newest rows behind all that was handed over; `rotate` begins a segment of the log."""
        self._hand_over(_Work(snapshot=snapshot, rotate=rotate))

    def declared(self) -> None:
        """Save what is declared, behind all that was handed over."""
        self._hand_over(_Work(declared=True))

    def _hand_over(self, work: _Work) -> None:
        with self._wake:
            self._work.append(work)
            self._waiting += work.size
            while self._waiting > WAITING_MAX and (oldest := self._oldest_stream()) is not None:
                self._work.remove(oldest)
                self._waiting -= oldest.size
                self.lost_rows += oldest.rows
            self._wake.notify()

    def _oldest_stream(self) -> _Work | None:
        return next((work for work in self._work if work.batches and work.ticket is None), None)

    def close(self) -> None:
        """Write what waits, if that can be done, and end."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._work and not self._stopping:
                    self._wake.wait()
                if not self._work:
                    return
                taken = self._take()
            if self._written(taken):
                continue
            with self._wake:
                kept = [work for work in taken if work.batches and work.ticket is None]
                self._work.extendleft(reversed(kept))
                self._waiting += sum(work.size for work in kept)
                if self._stopping:
                    self.lost_rows += sum(work.rows for work in self._work)
                    return
                self._wake.wait(RETRY_S)

    def _take(self) -> list[_Work]:
        """All that waits up to a save, and that."""
        taken = []
        while self._work:
            taken.append(self._work.popleft())
            self._waiting -= taken[-1].size
            if taken[-1].snapshot is not None or taken[-1].declared:
                break
        return taken

    def _written(self, taken: Sequence[_Work]) -> bool:
        """Whether it need not be tried again."""
        batches = [batch for work in taken for batch in work.batches]
        letters = [letter for work in taken for letter in work.letters]
        self._undeclared |= taken[-1].declared
        trouble = ""
        if self._undeclared and not taken[-1].declared:  # nobody could seal rows of a view that is not there
            trouble = self._declare()
        failed, lasting = self._failure(lambda: self._store.write(batches, letters))
        if lasting:
            self.lost_rows += sum(work.rows for work in taken if work.ticket is None)
        self.trouble = failed or trouble
        for ticket in [work.ticket for work in taken if work.ticket is not None]:
            if failed:
                code, hint = ("internal", "") if lasting else ("not_ready", "is the disk full?")
                ticket.error = RequestError(code, f"the feature store: {failed}", hint)
            ticket.done = True
        if failed and not lasting:
            return False
        if taken[-1].declared:
            self.trouble = self._declare() or self.trouble
        if (snapshot := taken[-1].snapshot) is not None:
            saved, _ = self._failure(lambda: self._store.save(snapshot, rotate=taken[-1].rotate))
            self.trouble = saved or self.trouble
        return True

    def _declare(self) -> str:
        failed, _ = self._failure(self._store.save_declared)
        self._undeclared = bool(failed)
        return failed

    @staticmethod
    def _failure(write: Callable[[], None]) -> tuple[str, bool]:
        """Why it could not be written, empty if it was; and whether for what it is, and not for the disk."""
        try:
            write()
        except (sqlite3.Error, OSError) as error:
            return f"it cannot be written: {error}", False
        except Exception as error:  # else the thread would end, and nobody be answered any more
            log.exception("the feature store cannot write what it was given")
            return f"it cannot write what it was given: {type(error).__name__}: {error}", True
        return "", False
