"""The feature store: its face, in the words of Feast."""

from __future__ import annotations

import fcntl
import logging
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
import numpy.typing as npt

from ag06_plugins.features.store.database import (
    Database,
    DeadLetter,
    Snapshot,
    load_declared,
    load_newest,
)
from ag06_plugins.features.store.freshness import Freshness, is_stale
from ag06_plugins.features.store.log import SEGMENT_S, SPOILED, Batch, Log, read_segment, segments
from ag06_plugins.features.store.online import ENTITIES_MAX, Newest, Online, ViewTable
from ag06_plugins.features.store.rows import Checker
from ag06d.plugin import (
    Entity,
    FeatureService,
    FeatureView,
    OnlineFeatures,
    Pushed,
    RequestError,
    To,
)

LOG: Final = "log"
LOCK: Final = "writer.lock"
ENTITY_MAX: Final = 100  # characters of an entity's value

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Checked:
    """A push that was looked at, before anything is written: `batch` holds the good rows."""

    batch: Batch | None
    letters: tuple[DeadLetter, ...]
    pushed: Pushed


class FeatureStore:
    """The store in `folder`, for the one process that writes it.

    `clock_ns` tells the time, nanoseconds since the epoch; the log begins a segment every `segment_s`. A
    push is in the hands of the operating system when it returns: a kill of this process loses nothing of
    it. Not for several threads, but that `write`, `save` and `save_declared` may be called in another one.

    Raises OSError when another process writes there or the folder cannot be used, or sqlite3.Error.
    """

    def __init__(
        self, folder: Path, *, clock_ns: Callable[[], int] = time.time_ns, segment_s: float = SEGMENT_S
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._lock = held(folder)
        self.log = Log(folder / LOG, segment_s=segment_s)
        self._clock_ns = clock_ns
        self._database = Database(folder)
        self.registry = load_declared(folder)
        self.online = Online(self.registry)
        self._checkers: dict[str, Checker] = {}
        self._accounts: dict[str, Freshness] = {}
        self._saved: dict[tuple[str, str], Newest] = {}
        self._changed()
        self._recover()

    def _changed(self) -> None:
        self.online.changed()
        for key, view in self.registry.views.items():
            self._checkers[key] = Checker(view)
            self._accounts.setdefault(key, Freshness())

    def _recover(self) -> None:
        """The newest rows: as last saved, and what came after."""
        rows, last, batch = load_newest(self.folder)
        now_ns = self._clock_ns()
        for key, entity, newest in rows:
            if key in self.registry.views and len(newest.row) == len(self.registry.views[key].columns):
                self.online.table(key).put(entity, newest, now_ns)
        for path in segments(self.log.folder):
            if path.name < last:
                continue
            try:
                for _, entry in read_segment(path, after_id=batch if path.name == last else 0):
                    self._put(entry, now_ns)
            except SPOILED as error:
                log.error("%s cannot be read (%s); whoever seals it sets it aside", path, error)  # noqa: TRY400 - it says why

    def apply(
        self,
        views: Iterable[FeatureView] = (),
        services: Iterable[FeatureService] = (),
        entities: Iterable[Entity] = (),
    ) -> list[str]:
        """Declare; what could not be, a sentence each. Raises RequestError if it cannot be written."""
        problems = self.declare(views, services, entities)
        with _written():
            self.save_declared()
        return problems

    def declare(
        self,
        views: Iterable[FeatureView] = (),
        services: Iterable[FeatureService] = (),
        entities: Iterable[Entity] = (),
    ) -> list[str]:
        """As `apply`, but that nothing is written before `save_declared`."""
        before = set(self.registry.views)
        problems = self.registry.apply(views, services, entities)
        self._changed()
        if not before.issuperset(self.registry.views):
            self._recover()  # the log may have rows of it, where the declarations were lost
        return problems

    def save_declared(self) -> None:
        """Remember what is declared; raises sqlite3.Error."""
        self._database.save_declared(self.registry)

    def check(
        self,
        view: str,
        entity: str,
        rows: npt.ArrayLike,
        times_ns: npt.ArrayLike | None = None,
    ) -> Checked:
        """Hold `rows` against their view; nothing is written yet. Arguments and errors as `push`."""
        declared = self.registry.view(view)
        if declared.source == "on_demand":
            raise RequestError(
                "bad_request", f"{declared.key} is computed when it is read", "push what it is computed of"
            )
        if not isinstance(entity, str) or not 0 < len(entity) <= ENTITY_MAX or not entity.isprintable():
            raise RequestError(
                "bad_request", f"{entity!r:.120} is no {declared.entity}", "1 to 100 printable characters"
            )
        key, now_ns = declared.key, self._clock_ns()
        checker = self._checkers[key]
        values, times = checker.shaped(rows, now_ns if times_ns is None else times_ns)
        there = self.online.table(key).rows
        newest = there.get(entity)
        if newest is None and len(there) >= ENTITIES_MAX:
            raise RequestError("busy", f"{key} has rows of {ENTITIES_MAX} entities", "no more fit")
        good, rejected = checker.check(values, times, newest.event_ns if newest else 0, now_ns)
        if good is None:
            batch = Batch(key, entity, times, values, now_ns) if len(times) else None
            return Checked(batch, (), Pushed(len(times), ()))
        letters = tuple(
            DeadLetter(key, entity, int(times[r.index]), now_ns, r.reason, values[r.index]) for r in rejected
        )
        self._accounts[key].rejected += len(rejected)
        kept = Batch(key, entity, times[good], values[good], now_ns) if good.any() else None
        return Checked(kept, letters, Pushed(int(good.sum()), rejected))

    def write(self, batches: Iterable[Batch], letters: Iterable[DeadLetter] = ()) -> None:
        """Keep batches, and rejected rows in their table; raises sqlite3.Error, and then no batch is kept."""
        self._database.add_dead_letters(letters)
        self.log.append(batches)

    def _put(self, batch: Batch, now_ns: int) -> None:
        """Have the newest row of a batch online, if it is the newest of all."""
        view = self.registry.views.get(batch.view)
        if view is None or batch.rows.shape[1] != self._checkers[view.key].width or not len(batch.times_ns):
            return  # as of a segment that somebody had his hands in
        at = int(batch.times_ns.argmax()) if len(batch.times_ns) > 1 else 0
        newest = Newest(int(batch.times_ns[at]), batch.created_ns, batch.rows[at])
        self.online.table(batch.view).put(batch.entity, newest, now_ns)

    def take(self, batch: Batch) -> None:
        """Have a checked batch in the account, and its newest row online."""
        table = self.online.table(batch.view)
        self._accounts[batch.view].took(batch.entity, batch.times_ns, batch.created_ns, table.view.period_s)
        self._put(batch, self._clock_ns())

    def push(
        self,
        view: str,
        entity: str,
        rows: npt.ArrayLike,
        times_ns: npt.ArrayLike | None = None,
        to: To = "online_and_offline",
    ) -> Pushed:
        """Add rows of one entity, as `ag06d.plugin.Features.push` says.

        Raises RequestError: `unknown_path` for the view, `bad_request` for what has another shape,
        `not_ready` when it cannot be written; then nothing was kept.
        """
        checked = self.check(view, entity, rows, times_ns)
        if to != "online":
            with _written():
                self.write([checked.batch] if checked.batch else (), checked.letters)
        if checked.batch is not None and to != "offline":
            self.take(checked.batch)
        return checked.pushed

    def references(self, features: Sequence[str] | str) -> tuple[str, ...]:
        """References as they are, or those of the service of that name; raises RequestError."""
        if isinstance(features, str):
            return self.registry.service(features).features
        return tuple(features)

    def get_online_features(
        self, features: Sequence[str] | str, entity_rows: Sequence[Mapping[str, str]]
    ) -> OnlineFeatures:
        """The newest values of `features` (references, or a service's name) for each entity row.

        An entity row says for each entity which one, such as `{"stream": "dry"}`. Raises RequestError.
        """
        plan = self.online.plan(self.references(features))
        return self.online.read(plan, entity_rows, self._clock_ns())

    def materialize(
        self,
        view: FeatureView,
        entities: Sequence[str],
        times_ns: npt.NDArray[np.int64],
        created_ns: npt.NDArray[np.int64],
        rows: npt.NDArray[Any],
    ) -> int:
        """Have rows from offline online, one of each entity, where no newer one is; how many were taken."""
        table = self.online.table(view.key)
        taken = 0
        for entity, time_ns, made_ns, row in zip(entities, times_ns, created_ns, rows, strict=True):
            there = table.rows.get(entity)
            if there is None or there.event_ns < time_ns:
                table.put(entity, Newest(int(time_ns), int(made_ns), row), self._clock_ns())
                taken += 1
        return taken

    def snapshot(self) -> Snapshot:
        """The newest rows that are not saved yet, for `save`."""
        rows = []
        for table in self.online.tables():
            for entity, newest in table.rows.items():
                if self._saved.get((table.view.key, entity)) is not newest:
                    rows.append((table.view.key, entity, newest))
        return Snapshot(tuple(rows))

    def save(self, snapshot: Snapshot, *, rotate: bool = False) -> None:
        """Save the newest rows, and with `rotate` begin a segment of the log; raises sqlite3.Error."""
        self._database.save_newest(snapshot, *self.log.position)
        self._saved.update(((view, entity), newest) for view, entity, newest in snapshot.rows)
        if rotate:
            self.log.rotate()

    def stale(self) -> list[tuple[ViewTable, bool]]:
        """The views that went stale, or are fresh again, since the last time this was asked."""
        now_ns = self._clock_ns()
        told = []
        for table in self.online.tables():
            account, stale = self._accounts[table.view.key], is_stale(table, now_ns)
            if account.stale != stale:
                account.stale = stale
                told.append((table, stale))
        return told

    def freshness(self) -> dict[str, dict[str, Any]]:
        """NAME@VERSION of each view with rows of its own to its account; see `Freshness`."""
        now_ns = self._clock_ns()
        return {
            table.view.key: self._accounts[table.view.key].document(table, now_ns)
            for table in self.online.tables()
            if table.view.source != "on_demand"
        }

    def close(self) -> None:
        """Save the newest rows and let go of the files."""
        try:
            self.save(self.snapshot())
        except sqlite3.Error as error:
            log.warning("%s: the newest rows could not be saved (%s); the log has them", self.folder, error)
        self.log.close()
        self._database.close()
        self._lock.close()


def held(folder: Path) -> IO[bytes]:
    """A file that one writer of a store has, as long as its process lives; raises OSError for a second."""
    lock = (folder / LOCK).open("wb")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise OSError(f"{folder} is written by another process") from None
    return lock


class _written:  # noqa: N801 - reads as a word where it is used
    """Makes an error of writing the answer to a request."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if isinstance(error, sqlite3.Error):
            raise RequestError(
                "not_ready", f"the feature store cannot be written: {error}", "is the disk full?"
            ) from error
