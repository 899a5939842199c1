"""The pipe between the plugin and a worker process: msgpack maps with arrays behind them, one at a time."""

from __future__ import annotations

import socket
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any, Final

import msgpack
import numpy as np
import numpy.typing as npt

LENGTH: Final = struct.Struct("!i")  # before each note, as `multiprocessing.connection` has it
PIECE: Final = 1 << 16


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


class Line:
    """The plugin's end of the pipe: nothing of it waits, whatever the worker is at or has been stopped in.

    The worker's end is a `Connection`.
    """

    def __init__(self, end: socket.socket) -> None:
        end.setblocking(False)
        self._socket = end
        self._going, self._coming = bytearray(), bytearray()

    def send(self, note: Note) -> None:
        """Send, or keep for `flush` what does not go out now; raises OSError when nobody is there."""
        packed = note.encode()
        self._going += LENGTH.pack(len(packed)) + packed
        self.flush()

    def flush(self) -> None:
        """Send on what waits to go out; raises OSError."""
        try:
            while self._going:
                with memoryview(self._going) as going:
                    sent = self._socket.send(going[:PIECE])
                del self._going[:sent]
        except BlockingIOError:
            return

    def heard(self) -> list[Note]:
        """What came whole since the last time; raises EOFError or OSError when no more will come."""
        self.flush()
        ended = self._take_in()
        notes = []
        while len(self._coming) >= LENGTH.size:
            (length,) = LENGTH.unpack_from(self._coming)
            end = LENGTH.size + length
            if length < 0:
                raise OSError(f"a note of {length} bytes")
            if len(self._coming) < end:
                break
            notes.append(Note.decode(bytes(self._coming[LENGTH.size : end])))
            del self._coming[:end]
        if ended and not notes:
            raise EOFError
        return notes

    def _take_in(self) -> bool:
        """Whether the other end is closed."""
        try:
            while piece := self._socket.recv(PIECE):
                self._coming += piece
        except BlockingIOError:
            return False
        return True

    def close(self) -> None:
        """Let go of it, by which the worker ends."""
        self._socket.close()
