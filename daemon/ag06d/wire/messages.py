"""Requests, replies and published messages, to frames and back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

from ag06d.errors import DeadlineError, RequestError
from ag06d.wire.arrays import unpack_arrays
from ag06d.wire.codec import FRAMES_MAX, PROTOCOL, WireError, check_size, pack, unpack_map

if TYPE_CHECKING:
    import numpy.typing as npt

ERRORS: Final = {
    "bad_request": "The request is not one, or an argument is wrong",
    "unknown_op": "There is no such operation, or no longer",
    "unknown_path": "There is no such path, preset or other thing of that name",
    "out_of_range": "A value is outside of what is allowed",
    "not_ready": "What should answer is starting, or has ended; ask again later",
    "device_absent": "It needs the audio device, which is not there",
    "busy": "Too much is asked at once; ask again later",
    "conflict": "It cannot be done as things stand, such as an undo without a step",
    "denied": "It may not be done",
    "deadline": "It was not done in time; it may still be",
    "internal": "The daemon or a plugin failed at it",
}
ERROR_CODES: Final = tuple(ERRORS)

OWN_TOPICS: Final = (  # the daemon's; no plugin may publish on them
    "welcome.",
    "heartbeat.",
    "state.",
    "schema.",
    "audio.",
    "host.",
    "plugin.",
    "meters.",
    "preset.",
    "trace.",
    "record.",
    "config.",
)

Body = dict[str, Any]
Buffers = Sequence[bytes]
PAGE_VERSION: Final = "1.3"  # of docs/protocol.md; the second number is raised with whatever is added
VERSION: Final = 1  # of a published message's header
HEADER_MAX: Final = 4096  # bytes of the header of a request that is only to be answered `busy`
ID_MAX: Final = 64  # bytes of a request's id, which its reply gives back
ERROR_TEXT_MAX: Final = 4000  # characters of an error's message and of its hint, which may quote a request
_HEAD = 3  # frames before the buffers


def _read_id(header: Body) -> int | str | bytes:
    """The `id` of a request; raises WireError. msgpack has no integer beyond 64 bits."""
    request_id = header.get("id")
    if isinstance(request_id, bool) or not isinstance(request_id, int | str | bytes):
        raise WireError("the header needs an id: a whole number, text or bytes")
    if not isinstance(request_id, int):
        size = len(request_id.encode() if isinstance(request_id, str) else request_id)
        if size > ID_MAX:
            raise WireError(f"an id of {size} bytes; it has {ID_MAX} at most")
    return request_id


def _cut(text: str) -> str:
    return text if len(text) <= ERROR_TEXT_MAX else text[: ERROR_TEXT_MAX - 3] + "..."


def _check_frames(frames: Sequence[bytes]) -> None:
    if not _HEAD <= len(frames) <= FRAMES_MAX:
        raise WireError(
            f"a message of {len(frames)} frames; it has {_HEAD} and its buffers, {FRAMES_MAX} at most"
        )


@dataclass(frozen=True, slots=True)
class Request:
    """`[b"AG06/1", header, body, *buffers]` on `control`."""

    id: int | str | bytes
    op: str
    body: Body = field(default_factory=dict)
    buffers: Buffers = ()
    deadline_ms: float | None = None
    dry_run: bool = False

    def encode(self) -> list[bytes]:
        """As frames."""
        header: dict[str, Any] = {"id": self.id, "op": self.op}
        if self.deadline_ms is not None:
            header["deadline_ms"] = self.deadline_ms
        if self.dry_run:
            header["dry_run"] = True
        return [PROTOCOL, pack(header), pack(self.body), *self.buffers]

    @classmethod
    def decode(cls, frames: Sequence[bytes]) -> Request:
        """From frames; raises WireError. Unknown header fields are ignored."""
        _check_frames(frames)
        if frames[0] != PROTOCOL:
            raise WireError(f"protocol {bytes(frames[0][:16])!r}; this daemon speaks {PROTOCOL.decode()}")
        header = unpack_map(frames[1], "header")
        request_id = _read_id(header)
        try:
            return cls._checked(
                request_id, header.get("op"), header, unpack_map(frames[2], "body"), frames[_HEAD:]
            )
        except WireError as error:
            raise WireError(str(error), request_id) from error

    @staticmethod
    def read_id(frames: Sequence[bytes]) -> int | str | bytes:
        """The id of the request in `frames`, of which nothing else is read; raises WireError."""
        _check_frames(frames)
        if len(frames[1]) > HEADER_MAX:
            raise WireError(f"a header of {len(frames[1])} bytes; at most {HEADER_MAX} are read")
        return _read_id(unpack_map(frames[1], "header"))

    @classmethod
    def _checked(
        cls, request_id: int | str | bytes, op: object, header: Body, body: Body, buffers: Buffers
    ) -> Request:
        if not isinstance(op, str):
            raise WireError("the header needs an op, in text")
        deadline = header.get("deadline_ms")
        if deadline is not None and (
            isinstance(deadline, bool) or not isinstance(deadline, int | float) or not math.isfinite(deadline)
        ):
            raise WireError("deadline_ms must be a finite number of milliseconds")
        dry_run = header.get("dry_run", False)
        if not isinstance(dry_run, bool):  # taken for false, it would change what was only to be tried
            raise WireError("dry_run must be true or false")
        for buffer in buffers:
            check_size(buffer)
        return cls(request_id, op, body, buffers, deadline, dry_run)


@dataclass(frozen=True, slots=True)
class Reply:
    """`[b"AG06/1", header{re, status}, body, *buffers]`; `status` is ok, error or accepted."""

    re: int | str | bytes | None
    status: str
    body: Body = field(default_factory=dict)
    buffers: Buffers = ()

    @property
    def arrays(self) -> list[npt.NDArray[Any]]:
        """The arrays that it carries, in their own shape and dtype, read-only; raises WireError."""
        return unpack_arrays(self.body.get("arrays", []), self.buffers)

    @classmethod
    def failed(cls, request_id: int | str | bytes | None, error: RequestError) -> Reply:
        """An error reply."""
        body = {"code": error.code, "message": _cut(error.message), "hint": _cut(error.hint)}
        return cls(request_id, "error", body)

    def encode(self) -> list[bytes]:
        """As frames."""
        return [PROTOCOL, pack({"re": self.re, "status": self.status}), pack(self.body), *self.buffers]

    @classmethod
    def decode(cls, frames: Sequence[bytes]) -> Reply:
        """From frames; raises WireError."""
        _check_frames(frames)
        if frames[0] != PROTOCOL:
            raise WireError(f"a reply in protocol {bytes(frames[0][:16])!r} instead of {PROTOCOL.decode()}")
        header = unpack_map(frames[1], "header")
        return cls(header.get("re"), str(header.get("status")), unpack_map(frames[2], "body"), frames[_HEAD:])


def raise_for_error(reply: Reply) -> Reply:
    """`reply` itself; raises RequestError when it is an error, and DeadlineError when it came too late."""
    if reply.status == "error":
        body = reply.body
        code, message, hint = str(body.get("code")), str(body.get("message")), str(body.get("hint", ""))
        raise DeadlineError(message, hint) if code == "deadline" else RequestError(code, message, hint)
    return reply


@dataclass(frozen=True, slots=True)
class Message:
    """`[topic., header, body, *buffers]` on `events` or `stream`.

    The topic ends in a dot, so that a subscription to `feature.` means that and what is below it.
    """

    topic: str
    header: Body
    body: Body
    buffers: Buffers = ()

    def encode(self) -> list[bytes]:
        """As frames."""
        return [self.topic.encode(), pack(self.header), pack(self.body), *self.buffers]

    @classmethod
    def decode(cls, frames: Sequence[bytes]) -> Message:
        """From frames; raises WireError."""
        _check_frames(frames)
        try:
            topic = frames[0].decode()
        except UnicodeDecodeError as error:
            raise WireError(f"a topic that is not UTF-8: {frames[0][:32]!r}") from error
        return cls(topic, unpack_map(frames[1], "header"), unpack_map(frames[2], "body"), frames[_HEAD:])


@dataclass(frozen=True, slots=True)
class Stamp:
    """A message's header: when and where it belongs.

    `seq` counts per topic; `t` is wall time in s, `mono` CLOCK_MONOTONIC in ns, `pos` the sample position.
    """

    boot: str
    seq: int
    t: float
    mono: int
    pos: int
    src: str

    def header(self) -> Body:
        """As it is sent."""
        return {"v": VERSION} | asdict(self)
