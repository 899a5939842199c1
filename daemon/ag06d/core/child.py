"""A child process of ag06d: started with its spec on stdin, watched by pidfd, ended by signal."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

from ag06d.core.stderr import Budget, ChildStderr

# One thread each: a numeric library that spreads over all cores is a neighbour of the audio thread.
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

log = logging.getLogger(__name__)


class Child:
    """`python -m MODULE` with `spec` as JSON on stdin.

    `said` is given each JSON line of its stdout, if asked for; `ended` its wait status, once. Its stderr
    is passed on to ours within `budget`.
    """

    def __init__(  # noqa: PLR0913 - what one child is given
        self,
        module: str,
        spec: dict[str, Any],
        fds: Sequence[int],
        *,
        ended: Callable[[int], None],
        said: Callable[[dict[str, Any]], None] | None = None,
        budget: Budget | None = None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._ended = ended
        self._said = said
        self._rest = b""
        self._gone = asyncio.Event()
        self._process = subprocess.Popen(
            [sys.executable, "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if said else subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            pass_fds=fds,
            env=os.environ | ENVIRONMENT,
            process_group=0,  # a terminal's Ctrl-C is ours to handle
        )
        self.pid = self._process.pid
        self._pidfd = os.pidfd_open(self.pid)
        self._loop.add_reader(self._pidfd, self._reap)
        self._stderr = ChildStderr(self._process.stderr, f"{module} (pid {self.pid})", budget or Budget())  # type: ignore[arg-type]  # it is a pipe
        if self._process.stdout is not None:
            os.set_blocking(self._process.stdout.fileno(), False)
            self._loop.add_reader(self._process.stdout.fileno(), self._read)
        try:
            self._process.stdin.write(json.dumps(spec).encode())  # type: ignore[union-attr]  # it is a pipe
            self._process.stdin.close()  # type: ignore[union-attr]  # likewise
        except BrokenPipeError:
            log.warning("%s ended before it read what to do", module)

    @property
    def alive(self) -> bool:
        """Whether its end was not yet noticed."""
        return self._process.returncode is None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, if it still lives."""
        if self.alive:
            signal.pidfd_send_signal(self._pidfd, number)

    def kill(self) -> None:
        """End it now."""
        self.signal(signal.SIGKILL)

    async def stop(self, patience_s: float) -> None:
        """SIGTERM, then SIGKILL after `patience_s`; returns when it has ended."""
        self.signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self._gone.wait(), patience_s)
        except TimeoutError:
            log.warning("pid %d did not stop within %g s; killing it", self.pid, patience_s)
            self.kill()
            await self._gone.wait()

    def _read(self) -> bool:
        """Take in what it said; whether more may come."""
        stdout = self._process.stdout
        if stdout is None or self._said is None:
            return False
        try:
            data = os.read(stdout.fileno(), 65536)
        except BlockingIOError:
            return False
        if not data:
            self._loop.remove_reader(stdout.fileno())
        *lines, self._rest = (self._rest + (data or b"\n")).split(b"\n")
        for line in filter(None, lines):
            try:
                self._said(json.loads(line))
            except ValueError:
                log.warning("pid %d: %s", self.pid, line.decode(errors="replace"))
        return bool(data)

    def _reap(self) -> None:
        self._loop.remove_reader(self._pidfd)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)  # whatever it started itself; before the pid can be another's
        status = self._process.wait()
        if self._process.stdout is not None:
            while self._read():
                pass
            self._loop.remove_reader(self._process.stdout.fileno())
            self._process.stdout.close()
        self._stderr.close()
        os.close(self._pidfd)
        self._gone.set()
        self._ended(status)


def describe_end(status: int) -> str:
    """How a process ended, in words."""
    if status < 0:
        known = [number.name for number in signal.Signals if number == -status]  # not all real-time ones are
        return f"killed by {known[0] if known else f'signal {-status}'}"
    return f"exited with status {status}"


class BackOff:
    """How long to wait before the next start: nothing at first, then longer with each early end."""

    def __init__(self, first_s: float, longest_s: float, healthy_s: float) -> None:
        self._first_s, self._longest_s, self._healthy_s = first_s, longest_s, healthy_s
        self._next_s = 0.0

    def after(self, lived_s: float) -> float:
        """Seconds to wait after a life of `lived_s`."""
        if lived_s >= self._healthy_s:
            self._next_s = 0.0
        wait_s = self._next_s
        self._next_s = min(max(self._first_s, 2 * self._next_s), self._longest_s)
        return wait_s
