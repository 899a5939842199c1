"""The last rows, in memory that a worker process reads while more of them come."""

from __future__ import annotations

import mmap
import os
from typing import Final

import numpy as np
import numpy.typing as npt

HEADER_BYTES: Final = 64  # of which the first eight count the rows that came
Rows = npt.NDArray[np.float32]


class Window:
    """The last `capacity` rows of `columns` values each; all of its memory is there from the beginning.

    descriptor  of the file, without a name, that they are in; a worker that is given it may call `snapshot`
    count       rows that are there
    """

    def __init__(self, columns: int, capacity: int) -> None:
        """Raises OSError when there is no memory for it."""
        self.columns, self.capacity = columns, capacity
        self.descriptor = os.memfd_create("ag06-window")
        try:
            size = HEADER_BYTES + 4 * columns * capacity
            os.posix_fallocate(self.descriptor, 0, size)  # now, or else a frame would wait for it
            memory = mmap.mmap(self.descriptor, size)
        except OSError:
            os.close(self.descriptor)
            raise
        self._came = np.frombuffer(memory, np.uint64, 1)
        self._rows = np.frombuffer(memory, np.float32, columns * capacity, HEADER_BYTES).reshape(
            capacity, columns
        )

    @property
    def count(self) -> int:
        """At most the capacity."""
        return min(int(self._came[0]), self.capacity)

    def add(self, row: Rows) -> None:
        """Take in a row of shape (columns,), in the place of the oldest one."""
        came = int(self._came[0])
        self._rows[came % self.capacity] = row
        self._came[0] = came + 1  # once it is there

    def close(self) -> None:
        """Let go of the file; a worker that reads it may read on."""
        os.close(self.descriptor)


def snapshot(descriptor: int, columns: int, capacity: int) -> Rows:
    """The rows of a window as they are now, oldest first, (n, columns); for the process that reads.

    A row that came or went meanwhile is not among them. Raises OSError and ValueError for another file.
    """
    with mmap.mmap(descriptor, HEADER_BYTES + 4 * columns * capacity, prot=mmap.PROT_READ) as memory:

        def came() -> int:
            return int.from_bytes(memory[:8], "little")

        before = came()
        rows = np.frombuffer(memory[HEADER_BYTES:], np.float32).reshape(capacity, columns)
        after = came()
    oldest = max(0, after + 1 - capacity)  # those before may have been written over while they were copied
    return rows[np.arange(min(oldest, before), before) % capacity]
