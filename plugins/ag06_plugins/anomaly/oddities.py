"""What is odd by this studio's own history: features to the statistical watch, and what it learned."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from ag06_plugins.anomaly.finding import Finding
from ag06_plugins.anomaly.forest import Refitter, Timing
from ag06_plugins.anomaly.settings import StatisticsConfig
from ag06_plugins.anomaly.statistics.settings import StatisticsSettings
from ag06_plugins.anomaly.statistics.statefile import State, load_state, save_state
from ag06_plugins.anomaly.statistics.watch import WHOLE, StatisticalWatch
from ag06_plugins.anomaly.statistics.watched import CLASSED, DEFAULT
from ag06d.features import elements
from ag06d.plugin import Context, FeatureService, RequestError

ZEROS_MOST: Final = 4.0  # by which labels make a chance smaller before it is told
SERVICE: Final = "anomaly"
ENTITIES: Final = {"stream": "dry"}
FILE: Final = "statistics.learned"
FOREST_FOLDER: Final = "forest"
SAVE_S: Final = 300.0
SECONDS: Final = Timing(every=1)  # each row that is offered is a second

_GROUPS: Final = {name: feature.group for name, feature in elements()}
COLUMNS: Final = tuple(  # group by group, for each is read of the store in one piece
    sorted(
        {*(name for series in DEFAULT for name in (series.column, series.beside) if name), *CLASSED},
        key=lambda column: (_GROUPS[column], column),
    )
)


def service() -> FeatureService:
    """What is read of the store at every hop."""
    return FeatureService(
        name=SERVICE,
        features=tuple(f"{_GROUPS[column]}:{column}" for column in COLUMNS),
        entities=ENTITIES,
        owner=SERVICE,
        description="What the statistical detectors of the plugin anomaly watch",
    )


class Oddities:
    """The statistical detectors and the forest, with what they learned in files of their own.

    A replay grows no forest: it is to be the same each time, and to keep nothing.

    unread   hops of which the store could tell nothing
    trouble  what is wrong with the file
    """

    def __init__(self, context: Context, config: StatisticsConfig) -> None:
        self._context = context
        settings = StatisticsSettings(
            false_alarms_per_day=config.false_alarms_per_day, warm_up_s=config.warm_up_s
        )
        self.watch = StatisticalWatch(COLUMNS, settings, context.hop, context.rate)
        self._path: Path | None = None if context.lockstep else context.data_folder / FILE
        self.unread = 0
        self.trouble = self._store_trouble = ""
        self._row = np.empty(len(COLUMNS), dtype=np.float32)
        self._saved_s = context.clock.monotonic_ns() / 1e9
        self._saving: threading.Thread | None = None
        self._refitter = None if context.lockstep else self._new_refitter()
        self._restore()

    def take(self, position: int, wall_s: float, preset: str) -> list[Finding]:
        """What is odd about the hop at `position`."""
        try:
            found = self._context.features.get_online_features(SERVICE, [ENTITIES])
        except RequestError as error:
            self.unread += 1
            self._store_trouble = error.message
            return []
        self._store_trouble = ""
        row, statuses = self._row, found.statuses[0]
        row[:] = found.values[0]
        if statuses.any():
            row[statuses != 0] = np.nan
        findings = self.watch.take(row, position, wall_s, preset)
        if self._refitter is not None and self.watch.second is not None:
            self._refitter.offer(self.watch.second)
        return findings

    def ask_for_more(self, part: float) -> None:
        """Have a chance be smaller before it is told: by `part`, 0 to 1, of ZEROS_MOST zeros."""
        for detector in WHOLE:
            self.watch.set_threshold_factor(detector, 10 ** (ZEROS_MOST * part))

    def tick(self) -> None:
        """Keep what was learned, now and then, and take in a forest that has grown meanwhile."""
        if self._refitter is not None and (forest := self._refitter.poll()) is not None:
            self.watch.forest = forest
        now_s = self._context.clock.monotonic_ns() / 1e9
        if now_s - self._saved_s >= SAVE_S:
            self._saved_s = now_s
            self._save()

    def status(self) -> dict[str, Any]:
        """How it stands."""
        counts = self.watch.counts
        return {
            **self.watch.scores(),
            "hops": counts.rows,
            "gaps": counts.gaps,
            "left_out": counts.left_out,
            "unread": self.unread,
            "trouble": self.trouble or self._store_trouble,
            "warm_up_s": self.watch.settings.warm_up_s,
            "forest": self._forest_status(),
        }

    def _forest_status(self) -> dict[str, Any] | None:
        """How the forest stands; None where there is none, and none is grown."""
        if self._refitter is None:
            return None
        state, forest = self._refitter.state(), self.watch.forest
        return {**state, "asked": forest is not None, "trees": forest.trees if forest is not None else 0}

    def close(self) -> None:
        """Keep what was learned, and grow no more."""
        if self._refitter is not None:
            self._refitter.close()
            self._refitter = None
        self._save()
        if self._saving is not None:
            self._saving.join(timeout=2.0)

    def _new_refitter(self) -> Refitter | None:
        folder = self._context.data_folder / FOREST_FOLDER
        columns = [series.column for series in self.watch.watched]
        clock = self._context.clock
        try:
            return Refitter(folder, columns, SECONDS, lambda: clock.monotonic_ns() / 1e9)
        except OSError as error:
            self._tell(f"no forest is grown, for there is no memory for its rows: {error.strerror}")
            return None

    def _restore(self) -> None:
        if self._path is None:
            return
        try:
            state = load_state(self._path)
        except FileNotFoundError:
            return
        except (OSError, ValueError) as error:
            self._tell(f"{error}; it is learned anew")
            return
        if not self.watch.restore(state):
            self._tell(f"{self._path}: is of other features; it is learned anew")

    def _save(self) -> None:
        if self._path is None or (self._saving is not None and self._saving.is_alive()):
            return
        state = {name: np.array(value) for name, value in self.watch.state().items()}
        self._saving = threading.Thread(target=self._write, args=(self._path, state), daemon=True)
        self._saving.start()

    def _write(self, path: Path, state: Mapping[str, Any] | State) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            save_state(path, state)
        except OSError as error:
            self._tell(f"{path}: what was learned cannot be kept: {error.strerror}")
        else:
            self.trouble = ""

    def _tell(self, trouble: str) -> None:
        if trouble != self.trouble:
            self._context.logger.warning("%s", trouble)
        self.trouble = trouble
