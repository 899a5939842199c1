"""The table of alerts in SQLite: how one is written, read back, searched, and let go of."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from typing import Any, Final, cast

import numpy as np

from ag06_plugins.anomaly.alerts.alert import Alert, Label, Silent, State
from ag06_plugins.anomaly.finding import SEVERITIES, Severity

VERSION: Final = 1
SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS alerts (
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, channel TEXT NOT NULL, severity INTEGER NOT NULL,
    state TEXT NOT NULL, start INTEGER NOT NULL, end INTEGER NOT NULL, rate INTEGER NOT NULL,
    start_ns INTEGER NOT NULL, value REAL, unit TEXT NOT NULL, threshold REAL, score REAL,
    feature TEXT NOT NULL, detectors TEXT NOT NULL, also TEXT NOT NULL, evidence TEXT NOT NULL,
    about TEXT NOT NULL, silent TEXT NOT NULL, injected INTEGER NOT NULL, acknowledged_by TEXT NOT NULL,
    acknowledged_ns INTEGER NOT NULL, note TEXT NOT NULL, label TEXT NOT NULL, label_by TEXT NOT NULL,
    raised REAL NOT NULL, clip TEXT NOT NULL, trace BLOB NOT NULL, trace_start_s REAL NOT NULL);
CREATE INDEX IF NOT EXISTS alerts_counted ON alerts (start_ns, injected, kind, label, silent);
CREATE INDEX IF NOT EXISTS alerts_kind ON alerts (kind);
CREATE INDEX IF NOT EXISTS alerts_state ON alerts (state);
CREATE INDEX IF NOT EXISTS alerts_label ON alerts (label);
CREATE INDEX IF NOT EXISTS alerts_raised ON alerts (id, kind, raised) WHERE raised > 0;
CREATE INDEX IF NOT EXISTS alerts_clip ON alerts (clip) WHERE clip != '';
CREATE TABLE IF NOT EXISTS watched (hour INTEGER PRIMARY KEY, seconds REAL NOT NULL);
"""
COLUMNS: Final = tuple(entry.name for entry in fields(Alert))
# Those that are lists or maps are JSON.
TEXTS: Final = ("detectors", "also", "evidence", "about")
HOUR_S: Final = 3600
DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class Search:
    """Which alerts; what is empty or None does not matter. Times are nanoseconds since the epoch."""

    kind: str = ""
    least: Severity = "low"
    since_ns: int | None = None
    until_ns: int | None = None
    label: str = ""
    state: str = ""
    text: str = ""
    injected: bool = False
    most: int = 50


def values_of(alert: Alert) -> tuple[Any, ...]:
    """A row; what the alert was at this moment."""
    row = {name: getattr(alert, name) for name in COLUMNS}
    row |= {name: json.dumps(row[name], allow_nan=False, ensure_ascii=False) for name in TEXTS}
    row |= {"severity": SEVERITIES.index(alert.severity), "injected": int(alert.injected)}
    row["trace"] = alert.trace.astype("<f4").tobytes()
    return tuple(row[name] for name in COLUMNS)


def alert_of(row: Iterable[Any]) -> Alert:
    """The alert of a row; raises ValueError for one that nobody here wrote."""
    entry = dict(zip(COLUMNS, row, strict=True))
    try:
        entry |= {name: json.loads(entry[name]) for name in TEXTS}
        entry["severity"] = SEVERITIES[entry["severity"]]
        entry["injected"] = bool(entry["injected"])
        entry["trace"] = np.frombuffer(entry["trace"], dtype="<f4")
    except (TypeError, IndexError) as error:
        raise ValueError(f"alert {entry['id']}: {error}") from error
    entry["state"], entry["label"] = cast("State", entry["state"]), cast("Label", entry["label"])
    entry["silent"] = cast("Silent", entry["silent"])
    return Alert(**entry)


class AlertTable:
    """The alerts that are kept, on one connection, of one thread."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Raises sqlite3.DatabaseError for what is no such database, or one of a later version."""
        self._connection = connection
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > VERSION:
            raise sqlite3.DatabaseError(f"written by a later version ({version}; this one knows {VERSION})")
        connection.executescript(SCHEMA)
        if version != VERSION:  # a disk that is full can be read
            connection.execute(f"PRAGMA user_version = {VERSION}")

    def last_id(self) -> int:
        """The highest number that was given."""
        return int(self._connection.execute("SELECT coalesce(max(id), 0) FROM alerts").fetchone()[0])

    def close_all(self) -> int:
        """Close what a run before this one left open; how many."""
        cursor = self._connection.execute("UPDATE alerts SET state = 'closed' WHERE state != 'closed'")
        return cursor.rowcount

    def write(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """Add, or replace, alerts."""
        marks = ", ".join("?" * len(COLUMNS))
        self._connection.executemany(
            f"INSERT OR REPLACE INTO alerts ({', '.join(COLUMNS)}) VALUES ({marks})",  # noqa: S608 - names of ours
            rows,
        )

    def watched(self, hours: Iterable[tuple[int, float]]) -> None:
        """Add seconds that were watched to hours since the epoch."""
        self._connection.executemany(
            "INSERT INTO watched (hour, seconds) VALUES (?, ?) "
            "ON CONFLICT (hour) DO UPDATE SET seconds = seconds + excluded.seconds",
            hours,
        )

    def get(self, id_: int) -> Alert | None:
        """The alert of that number."""
        return next(self._read("WHERE id = ?", (id_,)), None)

    def newest(self) -> Alert | None:
        """The last that people were told of."""
        return next(self._read("WHERE silent = '' ORDER BY id DESC LIMIT 1", ()), None)

    def search(self, which: Search) -> list[Alert]:
        """The newest first, `which.most` at most."""
        conditions = {
            "kind = ?": which.kind or None,
            "severity >= ?": SEVERITIES.index(which.least) or None,
            "start_ns >= ?": which.since_ns,
            "start_ns < ?": which.until_ns,
            "label = ?": which.label or None,
            "state = ?": which.state or None,
            "(kind || ' ' || also || ' ' || evidence || ' ' || note || ' ' || about) LIKE ? ESCAPE '\\'": (
                f"%{_escaped(which.text)}%" if which.text else None
            ),
        }
        used = {text: value for text, value in conditions.items() if value is not None}
        wanted = list(used) + ([] if which.injected else ["injected = 0"])
        where = f"WHERE {' AND '.join(wanted)} " if wanted else ""
        return list(self._read(f"{where}ORDER BY id DESC LIMIT ?", (*used.values(), which.most)))

    def raised(self) -> list[tuple[int, str, float]]:
        """(number, kind, share) of each alert whose label raised a threshold."""
        return list(
            self._connection.execute("SELECT id, kind, raised FROM alerts WHERE raised > 0 ORDER BY id")
        )

    def counts(self, since_ns: int) -> list[tuple[int, str, str, str, int]]:
        """(day since the epoch, kind, label, silent, how many) of what was not injected."""
        return list(
            self._connection.execute(
                "SELECT start_ns / ?, kind, label, silent, count(*) FROM alerts "
                "WHERE start_ns >= ? AND injected = 0 GROUP BY 1, 2, 3, 4",
                (DAY_S * 10**9, since_ns),
            )
        )

    def watched_days(self, since_ns: int) -> dict[int, float]:
        """Day since the epoch to the seconds that were watched in it."""
        rows = self._connection.execute(
            "SELECT hour / 24, sum(seconds) FROM watched WHERE hour >= ? GROUP BY 1",
            (since_ns // (HOUR_S * 10**9),),
        )
        return dict(rows.fetchall())

    def forget(self, before_ns: int, most: int) -> list[str]:
        """Let go of alerts from before, and of the oldest beyond `most`; the clips that they had."""
        clips = self._delete("start_ns < ?", before_ns)
        beyond = int(self._connection.execute("SELECT count(*) FROM alerts").fetchone()[0]) - most
        if beyond > 0:
            clips += self._delete("id IN (SELECT id FROM alerts ORDER BY id LIMIT ?)", beyond)
        self._connection.execute("DELETE FROM watched WHERE hour < ?", (before_ns // (HOUR_S * 10**9),))
        return [clip for clip in clips if clip]

    def _delete(self, which: str, bound: int) -> list[str]:
        """Let go of alerts; the clips that they had."""
        query = f"DELETE FROM alerts WHERE {which} RETURNING clip"  # noqa: S608 - `which` is of this module
        return [row[0] for row in self._connection.execute(query, (bound,))]

    def clip_gone(self, names: Iterable[str]) -> None:
        """The clips of these names are no more."""
        self._connection.executemany(
            "UPDATE alerts SET clip = '' WHERE clip = ? AND clip != ''", ((name,) for name in names)
        )

    def _read(self, where: str, arguments: tuple[Any, ...]) -> Iterator[Alert]:
        query = f"SELECT {', '.join(COLUMNS)} FROM alerts {where}"  # noqa: S608 - `where` is of this module
        return map(alert_of, self._connection.execute(query, arguments))


def _escaped(text: str) -> str:
    """For LIKE, which takes `%` and `_` for wild cards."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
