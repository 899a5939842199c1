"""A worker process of a plugin: started with a pipe to it, and ended when the pipe is closed."""

from __future__ import annotations

import logging
import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any, Final

from ag06_plugins.workers.channel import Line

if TYPE_CHECKING:
    Pipe = Connection[Any, Any]

ONE_THREAD: Final = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
GONE: Final = (EOFError, BrokenPipeError, ConnectionResetError)


class Worker:
    """One process, `python -m MODULE ARGUMENTS DESCRIPTOR`, whose `main` calls `serve`.

    descriptors  of files that it has too, under the same numbers
    process      what was started
    line         the plugin's end of the pipe
    """

    def __init__(self, module: str, arguments: Sequence[str], descriptors: Sequence[int] = ()) -> None:
        """Starts it; raises OSError."""
        ours, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                pass_fds=[*descriptors, theirs.fileno()],
                env=os.environ | ONE_THREAD,
            )
        self.line = Line(ours)

    def close(self, patience_s: float = 0.0) -> None:
        """End it."""
        self.line.close()
        try:
            self.process.wait(patience_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def serve(name: str, descriptor: str, work: Callable[[Pipe], None], *, idle: bool, memory_mb: int = 0) -> int:
    """Run by the process: `work` with its end of the pipe, until it returns or the other end is closed.

    name       before each line that it logs
    idle       whether it runs only when nothing else wants the processor
    memory_mb  that it may have, if that is less than it could have anyway; 0 is no limit of its own
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for ag06d, which ends us
    logging.basicConfig(format=f"{name}: %(levelname)s %(message)s")
    if idle:
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    if memory_mb:
        soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
        others = [limit for limit in (soft, hard) if limit != resource.RLIM_INFINITY]
        resource.setrlimit(resource.RLIMIT_DATA, (min([memory_mb << 20, *others]), hard))
    with Connection(int(descriptor)) as pipe:
        try:
            work(pipe)
        except GONE:
            return 0
    return 0
