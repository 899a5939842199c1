"""A plugin's commands: carried out at once, or step by step, and each of them answered once."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ag06d._native import lib
from ag06d.errors import RequestError
from ag06d.plugin import Answer, Command
from ag06d.wire import WireError, pack, pack_arrays, unpack_arrays
from ag06d.wire.codec import check_content, unpack_map

WAITING_MAX = 64  # commands of one plugin whose answer is not there yet

Content = tuple[dict[str, Any], Sequence[bytes]]  # body and buffers


class Outlet(Protocol):
    """Where an answer goes."""

    def __call__(self, status: str, body: dict[str, Any], buffers: Sequence[bytes]) -> None:
        """Send it, or drop it where nobody is there."""


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """A command that somebody waits for, until `deadline_ns` of CLOCK_MONOTONIC."""

    name: str
    body: dict[str, Any]
    buffers: Sequence[bytes]
    deadline_ns: int
    outlet: Outlet

    def refuse(self, error: RequestError) -> None:
        """Answer that it cannot be done."""
        body = {"code": error.code, "message": error.message, "hint": error.hint}
        self.outlet("error", body, ())


class Desk:
    """The commands of one plugin, and those who wait for them.

    `fence(function, what, name)` runs the plugin's code and raises RequestError where that fails;
    `deliver`, of the same arguments, logs it instead.
    """

    def __init__(
        self,
        plugin: str,
        fence: Callable[[Callable[[], Any], str, str], Any],
        deliver: Callable[[Callable[[], Any], str, str], object],
    ) -> None:
        self.commands: dict[str, Command] = {}
        self._plugin, self._fence, self._deliver = plugin, fence, deliver
        self._waiting: dict[Asked, Generator[object, None, Content]] = {}

    def __len__(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def ask(self, asked: Asked) -> None:
        """Carry out a command, of which the answer comes now or in a later `step`."""
        try:
            steps = self._begin(asked)
        except RequestError as error:
            asked.refuse(error)
        else:
            self._advance(asked, steps)

    def step(self) -> None:
        """Ask again for every answer that was not there; give up what is past its deadline."""
        for asked in list(self._waiting):
            steps = self._waiting.pop(asked, None)
            if steps is None:
                return  # the plugin has ended meanwhile
            if lib.ag06_now_ns() > asked.deadline_ns:
                self._give_up(asked, steps, self._too_late(asked))
            else:
                self._advance(asked, steps)

    def close(self) -> None:
        """Carry out nothing more."""
        waiting, self._waiting, self.commands = self._waiting, {}, {}
        for asked, steps in waiting.items():
            ended = RequestError("not_ready", f"plugin {self._plugin} has ended", "ask again later")
            self._give_up(asked, steps, ended)

    def _begin(self, asked: Asked) -> Generator[object, None, Content]:
        command = self.commands.get(asked.name)
        if command is None:
            raise RequestError("unknown_op", f"plugin {self._plugin} has no command {asked.name!r} now")
        if lib.ag06_now_ns() > asked.deadline_ns:
            raise self._too_late(asked)
        arguments = asked.body
        if "arrays" in arguments:
            try:
                arguments = arguments | {"arrays": unpack_arrays(arguments["arrays"], asked.buffers)}
            except WireError as error:
                raise RequestError("bad_request", f"{self._plugin}.{asked.name}: {error}") from error
        return self._carry_out(command, arguments)

    def _too_late(self, asked: Asked) -> RequestError:
        return RequestError("deadline", f"plugin {self._plugin} did not answer {asked.name} in time")

    def _carry_out(self, command: Command, arguments: Mapping[str, Any]) -> Generator[object, None, Content]:
        answered = command.handler(arguments)
        if isinstance(answered, Generator):
            if len(self._waiting) >= WAITING_MAX:
                message = f"plugin {self._plugin} has {WAITING_MAX} requests that wait for their answer"
                raise RequestError("busy", message, "ask again later")
            answered = yield from answered
        return content(answered, f"{self._plugin}.{command.name}")

    def _advance(self, asked: Asked, steps: Generator[object, None, Content]) -> None:
        try:
            answer = self._fence(lambda: advance(steps), "command", asked.name)
        except RequestError as error:
            asked.refuse(error)
            return
        if answer is None:
            self._waiting[asked] = steps
        else:
            asked.outlet("ok", *answer)

    def _give_up(self, asked: Asked, steps: Generator[object, None, Content], why: RequestError) -> None:
        self._deliver(steps.close, "close", asked.name)
        asked.refuse(why)


def advance(steps: Generator[object, None, Content]) -> Content | None:
    """One step: what it returned, None when that is not there yet."""
    try:
        next(steps)
    except StopIteration as end:
        returned: Content = end.value
        return returned
    return None


def content(answered: Mapping[str, Any] | Answer, op: str) -> Content:
    """Body and buffers of what `op` answered.

    Raises RequestError for what does not fit into a message, and what a plugin is to blame for when it is
    no answer at all.
    """
    answer = answered if isinstance(answered, Answer) else Answer(answered)
    body = dict(answer.body)
    entries, buffers = pack_arrays(*answer.arrays)
    if entries:
        body["arrays"] = entries
    packed = pack(body)
    try:
        check_content((packed, *buffers))
    except WireError as error:
        message = f"the answer to {op} does not fit: {error}"
        raise RequestError("out_of_range", message, "ask for less at a time") from error
    unpack_map(packed, "answer")
    return body, buffers
