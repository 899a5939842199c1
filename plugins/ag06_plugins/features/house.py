"""The store of a running plugin: opened once, with its writer and workers, and seen to ten times a second."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final
from weakref import WeakKeyDictionary

from ag06_plugins.features import keeping, shipped
from ag06_plugins.features.settings import FeatureConfig
from ag06_plugins.features.store.online import ViewTable
from ag06_plugins.features.store.store import FeatureStore
from ag06_plugins.features.topics import STALE_TOPIC, STORE_TOPIC
from ag06_plugins.features.workers import Workers
from ag06_plugins.features.writer import Writer
from ag06_plugins.shared.timeline import Timeline
from ag06d.plugin import Context, Entity, FeatureService, FeatureView, RequestError

SAVE_S: Final = 10.0
FOLDER: Final = "store"


class House:
    """One life of the plugin's store.

    store, writer, workers  writer and workers are None where nothing is kept on the disk
    problems                what was declared and could not be taken, a sentence each
    """

    def __init__(self, context: Context) -> None:
        config: FeatureConfig = context.config
        self.config = config
        self.timeline = Timeline(context.clock, replay=context.lockstep)
        self._context = context
        self._scratch: tempfile.TemporaryDirectory[str] | None = None
        self._trouble = ""
        self._saved_s = 0.0
        keep = config.store.keep and (config.store.keep_replays or not context.lockstep)
        self.store, kept = self._open(keep=keep)
        self.problems = keeping.declare(self.store, config)
        for problem in self.problems:
            context.logger.error("%s", problem)
        self.writer = Writer(self.store) if kept else None
        settings = {"max_bytes": round(config.store.max_gb * 1e9)}
        self.workers = Workers(self.store.folder, settings, keep=kept) if kept else None
        if self.writer is not None:
            self.writer.declared()

    def _open(self, *, keep: bool) -> tuple[FeatureStore, bool]:
        """The store, and whether it is one that lasts; features go on without."""
        configured = self.config.store.folder
        folder = Path(configured).expanduser() if configured else self._context.data_folder / FOLDER
        if keep:
            try:
                opened = FeatureStore(
                    folder, clock_ns=self.timeline.now_ns, segment_s=self.config.store.seal_s
                )
            except (OSError, sqlite3.Error) as error:
                self._trouble = f"{folder} cannot be used: {error}"
                self._context.logger.error("store: %s; nothing is kept until a restart", self._trouble)  # noqa: TRY400 - it says why
            else:
                return opened, True
        self._scratch = tempfile.TemporaryDirectory(prefix="ag06d-features-")
        return FeatureStore(Path(self._scratch.name), clock_ns=self.timeline.now_ns), False

    def declare(
        self,
        views: Iterable[FeatureView],
        services: Iterable[FeatureService],
        entities: Iterable[Entity],
    ) -> list[str]:
        """Declare; what could not be, a sentence each. Raises RequestError if what is kept cannot be read."""
        try:
            return self.store.declare(views, services, entities)
        except sqlite3.Error as error:
            raise unreadable(error) from error
        finally:
            if self.writer is not None:
                self.writer.declared()

    def served(self) -> list[FeatureService]:
        """The services that have a topic, as they were when the plugin began."""
        declared = [*shipped.SERVICES, *self.config.service]
        there = self.store.registry.services
        return [service for service in declared if service.publish_hz and there.get(service.name) == service]

    def tick(self) -> None:
        """See to what is due."""
        self.timeline.look()
        for table, stale in self.store.stale():
            self._tell_stale(table, stale=stale)
        if self.writer is None or self.workers is None:
            return
        self.workers.poll()
        for report in self.workers.reports():
            self._context.publish(STORE_TOPIC.name, report)
        if self.writer.trouble != self._trouble:
            self._tell_trouble(self.writer)
        now_s = self._context.clock.monotonic_ns() / 1e9
        due = self.store.log.due()
        if due or now_s - self._saved_s >= SAVE_S:
            self._saved_s = now_s
            self.writer.save(self.store.snapshot(), rotate=due)

    def _tell_stale(self, table: ViewTable, *, stale: bool) -> None:
        account = self.store.freshness()[table.view.key]
        body = {"view": table.view.key, "stale": stale, "age_s": account["age_s"], "ttl_s": account["ttl_s"]}
        self._context.publish(STALE_TOPIC.name, body)

    def _tell_trouble(self, writer: Writer) -> None:
        self._trouble = writer.trouble
        level = self._context.logger.error if self._trouble else self._context.logger.warning
        level("store: %s; %d rows lost so far", self._trouble or "it can be written again", writer.lost_rows)
        self._context.publish(STORE_TOPIC.name, {"what": "writing", **self.writing()})

    def writing(self) -> dict[str, Any]:
        """How writing goes."""
        writer = self.writer
        return {
            "kept": writer is not None,
            "folder": str(self.store.folder),
            "trouble": self._trouble,
            "waiting_rows": writer.waiting_rows if writer is not None else 0,
            "lost_rows": writer.lost_rows if writer is not None else 0,
        }

    def status(self) -> dict[str, Any]:
        """The store as `features.status` tells it."""
        report = dict(self.workers.report) if self.workers is not None else {}
        return {
            "views": self.store.freshness(),
            "writing": self.writing(),
            "keeper": report,
            "problems": self.problems,
        }

    def close(self) -> None:
        """Write what waits and let go of everything; a second time does nothing."""
        if _houses.pop(self._context, None) is None:
            return
        if self.writer is not None:
            self.writer.close()
        if self.workers is not None:
            self.workers.close()
        self.store.close()
        if self._scratch is not None:
            self._scratch.cleanup()


def unreadable(error: sqlite3.Error) -> RequestError:
    """The answer where the store's database cannot be read."""
    return RequestError("not_ready", f"the feature store cannot be read: {error}", "see features.status")


_houses: WeakKeyDictionary[Context, House] = WeakKeyDictionary()


def house_of(context: Context) -> House:
    """The store of the plugin that has `context`, opened by whoever asks first."""
    house = _houses.get(context)
    if house is None:
        house = _houses[context] = House(context)
    return house
