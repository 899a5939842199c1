"""The statistical watch: rows of features in, hop by hop, and what is odd about them out.

Hops are sorted by what is heard (and by the preset), and a second's worth of the same kind is one row of it:
speech is compared with speech, and the pauses between words with pauses, in which a fan is heard best.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ag06_plugins.anomaly.finding import Finding
from ag06_plugins.anomaly.statistics.baseline import DETECTORS_OF_ROWS, Baseline, State, Verdict
from ag06_plugins.anomaly.statistics.evidence import evidence_of, season_evidence
from ag06_plugins.anomaly.statistics.heard import Heard
from ag06_plugins.anomaly.statistics.seasonal import SeasonalDetector
from ag06_plugins.anomaly.statistics.settings import StatisticsSettings
from ag06_plugins.anomaly.statistics.told import Told
from ag06_plugins.anomaly.statistics.watched import Picked, Watched
from ag06d.anomaly import IsolationForest

WHOLE: Final = ("ensemble", "collective", "seasonal")  # detectors that raise findings
DETECTORS: Final = (*DETECTORS_OF_ROWS, *WHOLE)
FACTOR_MOST: Final = 1e4
# What each tells of, and how far some feature must be away, in deviations, besides being unlikely.
KINDS: Final = {"ensemble": ("point", "deviations", 4.0), "collective": ("collective", "lean", 1.5)}
SEASONAL: Final = ("short_term_lufs", "left.noise_floor_db", "right.noise_floor_db")

Row = npt.NDArray[np.float32]
Key = tuple[str, str]  # preset, what is heard


@dataclass(slots=True)
class WatchCounts:
    """Hops that came, those after which some were missing, values that were no numbers, states not taken."""

    rows: int = 0
    gaps: int = 0
    left_out: int = 0
    refused_states: int = 0


@dataclass(slots=True)
class _Second:
    """Hops of one kind that are not yet a row."""

    sums: npt.NDArray[np.float64]
    missing: npt.NDArray[np.int64]  # values of each series that were no numbers
    hops: int = 0
    start: int = 0


@dataclass(slots=True)
class _Context:
    baseline: Baseline
    second: _Second
    last: Verdict | None = field(default=None)


class StatisticalWatch:
    """What is unusual in the sound, by what it was like until now.

    columns   names of the extractor's columns, in the order of the rows
    settings  what it goes by
    hop       samples of a row
    rate      samples per second
    forest    that is asked of seconds, too; grown on such as `second`. It may be replaced at any time
    second    means of the series over the second that was full with the last hop, (series,); else None
    """

    def __init__(
        self,
        columns: Sequence[str],
        settings: StatisticsSettings | None = None,
        hop: int = 480,
        rate: int = 48000,
    ) -> None:
        self.settings = settings or StatisticsSettings()
        self.counts = WatchCounts()
        self.forest: IsolationForest | None = None
        self.second: Row | None = None
        self._picked = Picked(columns, self.settings.watched)
        self._hop, self._row_hops = hop, max(round(rate / hop), 1)  # a second of them is a row
        self._next = -1  # position of the next hop if none is missing
        self._heard = Heard(hop / rate)
        self._contexts: dict[Key, _Context] = {}
        self._factors = dict.fromkeys(DETECTORS, 1.0)
        self._lenience = np.zeros(len(DETECTORS_OF_ROWS), dtype=np.float32)
        self._told = {
            "ensemble": Told("ensemble", rate, self.settings.confirm),
            "collective": Told("collective", rate),
            "seasonal": Told("seasonal", rate, quiet_s=2 * self.settings.seasonal_s),
        }
        names = [series.column for series in self.watched]
        self._seasonal_at = [names.index(name) for name in SEASONAL if name in names]
        self._seasonal = self._new_season()
        self._now = ""
        self._work: deque[Generator[None, None, list[Finding | None]]] = deque()

    @property
    def watched(self) -> tuple[Watched, ...]:
        """The series, in their order."""
        return self._picked.watched

    def take(self, row: Row, position: int, wall_s: float, context: str = "") -> list[Finding]:
        """A hop's row of features, (columns,), whose first sample is at `position`, heard at `wall_s`.

        `context` is the preset, or whatever else tells apart what is usual. Returns what lasts, and once what
        ended.
        """
        if self._next not in (-1, position):
            self.gap()
        self._next = position + self._hop
        self.counts.rows += 1
        values = self._picked.take(row)
        classed = self._picked.classed(row)
        self._now = "sound" if classed is None else self._heard.take(*classed)
        key = (context, self._now)
        found = self._context(key)
        self.second = None
        if self._add(found.second, values, position):
            self.second, span = self._close(found.second)
            self._work.append(self._judge(key, found, wall_s, self.second, span))
        ended = self._advance()
        lasting = [told.tell(self._next) for told in self._told.values()]
        return [finding for finding in (*ended, *lasting) if finding is not None]

    def gap(self) -> None:
        """Hops are missing: what runs on from one to the next begins afresh."""
        self.counts.gaps += 1
        self._finish()
        self._heard.reset()
        for context in self._contexts.values():
            context.baseline.gap()
            context.second.hops = 0

    def set_threshold_factor(self, detector: str, factor: float) -> None:
        """Ask of a detector that a chance be by `factor` smaller, 1 to 10,000, before it counts.

        Raises KeyError for a detector that is none of DETECTORS.
        """
        if detector not in self._factors:
            raise KeyError(f"no detector is called {detector!r}; there are {', '.join(DETECTORS)}")
        self._factors[detector] = min(max(factor, 1.0), FACTOR_MOST)
        self._lenience[:] = [math.log(self._factors[name]) for name in DETECTORS_OF_ROWS]

    def scores(self) -> dict[str, Any]:
        """For a status: what is heard, what lasts, and of each context its seconds and newest chances.

        Chances are as -log10 p; a context is warm when something is said of it.
        """
        contexts = [
            {
                "context": key[0],
                "heard": key[1],
                "seconds": context.baseline.rows,
                "warm": context.baseline.rows >= self.settings.warm_up_s,
                **_zeros(context.last),
            }
            for key, context in self._contexts.items()
        ]
        return {
            "heard": self._now,
            "contexts": contexts,
            "open": [n for n, t in self._told.items() if t.is_open],
        }

    def state(self) -> State:
        """All that was learned, as arrays; `restore` takes it. It takes milliseconds: not for every hop."""
        self._finish()
        found: State = {
            "names": np.array([series.column for series in self.watched]),
            "contexts": np.array([list(key) for key in self._contexts]).reshape(-1, 2),
        }
        for index, context in enumerate(self._contexts.values()):
            found |= {f"{index}/{name}": value for name, value in context.baseline.state().items()}
        found |= {f"season/{name}": value for name, value in self._seasonal.state().items()}
        return found

    def restore(self, state: Mapping[str, npt.NDArray[np.generic]]) -> bool:
        """Go on from a `state`; False, counted, and as before when it is of other series, or none."""
        fresh: dict[Key, _Context] = {}
        season = self._new_season()
        try:
            if [str(name) for name in state["names"]] != [series.column for series in self.watched]:
                raise ValueError("this is of other series")  # noqa: TRY301 - one way of refusing
            for index, (preset, heard) in enumerate(state["contexts"]):
                made = self._new_context()
                made.baseline.restore(_under(state, f"{index}/"))
                fresh[str(preset), str(heard)] = made
            season.restore(_under(state, "season/"))
        except (KeyError, ValueError, TypeError):
            self.counts.refused_states += 1
            return False
        self._work.clear()
        self._contexts, self._seasonal = fresh, season
        return True

    def _new_season(self) -> SeasonalDetector:
        resolutions = self._picked.resolutions[self._seasonal_at]
        return SeasonalDetector(resolutions, self.settings.visits, self.settings.seasonal_s)

    def _context(self, key: Key) -> _Context:
        found = self._contexts.get(key)
        if found is None:
            while len(self._contexts) >= self.settings.contexts:
                del self._contexts[next(iter(self._contexts))]
            found = self._contexts[key] = self._new_context()
        return found

    def _new_context(self) -> _Context:
        count = len(self.watched)
        second = _Second(np.zeros(count), np.zeros(count, dtype=np.int64))
        return _Context(Baseline(self._picked.resolutions, self.settings), second)

    def _add(self, second: _Second, values: Row, position: int) -> bool:
        """Take a hop into its second; whether that is full."""
        if second.hops == 0:
            second.sums[:], second.missing[:], second.start = 0, 0, position
        second.hops += 1
        if math.isfinite(values.dot(values)):  # quicker than to look at each
            second.sums += values
            return second.hops >= self._row_hops
        there = np.isfinite(values)
        self.counts.left_out += int(len(values) - there.sum())
        second.sums[there] += values[there]
        second.missing += ~there
        return second.hops >= self._row_hops

    def _close(self, second: _Second) -> tuple[Row, tuple[int, int]]:
        """Of a second that is full, the means, and the samples from and to which it was heard."""
        counts, second.hops = second.hops - second.missing, 0
        with np.errstate(invalid="ignore"):
            row = np.asarray(second.sums / counts, dtype=np.float32)
        return row, (second.start, self._next)

    def _advance(self) -> list[Finding | None]:
        """What ended by the next part of what is to be judged, one a hop: no hop has all of it to do."""
        if not self._work:
            return []
        try:
            next(self._work[0])
        except StopIteration as done:
            self._work.popleft()
            ended: list[Finding | None] = done.value
            return ended
        return []

    def _finish(self) -> None:
        """All that is to be judged at once; what ends is no longer told."""
        while self._work:
            self._advance()

    def _judge(
        self, key: Key, context: _Context, wall_s: float, row: Row, span: tuple[int, int]
    ) -> Generator[None, None, list[Finding | None]]:
        """Part by part, a second that is full: what ends by it. What begins is told of with what lasts."""
        if self._contexts.get(key) is context:
            self._contexts[key] = self._contexts.pop(key)  # the newest is the last
        verdict = context.last = yield from context.baseline.judge(row, self._lenience, self.forest)
        ended = [self._compare_season(row, wall_s, span)]
        if context.baseline.rows < self.settings.warm_up_s:
            return ended
        run = min((log_p for log_p in verdict.runs if not math.isnan(log_p)), default=math.nan)
        for name, log_p in (("ensemble", verdict.row), ("collective", run)):
            limit, told = self._limit(name), self._told[name]
            kind, away, least = KINDS[name]
            is_far = bool(np.abs(getattr(verdict, away)).max() >= least)
            if told.is_open or (log_p <= limit and is_far):
                seen = evidence_of(kind, key, row, verdict, self.watched)
                ended.append(told.see(key, log_p, limit, span, seen))
            else:
                told.as_usual(key)
        return ended

    def _compare_season(self, row: Row, wall_s: float, span: tuple[int, int]) -> Finding | None:
        compared = self._seasonal.take(row[self._seasonal_at], wall_s)
        if compared is None:
            return None
        log_p, deviations = compared
        limit = self._limit("seasonal", self.settings.seasonal_s)
        series = [self.watched[index] for index in self._seasonal_at]
        return self._told["seasonal"].see(
            ("", ""), log_p, limit, span, season_evidence(series, row[self._seasonal_at], deviations)
        )

    def _limit(self, detector: str, every_s: float = 1.0) -> float:
        """The logarithm of the chance from which on it counts; `every_s` seconds it looks once."""
        return math.log(min(self.settings.rate * every_s / self._factors[detector], 0.1))


def _zeros(verdict: Verdict | None) -> dict[str, float]:
    if verdict is None:
        return {}
    names = ("row", *(f"run_{index}" for index in range(len(verdict.runs))))
    logs = (verdict.row, *verdict.runs)
    return {name: -log_p / math.log(10) for name, log_p in zip(names, logs, strict=True) if log_p == log_p}  # noqa: PLR0124


def _under(state: Mapping[str, npt.NDArray[np.generic]], prefix: str) -> State:
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
