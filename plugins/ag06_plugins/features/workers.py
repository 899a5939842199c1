"""The plugin's end of its worker processes: what it asks them, and what they report.

Two roles (`ag06_plugins.features.worker`): the keeper seals, compacts and removes what is too old, at idle
priority, as long as the plugin runs; the reader answers questions about the past, started by the first one.
Both end with the plugin, for its end of their pipe closes then.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy.typing as npt

from ag06_plugins.workers.channel import Note
from ag06_plugins.workers.process import Worker
from ag06d.plugin import RequestError

MODULE: Final = "ag06_plugins.features.worker"
PAUSE_S: Final = 5.0  # before one that ended is started again
END_S: Final = 5.0  # that one may take to finish what it does at the end
JOBS_MAX: Final = 64  # questions that the reader has not answered
SILENCE_S: Final = 30.0  # of a reader at a question that nobody waits for any more; then it is ended
ERRORS: Final = ("error", "message", "hint")

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Job:
    """A question to the reader, and its answer or error when it is `done`; somebody waits if `wanted`."""

    done: bool = False
    wanted: bool = True
    answer: Note | None = None
    error: RequestError | None = None

    def result(self) -> Note:
        """The answer; raises RequestError."""
        if self.answer is None:
            raise self.error or RequestError("internal", "the store's reader gave no answer")
        return self.answer


class Workers:
    """Keeper and reader of the store in `folder`. Nothing here waits, but for `close`.

    report  what the keeper said last
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any], *, keep: bool) -> None:
        self.report: Mapping[str, Any] = {}
        self._folder, self._settings, self._keep = folder, settings, keep
        self._keeper: Worker | None = None
        self._reader: Worker | None = None
        self._jobs: dict[int, Job] = {}
        self._done: list[dict[str, Any]] = []
        self._number = 0
        self._not_before_s = 0.0
        self._heard_s = 0.0

    def ask(self, question: str, body: Mapping[str, Any], arrays: Sequence[npt.NDArray[Any]] = ()) -> Job:
        """Have the reader look into the past; raises RequestError when it cannot be started."""
        if len(self._jobs) >= JOBS_MAX:
            raise RequestError("busy", f"the store's reader has {JOBS_MAX} questions", "ask again later")
        if not self._jobs:
            self._heard_s = time.monotonic()
        job = Job()
        self._number += 1
        self._jobs[self._number] = job
        note = Note({"id": self._number, "question": question, "body": dict(body)}, arrays)
        try:
            if self._reader is None:
                self._reader = self._started("reader")
            self._reader.line.send(note)
        except OSError as error:
            self._end_reader(str(error))
            raise RequestError(
                "not_ready", f"the store's reader does not run: {error}", "ask again"
            ) from error
        return job

    def poll(self) -> None:
        """Take in what they said, and start a keeper that is not there."""
        if self._reader is not None:
            try:
                for note in self._reader.line.heard():
                    self._answered(note)
            except (EOFError, OSError):
                self._end_reader("it has ended")
            else:
                self._lose_patience()
        if self._keeper is not None:
            try:
                for note in self._keeper.line.heard():
                    self.report = note.body["state"]
                    self._done += note.body["done"]
            except (EOFError, OSError):
                log.warning("the store's keeper has ended; another begins in %g s", PAUSE_S)
                self._keeper.close()
                self._keeper = None
                self._not_before_s = time.monotonic() + PAUSE_S
        elif self._keep and time.monotonic() >= self._not_before_s:
            try:
                self._keeper = self._started("keeper")
            except OSError as error:
                log.warning("the store's keeper cannot be started: %s", error)
                self._not_before_s = time.monotonic() + PAUSE_S

    def reports(self) -> list[dict[str, Any]]:
        """What the keeper has done since this was asked, for an event each."""
        told, self._done = self._done, []
        return told

    def _started(self, role: str) -> Worker:
        """A worker that knows its settings; raises OSError."""
        worker = Worker(MODULE, [role, str(self._folder)])
        worker.line.send(Note(self._settings))
        return worker

    def _lose_patience(self) -> None:
        """End a reader that is stopped, or lost in what nobody waits for; questions are answered in turn."""
        first = next(iter(self._jobs.values()), None)
        if first is not None and not first.wanted and time.monotonic() - self._heard_s > SILENCE_S:
            log.warning("the store's reader said nothing for %g s, and is ended", SILENCE_S)
            self._end_reader("it said nothing for too long")

    def _answered(self, note: Note) -> None:
        self._heard_s = time.monotonic()
        job = self._jobs.pop(int(note.body["id"]), None)
        if job is None:
            return
        if "error" in note.body:
            job.error = RequestError(*(str(note.body[key]) for key in ERRORS))
        else:
            job.answer = Note(note.body["body"], note.arrays)
        job.done = True

    def _end_reader(self, why: str) -> None:
        """It is no more; idle readers end by themselves, and then nobody waits."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None
        for job in self._jobs.values():
            job.error = RequestError("internal", f"the store's reader: {why}", "ask again")
            job.done = True
        self._jobs.clear()

    def close(self) -> None:
        """End both; what the keeper is at may be finished."""
        self._end_reader("the plugin ends")
        if self._keeper is not None:
            self._keeper.close(END_S)
            self._keeper = None
