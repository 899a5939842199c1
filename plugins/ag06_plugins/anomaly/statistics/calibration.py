"""From scores to probabilities: the chance to see one as high in this studio's own normal sound.

Scores of each detector are kept as a histogram whose bins grow with them, sixteen to the octave, in which
what is old fades. Below the tail the chance is the share of scores as high; in the tail it is that of a
generalised Pareto distribution of what is beyond its beginning (peaks over a threshold: Pickands 1975;
fitted by probability-weighted moments: Hosking and Wallis 1987), so that it is known beyond what was ever
seen, and never 0. So that a rate of alarms holds where scores depend on each other or drift, the chance
that raises one is adapted to how often it was raised (adaptive conformal inference: Gibbs and Candès 2021,
here on a logarithmic scale, on which it stays above 0).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

LOWEST: Final = 0.5  # of a score that matters; what is less has the chance 1
OCTAVES: Final = 13
BINS_PER_OCTAVE: Final = 16
BINS: Final = OCTAVES * BINS_PER_OCTAVE
SHIFT: Final = 23 - 4  # bits of a float behind those that number its bin
FIRST: Final = int(np.float32(LOWEST).view(np.int32)) >> SHIFT
EDGES: Final = ((np.arange(BINS + 1, dtype=np.int32) + FIRST) << SHIFT).view(np.float32).astype(np.float64)
MIDDLES: Final = (EDGES[:-1] + EDGES[1:]) / 2
LEAST_SCORE, MOST_SCORE = np.float32(LOWEST), np.nextafter(np.float32(EDGES[-1]), np.float32(0))
LEAST_LOG: Final = -700.0  # of a probability: what is less is not told apart
LEAST_LOG_FLOAT: Final = -87.0  # likewise, as a float32
TAIL_SHARE, TAIL_LEAST, TAIL_MOST = 0.02, 50.0, 0.1  # of scores, their number, and again their share
SHAPE_MOST: Final = 0.7  # of the tail: heavier ones have no mean to speak of
LEAST_INDEPENDENT: Final = 0.1  # of the scores in a tail, for the caution that is due
WEIGHT_MOST: Final = 1e9
SHAPE_PRIOR, SHAPE_PRIOR_COUNT = 0.1, 20.0
REFRESH_ROWS: Final = (32, 4096)  # in which all are fitted anew: a sixteenth of what was seen, within these
TURN: Final = 16  # detectors that are fitted at once; they take turns, so that no row costs much more

Scores = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class CalibrationSettings:
    """How a calibration learns.

    rate         of alarms that is to hold, as a share of scores
    memory_rows  after which a score counts for 1/e of a new one
    least_rows   scores before anything is said
    step         how far, on a logarithmic scale, an alarm lowers the chance that raises the next; 0 for not
    lowest       the least share of `rate` that this chance may become
    highest      the most
    dependence   rows that say no more together than one that depends on no other
    caution      standard errors by which the tail is taken for longer than it looks
    """

    rate: float = 0.01
    memory_rows: float = 100_000.0
    least_rows: int = 200
    step: float = 0.05
    lowest: float = 0.1
    highest: float = 3.0
    dependence: float = 1.0
    caution: float = 0.0


class Calibration:
    """Probabilities of the scores of `count` detectors, each by its own history.

    Scores are float32 of shape (count,), 0 or more, higher for what is odder; NaN is left out. Memory is the
    same however many there were.
    """

    def __init__(self, count: int, settings: CalibrationSettings | None = None) -> None:
        self.settings = settings or CalibrationSettings()
        self.count = count
        self._histograms = np.zeros((count, BINS + 1))  # behind the bins, what is left out
        self._weight = 1.0  # of a score that comes now
        self._growth = math.exp(1 / self.settings.memory_rows)
        self._flat_histograms = self._histograms.reshape(-1)
        self._seen = np.zeros(count, dtype=np.int64)
        self._unknown = np.full(count, np.nan, dtype=np.float32)  # NaN while nothing can be said, then 0
        self._log_factor = np.zeros(count)
        self._table = np.zeros((count, BINS + 1), dtype=np.float32)  # logarithms of chances, at EDGES
        self._flat_table = self._table.reshape(-1)
        self._starts = np.arange(count) * (BINS + 1)
        self._rows = 0
        self._next = 0  # the detector that is fitted anew next
        self._turns, self._owed = math.ceil(count / TURN), 0.0  # in all, and that are due
        self._log_rate = math.log(self.settings.rate)
        self._least, self._most = math.log(self.settings.lowest), math.log(self.settings.highest)

    def log_p(self, scores: Scores) -> Scores:
        """Natural logarithm of the chance of each score, (..., count); NaN where nothing can be said yet."""
        values = np.asarray(scores, dtype=np.float32)
        bins, share = _places(values)
        return self._look_up(values, bins, share)

    def p(self, scores: Scores) -> Scores:
        """The chance of each score, likewise: above 0, and at most 1."""
        return np.exp(np.maximum(self.log_p(scores), LEAST_LOG_FLOAT))

    def is_alarm(self, log_p: Scores) -> Flags:
        """Which chances are as small as those that are to come at the rate that was set."""
        return np.asarray(log_p <= self._log_rate + self._log_factor)

    def push(self, scores: Scores) -> tuple[Scores, Flags]:
        """What `log_p` and `is_alarm` say of a row of scores; then it is learned, and the rate adapted."""
        values = np.asarray(scores, dtype=np.float32)
        bins, share = _places(values)
        log_p = self._look_up(values, bins, share)
        alarms = self.is_alarm(log_p)
        self._learn(values, bins)
        if self.settings.step:
            self.adapt(alarms, log_p == log_p)  # noqa: PLR0124 - not NaN, in the shortest way
        return log_p, alarms

    def learn(self, scores: Scores) -> None:
        """Take in a row of scores."""
        values = np.asarray(scores, dtype=np.float32)
        self._learn(values, _places(values)[0])

    def _look_up(self, values: Scores, bins: Places, share: Scores) -> Scores:
        at = bins + self._starts
        low = self._flat_table.take(at)
        found = low + share * (self._flat_table.take(at + 1) - low)
        found += self._unknown + (values - values)  # NaN where one is
        return np.asarray(found, dtype=np.float32)

    def _learn(self, values: Scores, bins: Places) -> None:
        there = values == values  # noqa: PLR0124 - not NaN, in the shortest way
        at = self._starts + (bins if there.all() else np.where(there, bins, BINS))
        self._flat_histograms[at] += self._weight
        self._seen += there
        self._weight *= self._growth
        self._rows += 1
        few, many = REFRESH_ROWS
        self._owed += self._turns / min(max(few, self._rows // 16), many)
        while self._owed >= 1:
            self._owed -= 1
            self._fit(slice(self._next, self._next + TURN))
            self._next = self._next + TURN if self._next + TURN < self.count else 0

    def adapt(self, alarms: Flags, counted: Flags) -> None:
        """Lower the chance that raises an alarm where there was one, and raise it a little elsewhere."""
        moved = self._log_factor + self.settings.step * (self.settings.rate * counted - alarms)
        self._log_factor = np.minimum(np.maximum(moved, self._least), self._most)

    def threshold(self, rate: float | None = None) -> Floats:
        """The score of each detector beyond which the share `rate` lies; without one, as is_alarm goes by.

        NaN where nothing can be said yet; infinite beyond the largest score that is told apart.
        """
        chances = self._log_rate + self._log_factor if rate is None else math.log(rate)
        wanted = np.broadcast_to(chances, (self.count,))
        found = np.empty(self.count)
        for index, (table, chance) in enumerate(zip(self._table, wanted, strict=True)):
            falling = np.minimum.accumulate(table)
            found[index] = np.interp(-chance, -falling, EDGES, right=np.inf)
        found[np.isnan(self._unknown)] = np.nan
        return found

    def refresh(self) -> None:
        """Fit all tails anew, and what is looked up; `learn` does a few at a time."""
        self._histograms /= self._weight
        self._weight = 1.0
        self._fit(slice(0, self.count))

    def _fit(self, which: slice) -> None:
        if self._weight > WEIGHT_MOST:
            self._histograms /= self._weight
            self._weight = 1.0
        self._table[which] = _log_chances(self._histograms[which, :BINS] / self._weight, self.settings)
        self._unknown[which] = np.where(self._seen[which] < self.settings.least_rows, np.nan, 0)

    @property
    def seen(self) -> npt.NDArray[np.int64]:
        """How many scores of each detector were learned."""
        return self._seen.copy()

    def state(self) -> dict[str, npt.NDArray[np.generic]]:
        """All that was learned, as arrays."""
        self.refresh()
        return {
            "histograms": self._histograms[:, :BINS].astype(np.float32),
            "seen": self._seen.copy(),
            "log_factor": self._log_factor.copy(),
        }

    def restore(self, state: Mapping[str, npt.NDArray[np.generic]]) -> None:
        """Go on from a `state`. Raises ValueError for what is none, and KeyError; nothing is taken then."""
        shapes = {"histograms": (self.count, BINS), "seen": (self.count,), "log_factor": (self.count,)}
        taken = {name: np.asarray(state[name], dtype=np.float64) for name in shapes}
        for name, values in taken.items():
            if values.shape != shapes[name] or not np.isfinite(values).all():
                raise ValueError(f"{name} of shape {values.shape}; they are to be {shapes[name]}, and finite")
        if (taken["histograms"] < 0).any() or (taken["seen"] < 0).any():
            raise ValueError("histograms and seen are to be counts; some are below 0")
        self._histograms[:, :BINS], self._histograms[:, BINS] = taken["histograms"], 0
        self._seen = taken["seen"].astype(np.int64)
        self._log_factor = np.clip(taken["log_factor"], self._least, self._most)
        self._rows = int(self._seen.max(initial=0))
        self.refresh()


def _places(values: Scores) -> tuple[Places, Scores]:
    """The bin of each score, and how far into it the score is, 0 to 1; the first one for NaN."""
    bits = np.fmin(np.fmax(values, LEAST_SCORE), MOST_SCORE).view(np.int32)
    share = (bits & ((1 << SHIFT) - 1)) * np.float32(2.0**-SHIFT)
    return (bits >> SHIFT).astype(np.intp) - FIRST, share


def _log_chances(histograms: Floats, settings: CalibrationSettings) -> Scores:
    """Logarithms of the chances to be at or beyond each of EDGES, (detectors, BINS + 1)."""
    beyond = np.zeros((len(histograms), BINS + 1))
    beyond[:, :BINS] = np.cumsum(histograms[:, ::-1], axis=1)[:, ::-1]
    total = beyond[:, :1]
    body = np.log((beyond + 1) / (total + 1))
    wanted = np.clip(TAIL_SHARE * total, TAIL_LEAST, None)
    wanted = np.minimum(wanted, np.maximum(TAIL_MOST * total, 1))
    begins = np.maximum((beyond >= wanted).sum(axis=1) - 1, 0)  # the last edge with as many beyond it
    at_begin = np.take_along_axis(body, begins[:, None], axis=1)
    away = np.maximum(EDGES[None, :] - EDGES[begins][:, None], 0)
    shape, scale = _tails(histograms, beyond, begins)
    independent = np.take_along_axis(beyond, begins[:, None], axis=1) / settings.dependence
    scale *= 1 + settings.caution / np.sqrt(np.maximum(independent, LEAST_INDEPENDENT))
    tail = at_begin - np.log1p(shape * away / scale) / shape
    is_tail = np.arange(BINS + 1)[None, :] >= begins[:, None]
    return np.maximum(np.where(is_tail, tail, body), LEAST_LOG).astype(np.float32)


def _tails(histograms: Floats, beyond: Floats, begins: npt.NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Shape and scale of generalised Pareto distributions of what is beyond the edges `begins`."""
    is_tail = np.arange(BINS)[None, :] >= begins[:, None]
    counts = np.where(is_tail, histograms, 0)
    number = np.maximum(counts.sum(axis=1), 1e-9)
    away = MIDDLES[None, :] - EDGES[begins][:, None]
    higher = (beyond[:, 1:] + histograms / 2) / number[:, None]  # share of the tail above each
    mean = (counts * away).sum(axis=1) / number
    weighted = (counts * away * higher).sum(axis=1) / number
    with np.errstate(divide="ignore", invalid="ignore"):
        shape = np.nan_to_num(2 - mean / (mean - 2 * weighted), nan=0.0, posinf=0.0, neginf=0.0)
    trust = number / (number + SHAPE_PRIOR_COUNT)
    shape = np.clip(trust * shape + (1 - trust) * SHAPE_PRIOR, 1e-3, SHAPE_MOST)
    scale = np.maximum(mean * (1 - shape), (MIDDLES - EDGES[:-1])[np.minimum(begins, BINS - 1)])
    return shape[:, None], scale[:, None]
