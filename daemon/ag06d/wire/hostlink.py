"""Messages on the private socket between ag06d and its hosts: `[kind, header, body, *buffers]`.

Both ends are of the same version and start together, so this is no public protocol.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ag06d.wire.codec import WireError, pack, unpack_map

_HEAD = 3
COMMAND_S = 5.0  # a plugin's command that takes longer is answered `deadline`, unless the request has its own


class Kind(StrEnum):
    """What a message between ag06d and a host is."""

    HELLO = "hello"  # host: ready; its plugins' topics and commands
    PLUGIN = "plugin"  # host: a plugin's state changed, and why
    PUBLISH = "publish"  # host: for the bus
    DROPPED = "dropped"  # host: how many messages it could not send, by topic; "" for those of none
    SUBSCRIBE = "subscribe"  # host: wants messages under a topic
    REQUEST = "request"  # host: an operation, as from a client; ag06d: a plugin's command
    REPLY = "reply"  # the answer to a request, either way
    STATE = "state"  # ag06d: revision and changes of the state tree
    MESSAGE = "message"  # ag06d: one that was subscribed to
    TRACE = "trace"  # ag06d: tell what happens around a plugin; host: what happened
    SYNC = "sync"  # ag06d: say this when all that was sent before is on its way; host: it is
    LOG = "log"  # ag06d: the level to log from
    STOP = "stop"  # ag06d: end in good order


@dataclass(frozen=True, slots=True)
class HostMessage:
    """One message, in either direction."""

    kind: Kind
    header: dict[str, Any] = field(default_factory=dict)
    body: dict[str, Any] = field(default_factory=dict)
    buffers: Sequence[bytes] = ()

    def size(self) -> int:
        """Bytes of body and buffers."""
        return len(pack(self.body)) + sum(map(len, self.buffers))

    def encode(self) -> list[bytes]:
        """As frames."""
        return [self.kind.encode(), pack(self.header), pack(self.body), *self.buffers]

    @classmethod
    def decode(cls, frames: Sequence[bytes]) -> HostMessage:
        """From frames; raises WireError."""
        if len(frames) < _HEAD:
            raise WireError(f"a host's message of {len(frames)} frames")
        try:
            kind = Kind(frames[0].decode())
        except ValueError as error:
            raise WireError(f"a host's message of kind {bytes(frames[0][:16])!r}") from error
        return cls(kind, unpack_map(frames[1], "header"), unpack_map(frames[2], "body"), frames[_HEAD:])
