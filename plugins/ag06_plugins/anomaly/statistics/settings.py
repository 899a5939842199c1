"""What the statistical detectors go by."""

from __future__ import annotations

from dataclasses import dataclass

from ag06_plugins.anomaly.statistics.watched import DEFAULT, Watched

DAY_S = 86400.0


@dataclass(frozen=True, slots=True)
class StatisticsSettings:
    """Settings of a `StatisticalWatch`.

    watched              the series
    false_alarms_per_day that are to be borne
    warm_up_s            of sound of a kind, under a preset, before anything is said of it
    window_s             of the same that a second is compared with
    runs_s               windows of collective anomalies, in seconds of sound of that kind, rising
    confirm              seconds in a row that must be odd before a single one is told of
    memory_s             after which a second counts for 1/e of a new one, where chances are learned
    caution              standard errors by which tails are taken for longer than they look
    contexts             kinds of sound under presets that are kept; beyond, the one unheard longest goes
    visits               of an hour of the week, before it is compared with
    seasonal_s           from one comparison with the hour of the week to the next
    """

    watched: tuple[Watched, ...] = DEFAULT
    false_alarms_per_day: float = 1.0
    warm_up_s: float = 600.0
    window_s: int = 600
    runs_s: tuple[int, ...] = (10, 60)
    confirm: int = 2
    memory_s: float = 4 * 3600.0
    caution: float = 1.5
    contexts: int = 16
    visits: int = 3
    seasonal_s: float = 600.0

    @property
    def tests(self) -> int:
        """Detectors that share the budget of false alarms."""
        return 2 + len(self.runs_s)

    @property
    def rate(self) -> float:
        """Of false alarms in a second, for each of them."""
        return self.false_alarms_per_day / DAY_S / self.tests
