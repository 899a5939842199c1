"""The headers of requests, replies and messages, and the body of an error."""

from __future__ import annotations

from typing import Literal

from ag06d.wire.vocabulary.model import Body, Part

Id = int | str | bytes


class RequestHeader(Part):
    """The header of a request."""

    id: Id
    """An integer, or text or bytes of 64 bytes at most; the reply gives it back."""
    op: str
    """The operation."""
    deadline_ms: float | None = None
    """The reply comes within so many milliseconds, if need be as the error `deadline`."""
    dry_run: bool = False
    """Change nothing, and answer what would be; a plugin's command refuses it."""


class ReplyHeader(Part):
    """The header of a reply."""

    re: Id | None
    """The request's `id`; null when it could not be read."""
    status: Literal["ok", "error", "accepted"]
    """`ok`, `error`, or `accepted`: begun, and told of by a topic when it is done."""


class ErrorBody(Body):
    """The body of a reply whose status is `error`."""

    code: str
    """One of the codes below; a reader takes one that it does not know for `internal`."""
    message: str
    """What was wrong, and where."""
    hint: str
    """What would be right; empty where nothing is to be said."""


class MessageHeader(Part):
    """The header of a published message."""

    v: int
    """Version of the header: 1."""
    boot: str
    """Identity of this run of the daemon; another one means a new `snapshot`."""
    seq: int
    """Counts the messages of this topic on this channel from 0; a gap says how many were missed."""
    t: float
    """Wall time, in seconds since 1970."""
    mono: int
    """CLOCK_MONOTONIC, in nanoseconds."""
    pos: int
    """The sample position that the message is about, in frames since the daemon started."""
    src: str
    """Who says it: `ag06d`, or a plugin's name."""
