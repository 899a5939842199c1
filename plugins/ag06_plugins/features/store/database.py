"""What the store keeps beside rows: declarations, the newest rows as last saved, and rejected rows.

One process writes it, the one that writes the log; others may read it at any time.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from pydantic import BaseModel, ValidationError

from ag06_plugins.features.store.online import Newest
from ag06_plugins.features.store.registry import Registry
from ag06d.plugin import Entity, FeatureService, FeatureView

NAME: Final = "store.sqlite"
BUSY_S: Final = 5.0
DEAD_LETTERS_MAX: Final = 10_000
SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS declared (
    kind TEXT NOT NULL,        -- entity, view or service
    name TEXT NOT NULL,        -- of a view: NAME@VERSION
    document TEXT NOT NULL,    -- JSON
    PRIMARY KEY (kind, name)
) STRICT;
CREATE TABLE IF NOT EXISTS newest (
    view TEXT NOT NULL, entity TEXT NOT NULL,
    event_ns INTEGER NOT NULL, created_ns INTEGER NOT NULL,
    dtype TEXT NOT NULL, vals BLOB NOT NULL,
    PRIMARY KEY (view, entity)
) STRICT;
CREATE TABLE IF NOT EXISTS saved (        -- one row: up to which batch of the log `newest` goes
    one INTEGER PRIMARY KEY CHECK (one = 1),
    segment TEXT NOT NULL, batch INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS dead_letter (
    id INTEGER PRIMARY KEY,
    view TEXT NOT NULL, entity TEXT NOT NULL, event_ns INTEGER NOT NULL, created_ns INTEGER NOT NULL,
    reason TEXT NOT NULL, dtype TEXT NOT NULL, vals BLOB NOT NULL
) STRICT;
"""
COLUMNS: Final = (
    "SELECT kind, name, document FROM declared LIMIT 0",
    "SELECT view, entity, event_ns, created_ns, dtype, vals FROM newest LIMIT 0",
    "SELECT one, segment, batch FROM saved LIMIT 0",
    "SELECT id, view, entity, event_ns, created_ns, reason, dtype, vals FROM dead_letter LIMIT 0",
)
KINDS: Final[dict[str, type[BaseModel]]] = {"entity": Entity, "view": FeatureView, "service": FeatureService}

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A row that was rejected. `values` are those that were pushed."""

    view: str
    entity: str
    event_ns: int
    created_ns: int
    reason: str
    values: np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The newest rows at a moment: (view, entity, row) each."""

    rows: tuple[tuple[str, str, Newest], ...]


class Database:
    """The writing end. Raises sqlite3.Error when it cannot be written; what was there then still is."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        self._connection = self._open()

    def _open(self) -> sqlite3.Connection:
        try:
            return self._connect()
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):  # locked, full, not allowed: nothing is spoiled
                raise
            aside = self.path.with_name(self.path.name + ".spoiled")
            log.error("%s is spoiled (%s): set aside as %s; rows are not in it", self.path, error, aside.name)  # noqa: TRY400 - it says why
            self.path.replace(aside)
            for beside in ("-wal", "-shm"):
                self.path.with_name(self.path.name + beside).unlink(missing_ok=True)
            return self._connect()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, isolation_level=None, timeout=BUSY_S, check_same_thread=False)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            _check(connection)
            connection.executescript(SCHEMA)
            _check_columns(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def save_declared(self, registry: Registry) -> None:
        """Remember what is declared; what was before stays."""
        declared = [
            *(("entity", name, entity) for name, entity in registry.entities.items()),
            *(("view", key, view) for key, view in registry.views.items()),
            *(("service", name, service) for name, service in registry.services.items()),
        ]
        rows = [(kind, name, model.model_dump_json(exclude_defaults=True)) for kind, name, model in declared]
        with self._transaction() as connection:
            connection.executemany("INSERT OR REPLACE INTO declared VALUES (?, ?, ?)", rows)

    def save_newest(self, snapshot: Snapshot, segment: str, batch: int) -> None:
        """Remember the newest rows, which hold all that is in the log up to `batch` of `segment`."""
        rows = [
            (view, entity, newest.event_ns, newest.created_ns, newest.row.dtype.name, newest.row.tobytes())
            for view, entity, newest in snapshot.rows
        ]
        with self._transaction() as connection:
            connection.executemany("INSERT OR REPLACE INTO newest VALUES (?, ?, ?, ?, ?, ?)", rows)
            connection.execute("INSERT OR REPLACE INTO saved VALUES (1, ?, ?)", (segment, batch))

    def add_dead_letters(self, letters: Iterable[DeadLetter]) -> None:
        """Keep rejected rows; the oldest make room."""
        rows = [
            (d.view, d.entity, d.event_ns, d.created_ns, d.reason, d.values.dtype.name, d.values.tobytes())
            for d in letters
        ][-DEAD_LETTERS_MAX:]
        if not rows:
            return
        with self._transaction() as connection:
            connection.executemany(
                "INSERT INTO dead_letter (view, entity, event_ns, created_ns, reason, dtype, vals) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                rows,
            )
            connection.execute(
                "DELETE FROM dead_letter WHERE id <= (SELECT max(id) FROM dead_letter) - ?",
                (DEAD_LETTERS_MAX,),
            )

    def _transaction(self) -> _Transaction:
        return _Transaction(self._connection)


def _check(connection: sqlite3.Connection) -> None:
    if connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
        raise sqlite3.DatabaseError("its check fails")


def _check_columns(connection: sqlite3.Connection) -> None:
    for statement in COLUMNS:
        try:
            connection.execute(statement)
        except sqlite3.OperationalError as error:  # it is in order, and somebody else's
            if "no such column" in str(error):
                raise sqlite3.DatabaseError(f"its tables are others: {error}") from error
            raise


class _Transaction:
    """All of what is done within, or nothing."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> sqlite3.Connection:
        self._connection.execute("BEGIN IMMEDIATE")
        return self._connection

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            try:
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
        elif self._connection.in_transaction:
            self._connection.execute("ROLLBACK")


def _reading(folder: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{(folder / NAME).absolute().as_uri()}?mode=rw", uri=True, timeout=BUSY_S)


def load_declared(folder: Path) -> Registry:
    """What was declared, for a process that only reads; empty where there is no store."""
    registry = Registry()
    if not (folder / NAME).exists():
        return registry
    found: dict[str, list[Any]] = {kind: [] for kind in KINDS}
    with closing(_reading(folder)) as connection:
        for kind, name, document in connection.execute("SELECT kind, name, document FROM declared"):
            try:
                found[kind].append(KINDS[kind].model_validate_json(document))
            except (KeyError, ValidationError) as error:  # a newer version's, or somebody's hand
                log.warning("%s: the %s %s cannot be read: %s", folder / NAME, kind, name, error)
    for problem in registry.apply(found["view"], found["service"], found["entity"]):
        log.warning("%s: %s", folder / NAME, problem)
    return registry


def load_newest(folder: Path) -> tuple[list[tuple[str, str, Newest]], str, int]:
    """The newest rows as last saved, and up to which batch of which segment they go ("" and 0: none)."""
    rows = []
    with closing(_reading(folder)) as connection:
        for view, entity, event_ns, created_ns, dtype, values in connection.execute(
            "SELECT view, entity, event_ns, created_ns, dtype, vals FROM newest"
        ):
            try:
                row = np.frombuffer(values, dtype=dtype)
            except (TypeError, ValueError) as error:
                log.warning("%s: the newest row of %s cannot be read: %s", folder / NAME, view, error)
                continue
            rows.append((view, entity, Newest(event_ns, created_ns, row)))
        segment, batch = connection.execute("SELECT segment, batch FROM saved").fetchone() or ("", 0)
    return rows, str(segment), int(batch)


def dead_letters(folder: Path, view: str = "", most: int = 100) -> Iterator[DeadLetter]:
    """Rejected rows, the newest first; of the view NAME@VERSION, or of all."""
    with closing(_reading(folder)) as connection:
        for view_key, entity, event_ns, created_ns, reason, dtype, values in connection.execute(
            "SELECT view, entity, event_ns, created_ns, reason, dtype, vals FROM dead_letter "
            "WHERE ? IN ('', view) ORDER BY id DESC LIMIT ?",
            (view, most),
        ):
            row = np.frombuffer(values, dtype=dtype)
            yield DeadLetter(view_key, entity, event_ns, created_ns, reason, row)
