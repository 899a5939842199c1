"""The log: rows as they were accepted, in segments of SQLite that a kill cannot spoil; not yet sealed.

One process writes, into the segment with the highest number. It begins the next one after the last write
to the one before, so whoever reads knows: every segment but the newest is finished, and may be sealed into
Parquet and removed. A commit is in the hands of the operating system; `sync` has it written to the disk.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

SUFFIX: Final = ".sqlite"
DIGITS: Final = 12
SEGMENT_BYTES: Final = 64 << 20
SEGMENT_S: Final = 300.0
BUSY_S: Final = 5.0
SPOILED: Final = (sqlite3.DatabaseError, TypeError, ValueError)  # what a segment is that raises it
ALL: Final = (1 << 63) - 1  # no batch has a higher id
LASTING: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_READONLY})
SCHEMA: Final = """
CREATE TABLE batch (
    id INTEGER PRIMARY KEY,
    view TEXT NOT NULL,        -- NAME@VERSION
    entity TEXT NOT NULL,      -- whose rows these are
    dtype TEXT NOT NULL,       -- of the values
    created_ns INTEGER NOT NULL, -- when they were accepted, since the epoch
    times BLOB NOT NULL,       -- int64: when each was true, nanoseconds since the epoch
    vals BLOB NOT NULL         -- one row after the other
) STRICT
"""
INSERT: Final = "INSERT INTO batch (view, entity, dtype, created_ns, times, vals) VALUES (?, ?, ?, ?, ?, ?)"

log = logging.getLogger(__name__)

Times = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of one entity of one view.

    view        NAME@VERSION
    times_ns    (n,): when each row was true, nanoseconds since the epoch
    rows        (n, columns), of the view's dtype
    created_ns  when they were accepted
    """

    view: str
    entity: str
    times_ns: Times
    rows: npt.NDArray[Any]
    created_ns: int

    def values(self) -> tuple[str, str, str, int, bytes, bytes]:
        """As the log has it."""
        return (
            self.view,
            self.entity,
            self.rows.dtype.name,
            self.created_ns,
            self.times_ns.tobytes(),
            self.rows.tobytes(),
        )


def segments(folder: Path) -> list[Path]:
    """The segments that are there, oldest first; the last one may still be written.

    What has no number for a name, or is no file, is somebody else's.
    """
    names = folder.glob(f"{'[0-9]' * DIGITS}{SUFFIX}")
    return sorted((path for path in names if path.is_file()), key=lambda path: path.name)


def read_segment(path: Path, views: Iterable[str] = (), after_id: int = 0) -> Iterator[tuple[int, Batch]]:
    """The batches of a segment in the order of their arrival, with their ids; of `views`, or of all.

    A segment that is being written is read up to its last commit. One that is gone gives nothing.
    Raises sqlite3.DatabaseError, TypeError or ValueError for one that is spoiled; see SPOILED.
    """
    wanted = tuple(views)
    only = f" AND view IN ({','.join('?' * len(wanted))})" if wanted else ""
    query = f"SELECT * FROM batch WHERE id > ?{only} ORDER BY id"  # noqa: S608 - only question marks
    try:
        connection = open_segment(path)
    except sqlite3.OperationalError:
        if path.exists():
            raise
        return
    with closing(connection):
        try:
            cursor = connection.execute(query, (after_id, *wanted))
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):  # killed before anything was in it
                return
            raise
        for number, view, entity, dtype, created_ns, times, values in cursor:
            times_ns = np.frombuffer(times, dtype=np.int64)
            found = np.frombuffer(values, dtype=dtype)
            rows = found.reshape(len(times_ns), len(found) // max(1, len(times_ns)))
            yield number, Batch(view, entity, times_ns, rows, created_ns)


def open_segment(path: Path) -> sqlite3.Connection:
    """A connection to a segment that is there; not for reading alone, for it may have to be recovered."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=BUSY_S)


def remove_segment(path: Path) -> None:
    """Remove a segment and what SQLite keeps beside it, so that a kill leaves nothing that reads as one."""
    path.unlink(missing_ok=True)
    for beside in ("-wal", "-shm"):
        path.with_name(path.name + beside).unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Have what was committed to a segment written to the disk; it may be written on meanwhile."""
    with closing(open_segment(path)) as connection:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)")


class Log:
    """The writing end; the segment that it writes is made when something comes.

    Raises sqlite3.Error when it cannot be written, such as for a full disk; nothing of what was to be
    appended is then in it, and it may be tried again.
    """

    def __init__(
        self, folder: Path, segment_bytes: int = SEGMENT_BYTES, segment_s: float = SEGMENT_S
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._bytes_max, self._seconds = segment_bytes, segment_s
        self._connection: sqlite3.Connection | None = None
        self._path, self._inode = Path(), 0
        self._bytes = 0
        self._until_s = 0.0
        there = segments(folder)
        self._number = int(there[-1].stem) if there else 0
        self._last = (there[-1].name, ALL) if there else ("", 0)

    def append(self, batches: Iterable[Batch]) -> None:
        """Add batches, all of them or none."""
        values = [batch.values() for batch in batches if len(batch.times_ns)]
        if not values:
            return
        try:
            self._insert(self._segment(), values)
        except sqlite3.Error as error:
            if error.sqlite_errorcode & 0xFF in LASTING:
                self._abandon()
            raise
        self._bytes += sum(len(row[4]) + len(row[5]) for row in values)

    @staticmethod
    def _insert(connection: sqlite3.Connection, values: Sequence[tuple[Any, ...]]) -> None:
        if len(values) == 1:
            connection.execute(INSERT, values[0])
        else:
            connection.execute("BEGIN")
            try:
                connection.executemany(INSERT, values)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    @property
    def position(self) -> tuple[str, int]:
        """The newest segment's name and the last batch in it, or ALL; "" and 0 where there is none."""
        if self._connection is None:
            return self._last
        (batch,) = self._connection.execute("SELECT coalesce(max(id), 0) FROM batch").fetchone()
        return self._path.name, int(batch)

    def due(self) -> bool:
        """Whether the present segment is as large or as old as one may be."""
        if self._connection is None:
            return False
        return self._bytes >= self._bytes_max or time.monotonic() >= self._until_s

    def rotate(self) -> None:
        """End the present segment and begin the next, so that the one before can be sealed."""
        if self._connection is not None:
            self.close()
            self._segment()

    def close(self) -> None:
        """End the present segment; what is in it stays."""
        if self._connection is not None:
            self._last = self.position
            self._connection.close()
            self._connection = None

    def _abandon(self) -> None:
        """Write no more to a segment that is spoiled or gone; the next is begun when something comes."""
        if self._connection is not None:
            self._last = (self._path.name, ALL)
            self._connection.close()
            self._connection = None

    def _there(self) -> bool:
        """Whether the segment still is the file of that name: what is written to one without is lost."""
        try:
            return self._path.stat().st_ino == self._inode
        except OSError:
            return False

    def _segment(self) -> sqlite3.Connection:
        if self._connection is not None and not self._there():
            log.error(
                "%s is not there any more, and with it what was not sealed; the next is begun", self._path
            )
            self._abandon()
        if self._connection is not None:
            return self._connection
        self.folder.mkdir(parents=True, exist_ok=True)
        number = self._number + 1
        while (path := self.folder / f"{number:0{DIGITS}}{SUFFIX}").exists():
            number += 1  # what is there is not ours to write, nor to remove
        connection = sqlite3.connect(path, isolation_level=None, timeout=BUSY_S, check_same_thread=False)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute("PRAGMA wal_autocheckpoint = 0")  # nobody's commit waits for the disk
            connection.execute(SCHEMA)
        except BaseException:
            connection.close()
            remove_segment(path)
            raise
        self._connection, self._path, self._number = connection, path, number
        self._inode = path.stat().st_ino
        self._bytes, self._until_s = 0, time.monotonic() + self._seconds
        return connection
