"""The pipe between the plugin and a worker process: msgpack maps with arrays behind them, one at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

import msgpack
import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Note:
    """A request, an answer or a report: a map that msgpack can carry, and arrays of numbers."""

    body: Mapping[str, Any]
    arrays: Sequence[npt.NDArray[Any]] = field(default=())

    def encode(self) -> bytes:
        """As bytes."""
        arrays = [(array.dtype.str, list(array.shape), array.tobytes()) for array in self.arrays]
        packed: bytes = msgpack.packb((dict(self.body), arrays))
        return packed

    @classmethod
    def decode(cls, packed: bytes) -> Note:
        """From bytes."""
        body, arrays = msgpack.unpackb(packed)
        return cls(
            body,
            [np.frombuffer(data, dtype=dtype).reshape(shape) for dtype, shape, data in arrays],
        )


def send(connection: Connection, note: Note) -> None:
    """Send; raises OSError when nobody is there any more."""
    connection.send_bytes(note.encode())


def receive(connection: Connection) -> Note:
    """The next one; raises EOFError or OSError when nobody is there any more."""
    return Note.decode(connection.recv_bytes())
