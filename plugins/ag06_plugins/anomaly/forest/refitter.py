"""The plugin's end of refits: keeps rows, has a worker grow a forest on them, and takes in the forest."""

from __future__ import annotations

import logging
import random
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ag06_plugins.anomaly.forest.window import Window
from ag06_plugins.workers.channel import Note
from ag06_plugins.workers.process import Worker
from ag06d.anomaly import ForestError, IsolationForest

FOREST: Final = "forest.agf"
MODULE: Final = "ag06_plugins.anomaly.forest.worker"
MEMORY_MB: Final = 256
END_S: Final = 5.0  # that a worker may take to end once it has answered

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Timing:
    """How many rows are kept, and when a forest is grown on them.

    every        of so many rows that are offered one is kept, at random
    capacity     rows that are kept: 20,000 of one a second are 5.5 hours
    least        rows that there must be before anything is learnt from them
    refit_s      from one refit to the next
    patience_s   that a refit may take
    """

    every: int = 100
    capacity: int = 20_000
    least: int = 600
    refit_s: float = 600.0
    patience_s: float = 120.0


class Refitter:
    """Has the forest in `folder` grown again as time goes by. Nothing here waits, but for `close`.

    columns  names of a row's values
    clock_s  monotonic
    trouble  why there is no newer forest, a sentence; empty when all is well
    """

    def __init__(
        self,
        folder: Path,
        columns: Sequence[str],
        timing: Timing | None = None,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Raises OSError when there is no memory for the rows."""
        self.trouble = ""
        self._path, self._columns = folder / FOREST, tuple(columns)
        self._timing, self._clock_s = timing or Timing(), clock_s
        self._window = Window(len(self._columns), self._timing.capacity)
        self._chance = random.Random(0)  # noqa: S311 - which row is kept is no secret
        self._offered, self._next = 0, self._chance.randrange(self._timing.every)
        self._worker: Worker | None = None
        self._ended: list[subprocess.Popen[bytes]] = []
        self._began_s = self._due_s = 0.0
        self._first = True
        self._refits = self._refused = 0
        self._last: dict[str, Any] = {}

    def offer(self, rows: npt.NDArray[np.float32]) -> None:
        """Take notice of rows of shape (columns,) or (n, columns), in the order of time, and keep a few."""
        table = np.atleast_2d(rows)
        if table.shape[1:] != (len(self._columns),):
            raise ValueError(f"rows of shape {rows.shape}; they are to be (n, {len(self._columns)})")
        end = self._offered + len(table)
        while self._next < end:
            self._window.add(table[self._next - self._offered])
            turn = self._next // self._timing.every + 1
            self._next = turn * self._timing.every + self._chance.randrange(self._timing.every)
        self._offered = end

    def poll(self) -> IsolationForest | None:
        """A forest that is newer than the last one that was told, if there is one; to be asked now and then.

        The first time it is the one that was left from before.
        """
        if self._first:
            self._first = False
            if (left := self._left()) is not None:
                return left
        self._ended = [process for process in self._ended if process.poll() is None]
        now_s = self._clock_s()
        if self._worker is not None:
            return self._hear(self._worker, now_s)
        if now_s >= self._due_s and self._window.count >= self._timing.least and not self._ended:
            self._start(now_s)
        return None

    def state(self) -> dict[str, Any]:
        """What there is to say of it, for a status; `refused` are files of which no forest could be had."""
        return {
            "rows": self._window.count,
            "refits": self._refits,
            "refused": self._refused,
            "running": self._worker is not None,
            "trouble": self.trouble,
            "last": self._last,
        }

    def _start(self, now_s: float) -> None:
        self._began_s, self._due_s = now_s, now_s + self._timing.refit_s
        asked = {
            "columns": list(self._columns),
            "capacity": self._timing.capacity,
            "path": str(self._path),
            "seed": self._refits,
        }
        window = self._window.descriptor
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._worker = Worker(MODULE, [str(window), str(MEMORY_MB)], [window])
            self._worker.line.send(Note(asked))
        except OSError as error:
            self._failed(f"it cannot be started: {error}")

    def _hear(self, worker: Worker, now_s: float) -> IsolationForest | None:
        """What it has answered, if it has."""
        try:
            notes = worker.line.heard()
        except (EOFError, OSError):
            self._failed("its process ended before it was done")
            return None
        if notes:
            self._let_go()
            self._last = dict(notes[0].body)
            if trouble := self._last.get("trouble", ""):
                self._say(f"the forest could not be refitted: {trouble}")
                return None
            self._refits += 1
            return self._loaded()
        if now_s - self._began_s > self._timing.patience_s:
            self._failed(f"it took longer than {self._timing.patience_s:g} s")
        return None

    def _left(self) -> IsolationForest | None:
        """What was left from before."""
        try:
            self._path.stat()
        except FileNotFoundError:
            return None
        except OSError as error:
            self._say(f"{self._path}: {error.strerror}")
            return None
        return self._loaded()

    def _loaded(self) -> IsolationForest | None:
        try:
            forest = IsolationForest.load(self._path)
        except ForestError as error:
            self._refused += 1
            self._say(f"{error}; it is grown anew")
            return None
        if forest.columns != self._columns:
            self._refused += 1
            self._say(f"{self._path}: is of other features than are looked at now; it is grown anew")
            return None
        self.trouble = ""
        return forest

    def _failed(self, why: str) -> None:
        if self._worker is not None:
            self._worker.process.kill()
        self._let_go()
        self._say(f"the forest could not be refitted: {why}")

    def _say(self, trouble: str) -> None:
        if trouble != self.trouble:
            log.warning("%s", trouble)
        self.trouble = trouble

    def _let_go(self) -> None:
        """Of the worker, which ends now; nobody waits until it has."""
        if self._worker is not None:
            self._worker.line.close()
            self._ended.append(self._worker.process)
            self._worker = None

    def close(self) -> None:
        """End the worker, and give the memory back."""
        if self._worker is not None:
            self._worker.close()
            self._worker = None
        for process in self._ended:
            try:
                process.wait(END_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._window.close()
