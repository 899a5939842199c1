"""What child processes write to stderr, passed on to ag06d's: all of it while it is little, else a part.

A child never waits for whoever reads our log, nor do we: what comes too fast, or finds no room, is left
out and counted. Of what was left out, the end is kept until the child's: it may say why it ended.
"""

from __future__ import annotations

import asyncio
import logging
import os
import select
from typing import IO

from ag06d._native import lib

AT_ONCE = 64 << 10  # bytes that one child may write at once
PER_S = 8 << 10  # bytes that it may write per second, over time
PAUSE_S = 4.0  # what comes so soon after too much is left out as well: whole stretches, not shreds
TAIL = 4 << 10  # bytes from before the end that are told in any case
CHUNK = 64 << 10  # what a pipe holds
DRAIN = 32  # chunks that are read after the end: what the child started may still write
STDERR = 2

log = logging.getLogger(__name__)


class Budget:
    """How many bytes may still be passed on, through all lives of a process."""

    def __init__(self) -> None:
        self._left = float(AT_ONCE)
        self._at_ns = lib.ag06_now_ns()

    def take(self, wanted: int) -> int:
        """Up to `wanted` of what is left, which is no longer left."""
        now = lib.ag06_now_ns()
        self._left = min(self._left + (now - self._at_ns) * PER_S / 1e9, AT_ONCE)
        self._at_ns = now
        taken = min(wanted, int(self._left))
        self._left -= taken
        return taken


class ChildStderr:
    """The stderr of one child, of which `pipe` is our end; `who` names it in our log."""

    def __init__(self, pipe: IO[bytes], who: str, budget: Budget) -> None:
        self._loop = asyncio.get_running_loop()
        self._pipe, self._who, self._budget = pipe, who, budget
        self._left_out = 0  # bytes since that was last told
        self._tail = b""  # of them
        self._pause: asyncio.TimerHandle | None = None
        os.set_blocking(pipe.fileno(), False)
        self._loop.add_reader(pipe.fileno(), self._read)

    def _read(self) -> bool:
        """Take in what came; whether more may come."""
        try:
            data = os.read(self._pipe.fileno(), CHUNK)
        except BlockingIOError:
            return False
        if not data:
            self._loop.remove_reader(self._pipe.fileno())
            return False
        passed = 0
        if self._pause is None:
            allowed = self._budget.take(len(data))
            if allowed < len(data):
                allowed = data.rfind(b"\n", 0, allowed) + 1  # whole lines
            passed = pass_on(data[:allowed])
        if passed < len(data):
            self._left_out += len(data) - passed
            self._tail = (self._tail + data[passed:])[-TAIL:]
            if self._pause is None:
                self._pause = self._loop.call_later(PAUSE_S, self._resume)
        return True

    def _resume(self) -> None:
        self._pause = None
        log.warning("%s: %d bytes that it wrote to stderr are left out", self._who, self._left_out)
        self._left_out, self._tail = 0, b""

    def close(self) -> None:
        """The child has ended: pass on the rest, with the last lines whatever came before them."""
        for _ in range(DRAIN):
            if not self._read():
                break
        self._loop.remove_reader(self._pipe.fileno())
        self._pipe.close()
        if self._pause is not None:
            self._pause.cancel()
            tail = self._tail
            if len(tail) < self._left_out:
                tail = tail[tail.find(b"\n") + 1 :]
            omitted = self._left_out - len(tail)
            log.warning(
                "%s: %d bytes that it wrote to stderr are left out; the last were:", self._who, omitted
            )
            pass_on(tail)


def pass_on(data: bytes) -> int:
    """Write to our stderr what can be written without waiting; how much that was."""
    ready = select.poll()
    ready.register(STDERR, select.POLLOUT)
    written = 0
    try:
        while written < len(data) and any(what & select.POLLOUT for _, what in ready.poll(0)):
            # A pipe that is ready takes so much at once.
            written += os.write(STDERR, data[written : written + select.PIPE_BUF])
    except OSError:  # nobody reads it any more
        return written
    return written
