"""A worker process of the store: `python -m ag06_plugins.features.worker ROLE FOLDER DESCRIPTOR`.

The keeper seals the log into Parquet, merges and removes files, and has what was logged written to the disk;
the reader answers questions. Both end when the other end of their pipe is closed.
"""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import sys
import time
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ag06_plugins.features.reader import Reader
from ag06_plugins.features.store import log as segment_log
from ag06_plugins.features.store.database import load_declared
from ag06_plugins.features.store.offline import give_back, maintain, open_offline, seal
from ag06_plugins.features.store.store import LOG
from ag06_plugins.workers.channel import Note, receive, send
from ag06_plugins.workers.process import serve
from ag06d.plugin import RequestError

TURN_S: Final = 1.0
MAINTAIN_S: Final = 600.0
IDLE_S: Final = 60.0  # a reader that is not asked for so long ends, and gives its memory back

log = logging.getLogger(__name__)
if TYPE_CHECKING:
    Pipe = Connection[Any, Any]


class Keeper:
    """One life of the keeper."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder, self._max_bytes = folder, max_bytes
        self._done: list[dict[str, Any]] = []
        self._offline = open_offline(folder, self._spoiled)
        self._maintain_s = 0.0
        self._trouble = ""
        self._sealed = 0

    def _spoiled(self, sentence: str) -> None:
        log.error("%s", sentence)
        self._done.append({"what": "spoiled", "reason": sentence})

    def turn(self) -> Note:
        """Do what is due; what is to be told of it."""
        trouble = ""
        try:
            self._keep()
        except (OSError, sqlite3.Error, RequestError) as error:
            trouble = str(error)
        if trouble != self._trouble:
            self._trouble = trouble
            self._done.append({"what": "keeping", "trouble": trouble})
        done, self._done = self._done, []
        return Note({"state": self._state(), "done": done})

    def _keep(self) -> None:
        there = segment_log.segments(self._folder / LOG)
        if there:
            segment_log.sync(there[-1])
        if time.monotonic() >= self._maintain_s:
            self._maintain_s = time.monotonic() + MAINTAIN_S
            self._declared()
            done = maintain(self._offline, max_bytes=self._max_bytes)
            self._sealed += done.sealed
            self._done += [
                {
                    "what": "removed",
                    "view": gone.view,
                    "day": gone.day,
                    "bytes": gone.size,
                    "reason": gone.reason,
                }
                for gone in done.removed
            ]
        elif len(there) > 1:
            self._declared()
            self._sealed += seal(self._offline)
        else:
            return
        give_back()

    def _declared(self) -> None:
        self._offline.registry.apply_all(load_declared(self._folder))

    def _state(self) -> dict[str, Any]:
        files = [path.stat().st_size for path in (self._folder / "offline").rglob("*.parquet")]
        logged = [path.stat().st_size for path in (self._folder / LOG).glob("*")]
        return {
            "pid": os.getpid(),
            "trouble": self._trouble,
            "sealed_segments": self._sealed,
            "files": len(files),
            "bytes": sum(files),
            "log_bytes": sum(logged),
            "free_bytes": shutil.disk_usage(self._folder).free,
        }


def keep(pipe: Pipe, folder: Path, settings: dict[str, Any]) -> None:
    """Keep the store in order until the pipe is closed."""
    keeper = Keeper(folder, int(settings["max_bytes"]))
    while True:
        send(pipe, keeper.turn())
        if pipe.poll(TURN_S):
            receive(pipe)  # nothing is ever said: it is the end


def read(pipe: Pipe, folder: Path, _: dict[str, Any]) -> None:
    """Answer questions until the pipe is closed, or nobody asks for a while."""
    reader = Reader(folder)
    while pipe.poll(IDLE_S):
        question = receive(pipe)
        number = question.body["id"]
        try:
            answer = reader.answer(question)
            send(pipe, Note({"id": number, "body": dict(answer.body)}, answer.arrays))
        except RequestError as error:
            send(pipe, failed(number, error))
        except (OSError, sqlite3.Error) as error:
            send(pipe, failed(number, RequestError("internal", f"the store cannot be read: {error}")))
        except Exception as error:  # the other questions are for it to answer too
            log.exception("a question %r cannot be answered", question.body["question"])
            send(pipe, failed(number, RequestError("internal", f"{type(error).__name__}: {error}")))


def failed(number: int, error: RequestError) -> Note:
    """The answer to a question that has none."""
    return Note({"id": number, "error": error.code, "message": error.message, "hint": error.hint})


ROLES: Final[Mapping[str, Callable[[Pipe, Path, dict[str, Any]], None]]] = {"keeper": keep, "reader": read}


def main(role: str, folder: str, descriptor: str) -> int:
    """Run by the plugin."""

    def work(pipe: Pipe) -> None:
        ROLES[role](pipe, Path(folder), dict(receive(pipe).body))

    return serve(f"features {role}", descriptor, work, idle=role == "keeper")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
