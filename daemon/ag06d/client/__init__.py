"""A client of the daemon: ask for operations, follow topics, keep a copy of its state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ag06d.client.message import Message
from ag06d.client.mirror import StateChange
from ag06d.client.sync import Client, Door, Follower, State

if TYPE_CHECKING:
    from ag06d.client.asynchronous import AsyncClient, AsyncDoor, AsyncFollower, AsyncState

__all__ = [
    "AsyncClient",
    "AsyncDoor",
    "AsyncFollower",
    "AsyncState",
    "Client",
    "Door",
    "Follower",
    "Message",
    "State",
    "StateChange",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - any of them
    """The asyncio client once it is asked for: a program that does without need not import asyncio."""
    if name in ("AsyncClient", "AsyncDoor", "AsyncFollower", "AsyncState"):
        from ag06d.client import asynchronous  # noqa: PLC0415 - see above

        return getattr(asynchronous, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
