"""A child process that is kept: started again whenever it ends, after a pause that grows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from ag06d._native import lib
from ag06d.core.child import BackOff, Child, describe_end
from ag06d.core.stderr import Budget

RETRY_S = 2.0  # after a process could not even be started

Spec = tuple[dict[str, Any], Sequence[int]]


class KeptProcess:
    """`python -m MODULE`, through all its lives.

    `spec` is asked before each start for what the process is told and for the descriptors it gets.
    `ended` is given (status, reason) at each end that nobody asked for; it may return the seconds
    until the next start, infinity for none, or None for the usual. `failed` hears why there was no start.
    """

    def __init__(  # noqa: PLR0913 - what one life of a process needs
        self,
        module: str,
        back_off: BackOff,
        *,
        spec: Callable[[], Spec],
        ended: Callable[[int, str], float | None],
        failed: Callable[[str], None],
        said: Callable[[dict[str, Any]], None] | None = None,
    ) -> None:
        self.started_ns = 0
        self.why = ""  # why this life was or will be ended by us
        self._module, self._back_off = module, back_off
        self._spec, self._ended, self._failed, self._said = spec, ended, failed, said
        self._budget = Budget()
        self._child: Child | None = None
        self._next: asyncio.TimerHandle | None = None
        self._renewing: asyncio.Task[None] | None = None
        self._stopping = False

    @property
    def pid(self) -> int:
        """The process, 0 when there is none."""
        return self._child.pid if self._child is not None and self._child.alive else 0

    def start(self) -> None:
        """Start it now, unless it runs or is to stop."""
        self._cancel()
        if self._stopping or self.pid:
            return
        self.why = ""
        self.started_ns = lib.ag06_now_ns()
        spec, descriptors = self._spec()
        try:
            self._child = Child(
                self._module,
                spec,
                descriptors,
                said=self._said,
                ended=self._child_ended,
                budget=self._budget,
            )
        except OSError as error:  # no process or file to be had at present
            self._child = None
            self._failed(str(error))
            self._start_after(RETRY_S)

    def _start_after(self, seconds: float) -> None:
        self._cancel()
        self._next = asyncio.get_running_loop().call_later(seconds, self.start)

    def _cancel(self) -> None:
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def _child_ended(self, status: int) -> None:
        if self._stopping:
            return
        if self._renewing is not None:
            self._renewing = None
            self._start_after(0)
            return
        usual_s = self._back_off.after((lib.ag06_now_ns() - self.started_ns) / 1e9)
        wait_s = self._ended(status, self.why or describe_end(status))
        wait_s = usual_s if wait_s is None else wait_s
        if wait_s < float("inf"):
            self._start_after(wait_s)

    def kill(self, reason: str) -> bool:
        """End it at once; false if it is being ended already."""
        if self._child is None or self.why:
            return False
        self.why = reason
        self._child.kill()
        return True

    def renew(self, patience_s: float = 1.0) -> None:
        """Have it end in good order and start it again: soon, and not counted as an end."""
        if not self.pid:
            self.start()
        elif self._renewing is None and self._child is not None:
            self._renewing = asyncio.create_task(self._child.stop(patience_s))

    def release(self) -> None:
        """It is not started again once it ends."""
        self._stopping = True
        self._cancel()

    async def stop(self, patience_s: float) -> None:
        """Ask the process to end, end it if it does not, and leave it so."""
        self.release()
        if self._child is not None:
            await self._child.stop(patience_s)
