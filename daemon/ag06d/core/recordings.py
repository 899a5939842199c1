"""Recordings of what is in the rings, each made by a process of its own: no disk is waited for here."""

from __future__ import annotations

import asyncio
import itertools
import logging
import signal
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ag06d.arena import Arena
from ag06d.core.child import Child, describe_end
from ag06d.errors import RequestError
from ag06d.recorder.spec import FORMATS, PART, SOURCES, RecorderSpec

RUNNING_MAX = 4
BACKGROUND_MAX = 2  # beside them
KEPT = 20  # finished ones that `record.list` still tells of
ANSWER_S = 5.0  # a disk may take so long to begin or finish a file before the client is told to wait
CLOSE_S = 5.0  # and so long when the daemon stops
START_S = 1.0  # of the oldest sound is overwritten while the process starts

log = logging.getLogger(__name__)
Announce = Callable[[str, dict[str, Any]], None]


class Recording:
    """One recording, through the life of its process."""

    def __init__(
        self, name: str, spec: RecorderSpec, rate: int, announce: Announce, *, background: bool = False
    ) -> None:
        self.name, self.path, self.background = name, spec.path, background
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.state = "starting"
        self.last_word = ""  # the reason that is told of a stop, where it was not a client's
        self._spec, self._rate, self._announce = spec, rate, announce
        self._child: Child | None = None
        self._outcome = {"reason": "", "message": ""}
        self._figures: dict[str, Any] = {
            "seconds": 0.0,
            "frames": 0,
            "lost_frames": 0,
            "gap_frames": 0,
            "peak_db": {ring: [-200.0, -200.0] for ring in SOURCES[spec.source]},
        }

    def begin(self, arena: Arena) -> None:
        """Start the process; raises RequestError."""
        try:
            self._child = Child(
                "ag06d.recorder",
                asdict(self._spec),
                [arena.read_only_fd],
                said=self._heard,
                ended=self._child_ended,
            )
        except OSError as error:  # no process or file to be had at present
            raise RequestError(
                "busy", f"the recorder cannot be started: {error}", "try again later"
            ) from error

    def stop(self) -> None:
        """Ask the process to write up to the present moment and end."""
        if self._child is not None and self.state != "finished":
            self.state = "stopping"
            self._child.signal(signal.SIGTERM)

    async def close(self) -> None:
        """Stop, and do not wait for ever."""
        self.last_word = "shutdown"
        if self._child is not None:
            await self._child.stop(CLOSE_S)

    def _heard(self, line: dict[str, Any]) -> None:
        match line.pop("event", None):
            case "started":
                self.state = "recording" if self.state == "starting" else self.state
                log.info("recording %s: %s", self.name, self.path)
                self.opened.set_result(None)
                self._announce("record.started", self.document())
            case "refused":
                self.opened.set_exception(RequestError(line["code"], line["message"], line["hint"]))
            case "progress":
                self._figures |= line
                if not self.background:
                    self._announce("record.progress", {"recording": self.name, **line})
            case "finished":
                self._figures |= {key: line[key] for key in self._figures}
                self.path = line["path"]
                self._outcome = {"reason": line["reason"], "message": line["message"]}
            case _:
                log.warning("recording %s: said %s", self.name, line)

    def _child_ended(self, status: int) -> None:
        begun = self.opened.done() and self.opened.exception() is None
        self.state = "finished"
        if not self._outcome["reason"]:
            self.path += PART
            self._outcome = {"reason": "killed", "message": f"the recorder was {describe_end(status)}"}
        elif self._outcome["reason"] == "stopped" and self.last_word:
            self._outcome["reason"] = self.last_word
        if not self.opened.done():
            error = RequestError("internal", f"the recorder {describe_end(status)} before it had begun")
            self.opened.set_exception(error)
        if begun:
            log.info("recording %s: %s", self.name, ": ".join(filter(None, self._outcome.values())))
            self._announce("record.finished", self.document())
        self.ended.set_result(None)

    def document(self) -> dict[str, Any]:
        """All that is known of it."""
        return {
            "recording": self.name,
            "state": self.state,
            "path": self.path,
            "source": self._spec.source,
            "sample_format": self._spec.sample_format,
            "rate": self._rate,
            "position": self._spec.position,
            **self._figures,
            **self._outcome,
            "pid": self._child.pid if self._child is not None and self._child.alive else 0,
            "background": self.background,
        }


class Recordings:
    """All recordings of this run of the daemon."""

    def __init__(self, arena: Arena, folder: Path, parent: int, announce: Announce) -> None:
        self._arena, self._parent, self._announce = arena, parent, announce
        self._folder = folder.absolute()
        self._all: dict[str, Recording] = {}
        self._numbers = itertools.count(1)

    def running(self, *, background: bool = False) -> list[Recording]:
        """Those that are not finished, of people or in the background."""
        return [
            recording
            for recording in self._all.values()
            if recording.state != "finished" and recording.background == background
        ]

    def documents(self) -> list[dict[str, Any]]:
        """All of people that are known, the oldest first."""
        return [recording.document() for recording in self._all.values() if not recording.background]

    def prepare(  # noqa: PLR0913 - the arguments of `record.start`
        self,
        path: str | None,
        source: str,
        *,
        before_s: float = 0.0,
        duration_s: float | None = None,
        sample_format: str | None = None,
        overwrite: bool = False,
        background: bool = False,
    ) -> RecorderSpec:
        """What a recorder would be asked to do; raises RequestError. Looks at no disk."""
        most, where = (BACKGROUND_MAX, " in the background") if background else (RUNNING_MAX, "")
        if len(self.running(background=background)) >= most:
            raise RequestError("busy", f"{most} recordings are running{where}", "stop one of them")
        target = self._target(path, source)
        formats = FORMATS[target.suffix.lower()]
        if sample_format is not None and sample_format not in formats:
            hint = f"{target.suffix} holds {' or '.join(formats)}"
            raise RequestError("bad_request", f"{target}: cannot hold {sample_format}", hint)
        head, rate = self._arena.head, self._arena.rate
        kept = self._arena.capacity - min(round(START_S * rate), self._arena.capacity // 4)
        before = round(min(before_s, kept / rate) * rate)
        position = max(self._arena.oldest, head - before)
        return RecorderSpec(
            parent=self._parent,
            arena_fd=self._arena.read_only_fd,
            path=str(target),
            folder=str(self._folder),
            source=source,
            sample_format=sample_format or formats[0],
            position=position,
            frames=None if duration_s is None else head - position + max(round(duration_s * rate), 1),
            overwrite=overwrite,
        )

    def _target(self, path: str | None, source: str) -> Path:
        if path is None:
            stem = f"{time.strftime('%Y-%m-%d_%H-%M-%S')}-{source}"
            taken = {Path(recording.path).name for recording in self._all.values()}
            names = (f"{stem}{'' if number == 1 else f'-{number}'}.wav" for number in itertools.count(1))
            return self._folder / next(name for name in names if name not in taken)
        target = Path(path)
        if "\0" in path or not (target.is_absolute() or (len(target.parts) == 1 and target.parts[0] != "..")):
            hint = f"give an absolute path, or a name alone for a file in {self._folder}"
            raise RequestError("bad_request", f"path: {path!r} is neither absolute nor a name alone", hint)
        if target.suffix.lower() not in FORMATS:
            hint = f"end it in {' or '.join(FORMATS)}"
            raise RequestError("bad_request", f"path: {path!r} names no format that can be written", hint)
        return self._folder / target

    async def start(self, spec: RecorderSpec, *, background: bool = False) -> Recording:
        """Begin a recording; returns when its file is there. Raises RequestError."""
        name = f"r{next(self._numbers)}"
        recording = Recording(name, spec, self._arena.rate, self._announce, background=background)
        recording.begin(self._arena)
        self._all[recording.name] = recording
        try:
            await asyncio.wait_for(asyncio.shield(recording.opened), ANSWER_S)
        except TimeoutError:
            recording.stop()
            message = f"{spec.path}: the recorder could not begin within {ANSWER_S:g} s"
            raise RequestError("deadline", message, "is the disk in trouble?") from None
        except RequestError:
            del self._all[recording.name]
            raise
        except asyncio.CancelledError:  # the client's own deadline; it does not know of the recording
            recording.stop()
            raise
        self._forget_old()
        return recording

    def _forget_old(self) -> None:
        for background in (False, True):
            finished = [
                name
                for name, recording in self._all.items()
                if recording.state == "finished" and recording.background == background
            ]
            for name in finished[:-KEPT]:
                del self._all[name]

    def named(self, name: str | None) -> Recording:
        """The recording of that name, or else the only one that runs; raises RequestError."""
        running = self.running()
        if name is None and len(running) == 1:
            return running[0]
        names = ", ".join(recording.name for recording in running) or "none"
        if name is None:
            code = "bad_request" if running else "conflict"
            message = "which recording?" if running else "nothing is being recorded"
            raise RequestError(code, message, f"running: {names}")
        if name not in self._all:
            raise RequestError("bad_request", f"there is no recording {name!r}", f"running: {names}")
        return self._all[name]

    async def stop(self, recording: Recording) -> None:
        """End a recording with the present moment; returns when its file is whole. Raises RequestError."""
        recording.stop()
        try:
            await asyncio.wait_for(asyncio.shield(recording.ended), ANSWER_S)
        except TimeoutError:
            message = f"{recording.path}: not finished within {ANSWER_S:g} s"
            raise RequestError("deadline", message, "`record.finished.` will tell when it is") from None

    async def close(self) -> None:
        """Stop all of them, at the same time, and finish their files."""
        running = [*self.running(), *self.running(background=True)]
        await asyncio.gather(*(recording.close() for recording in running))
