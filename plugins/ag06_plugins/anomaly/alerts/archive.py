"""The history of alerts: a thread that writes and reads, so that no frame ever waits for a disk."""

from __future__ import annotations

import contextlib
import logging
import queue
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import quote

from ag06_plugins.anomaly.alerts.alert import Alert
from ag06_plugins.anomaly.alerts.table import COLUMNS, HOUR_S, AlertTable, values_of

WAITING_MAX: Final = 10_000  # alerts that wait for a disk that is full
RETRY_S: Final = 1.0
CLOSE_S: Final = 3.0  # for what still waits, when the daemon ends
LOCKED_S: Final = 0.3  # for which another process may have the database to itself; who asks waits as long
KEY: Final = tuple(COLUMNS.index(name) for name in ("id", "kind", "raised"))
MODE: Final = 0o700  # of the folder: voices are private

Result = TypeVar("Result")
log = logging.getLogger(__name__)


class Archive:
    """Alerts on the disk, or of this run in memory.

    trouble    what is wrong with the disk, "" if nothing is
    lost       alerts that could not be kept
    in_memory  whether they are kept no longer than this run lasts
    last_id    the highest number of an alert from before
    recovered  where a database that could not be read was put, "" if none was
    """

    def __init__(self, path: Path | None) -> None:
        """`path` of the database; None for memory. Never raises: what is wrong is said in `trouble`."""
        self._path, self.in_memory = path, path is None
        self.trouble = ""
        self.lost = self.last_id = 0
        self.recovered = ""
        self._waiting: dict[int, tuple[Any, ...]] = {}
        self._watched = Counter[int]()
        self._lock = threading.Lock()
        self._asked: queue.SimpleQueue[Callable[[AlertTable], None] | None] = queue.SimpleQueue()
        self._woken = False  # a look at what waits is asked for already
        self._inode: tuple[int, int] | None = None
        self._opened = threading.Event()
        self._thread = threading.Thread(target=self._run, name="alerts", daemon=True)
        self._thread.start()
        self._opened.wait()

    def put(self, alert: Alert) -> None:
        """Keep an alert as it is now; soon."""
        with self._lock:
            self._waiting[alert.id] = values_of(alert)
            while len(self._waiting) > WAITING_MAX:
                self._waiting.pop(next(iter(self._waiting)))
                self.lost += 1
            woken, self._woken = self._woken, True
        if not woken:
            self._asked.put(_nothing)

    def watched(self, wall_s: float, seconds: float) -> None:
        """So much more sound was watched."""
        with self._lock:
            self._watched[int(wall_s // HOUR_S)] += seconds  # type: ignore[assignment]  # a counter of seconds

    def ask(self, question: Callable[[AlertTable], Result]) -> Future[Result]:
        """Have a question answered by the thread; what it raises is the future's."""
        future: Future[Result] = Future()

        def answer(table: AlertTable) -> None:
            try:
                future.set_result(question(table))
            except Exception as error:  # noqa: BLE001 - whoever asked is told
                future.set_exception(error)

        self._asked.put(answer)
        return future

    def raised(self) -> Future[list[tuple[str, float]]]:
        """(kind, share) of each alert whose label raised a threshold, of those that wait for the disk too."""

        def question(table: AlertTable) -> list[tuple[str, float]]:
            shares = {id_: (kind, share) for id_, kind, share in table.raised()}
            with self._lock:
                waiting = [tuple(row[at] for at in KEY) for row in self._waiting.values()]
            shares |= {id_: (kind, share) for id_, kind, share in waiting}
            return [shares[id_] for id_ in sorted(shares)]

        return self.ask(question)

    def close(self) -> None:
        """Write what waits, and end; a disk that hangs is not waited for."""
        self._asked.put(None)
        self._thread.join(CLOSE_S)

    def _run(self) -> None:
        try:
            self._table = self._open()
        finally:
            self._opened.set()
        while True:
            try:
                asked = self._asked.get(timeout=RETRY_S)
            except queue.Empty:
                asked = _nothing
            self._look()
            self._write()
            if asked is None:
                self._connection.close()
                return
            asked(self._table)

    def _open(self) -> AlertTable:
        """The database; where it cannot be one, memory, and the reason is told."""
        if self._path is not None:
            try:
                self._path.parent.mkdir(mode=MODE, parents=True, exist_ok=True)
                return self._connect(str(self._path))
            except sqlite3.DatabaseError as error:
                if not isinstance(error, sqlite3.OperationalError):
                    begun = self._set_aside(error)
                    if begun is not None:
                        return begun
                self.trouble = f"{self._path}: {error}"
            except OSError as error:
                self.trouble = f"{self._path}: {error.strerror}"
            log.error("history of alerts: %s; kept in memory until a restart", self.trouble)
            self.last_id = max(self.last_id, _last_id_of(self._path))
        self._path, self.in_memory = None, True
        return self._connect(":memory:")

    def _set_aside(self, error: sqlite3.Error) -> AlertTable | None:
        """Put away what is no database, and begin a new one."""
        assert self._path is not None  # noqa: S101 - by whom it is called
        aside = self._path.with_name(f"{self._path.name}.unreadable-{time.time_ns() // 10**9}")
        try:
            self._path.replace(aside)
            self._remove_logs(self._path)
            begun = self._connect(str(self._path))
        except (OSError, sqlite3.Error):
            return None
        self.recovered = str(aside)
        log.error("history of alerts: %s: %s; it is %s now, and a new one begun", self._path, error, aside)
        return begun

    @staticmethod
    def _remove_logs(path: Path) -> None:
        """What SQLite wrote beside a database that is no more: it would be taken for the next one's."""
        for beside in ("-wal", "-shm"):
            path.with_name(path.name + beside).unlink(missing_ok=True)

    def _connect(self, name: str) -> AlertTable:
        connection = sqlite3.connect(name, isolation_level=None, timeout=LOCKED_S)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            table = AlertTable(connection)
            if not self._opened.is_set():
                table.close_all()
            self.last_id = max(self.last_id, table.last_id())
        except sqlite3.Error:
            connection.close()
            raise
        self._connection, self._inode = connection, self._inode_now()
        return table

    def _inode_now(self) -> tuple[int, int] | None:
        """Which file it is that stands under the database's name; None: there is none."""
        if self._path is None:
            return None
        try:
            told = self._path.stat()
        except OSError:
            return None
        return told.st_dev, told.st_ino

    def _look(self) -> None:
        """Go on with the file that stands under the name, where somebody removed or replaced ours."""
        if self._path is None or self._inode_now() == self._inode:
            return
        log.error("history of alerts: %s was removed or replaced; it is opened anew", self._path)
        with contextlib.suppress(OSError):
            self._remove_logs(self._path)
        self._begin_anew()

    def _begin_anew(self) -> None:
        """Open what is there now; as before where that cannot be."""
        before = self._connection
        try:
            self._table = self._connect(str(self._path))
        except sqlite3.DatabaseError as error:
            begun = None if isinstance(error, sqlite3.OperationalError) else self._set_aside(error)
            if begun is None:
                self.trouble = f"{self._path}: {error}"
                return
            self._table = begun
        with contextlib.suppress(sqlite3.Error):
            before.close()

    def _write(self) -> None:
        with self._lock:
            rows, self._waiting = self._waiting, {}
            hours, self._watched = self._watched, Counter()
            self._woken = False
        if not (rows or hours):
            return
        try:
            self._connection.execute("BEGIN")
            self._table.write(rows.values())
            self._table.watched(hours.items())
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            with contextlib.suppress(sqlite3.Error):
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
            with self._lock:  # newer states of the same alerts win
                self._waiting = {**rows, **self._waiting}
                self._watched.update(hours)
            if not self.trouble:
                log.error("history of alerts: %s: %s; they wait in memory", self._path, error)  # noqa: TRY400 - it says why
            self.trouble = f"{self._path}: {error}"
            if type(error) is sqlite3.DatabaseError and self._path is not None:  # it is no database any more
                self._begin_anew()
            time.sleep(RETRY_S / 10)
            return
        if self.trouble and self._path is not None:
            log.warning("history of alerts: it can be written again")
            self.trouble = ""


def _last_id_of(path: Path) -> int:
    """The highest number in a database that can perhaps be read, though not written; 0 if it cannot."""
    try:
        with contextlib.closing(
            sqlite3.connect(f"file:{quote(str(path))}?mode=ro&immutable=1", uri=True)
        ) as connection:
            return int(connection.execute("SELECT coalesce(max(id), 0) FROM alerts").fetchone()[0])
    except sqlite3.Error:
        return 0


def _nothing(_: AlertTable) -> None:
    """Wake the thread."""
