"""What becomes of the extractor's rows in the store: each online at once, and all of them in the log."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from ag06_plugins.features import shipped
from ag06_plugins.features.settings import FeatureConfig
from ag06_plugins.features.store.database import DeadLetter
from ag06_plugins.features.store.log import Batch
from ag06_plugins.features.store.online import Newest
from ag06_plugins.features.store.store import FeatureStore
from ag06_plugins.features.writer import Writer
from ag06d.features import Sliding
from ag06d.plugin import FeatureService, FeatureView, Reduction

HOPS: Final = 10  # that are checked and logged together
STATISTICS_HOPS: Final = 100  # from reading to reading

Row = npt.NDArray[np.float32]


def declare(store: FeatureStore, config: FeatureConfig) -> list[str]:
    """Declare what is shipped and what is configured; what could not be, a sentence each."""
    hops = [part.view for part in shipped.parts(config.store)]
    statistics = [
        shipped.statistics(view, window_s, config.store)
        for view in hops
        for window_s in shipped.WINDOWS_S
        if config.statistics
    ]
    views: list[FeatureView] = [*hops, shipped.reduction(config.store), *statistics, *config.view]
    services: list[FeatureService] = [*shipped.SERVICES, *config.service]
    return store.declare(views, services, [shipped.STREAM, *config.entity])


def turns(entity: str) -> dict[int, int]:
    """Window to the hop within each second at which its statistics are read.

    Streams and windows take turns, so that no hop has all of them to do.
    """
    every = [(stream, window_s) for stream in shipped.STREAMS for window_s in shipped.WINDOWS_S]
    return {
        window_s: 3 + every.index((entity, window_s)) * STATISTICS_HOPS // len(every)
        for window_s in shipped.WINDOWS_S
    }


def is_logged(hops: int, window_s: int) -> bool:
    """Whether statistics that are read after so many hops are kept offline too."""
    return hops // STATISTICS_HOPS % shipped.period_s(window_s) == 0


class Keeping:
    """The rows of one stream, `entity`, at `rate` frames per second; without a writer online alone."""

    def __init__(
        self, entity: str, config: FeatureConfig, store: FeatureStore, writer: Writer | None, rate: int
    ) -> None:
        self._entity, self._store, self._writer = entity, store, writer
        self._parts = [(part.view.key, np.array(part.columns)) for part in shipped.parts(config.store)]
        self._tables = [store.online.table(key) for key, _ in self._parts]
        self._reduction = shipped.reduction(config.store).key if entity == shipped.WET else ""
        self._times: list[int] = []
        self._rows: list[Row] = []
        self._reductions: list[Reduction] = []
        self._hops = 0
        self._due = turns(entity)
        self._sliding = Sliding(windows_s=shipped.WINDOWS_S, rate=rate) if config.statistics else None

    def reset(self) -> None:
        """Frames were lost: the statistics begin afresh."""
        if self._sliding is not None:
            self._sliding.reset()

    def take(self, row: Row, reduction: Reduction, event_ns: int, *, disturbed: bool = False) -> None:
        """The extractor's row of a hop that ended at `event_ns`, and the gain reduction of each stage.

        Of a hop with a fault that was put in on purpose nothing is kept, nor learned from.
        """
        for table, (_, columns) in zip(self._tables, self._parts, strict=True):
            table.put(self._entity, Newest(event_ns, event_ns, row[columns]), event_ns)
        if disturbed:
            return
        self._times.append(event_ns)
        self._rows.append(row)
        self._reductions.append(reduction)
        self._hops += 1
        if len(self._times) >= HOPS:
            self.flush()
        if self._sliding is not None:
            self._sliding.push(row)
            for window_s, due in self._due.items():
                if self._hops % STATISTICS_HOPS == due:
                    self._take_statistics(self._sliding, window_s, event_ns)

    def flush(self) -> None:
        """Check what came since the last time, have it in the account, and log it."""
        if not self._times:
            return
        times, rows = np.array(self._times), np.array(self._rows)
        entries = [(key, rows[:, columns]) for key, columns in self._parts]
        if self._reduction:
            entries.append((self._reduction, np.array(self._reductions, dtype=np.float32)))
        self._times.clear()
        self._rows.clear()
        self._reductions.clear()
        self._keep([(key, part, times) for key, part in entries], log=True)

    def _take_statistics(self, sliding: Sliding, window_s: int, event_ns: int) -> None:
        read, times = sliding.read(window_s), np.array([event_ns])
        rows = [
            (shipped.statistics_key(key, window_s), read[columns].reshape(1, -1), times)
            for key, columns in self._parts
        ]
        self._keep(rows, log=is_logged(self._hops, window_s))

    def _keep(self, entries: list[tuple[str, Row, npt.NDArray[np.int64]]], *, log: bool) -> None:
        batches: list[Batch] = []
        letters: list[DeadLetter] = []
        for key, rows, times in entries:
            checked = self._store.check(key, self._entity, rows, times)
            letters += checked.letters
            if checked.batch is not None:
                self._store.take(checked.batch)
                batches.append(checked.batch)
        if log and self._writer is not None:
            self._writer.stream(batches, letters)
