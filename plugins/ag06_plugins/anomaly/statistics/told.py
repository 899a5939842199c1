"""The findings of one detector: begun when a chance is small enough, told while it stays small, and ended."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

from ag06_plugins.anomaly.finding import Finding, Severity
from ag06_plugins.anomaly.statistics.evidence import Evidence

END_P: Final = 0.01  # from which on a second is as usual
END_ROWS: Final = 5  # such seconds, one after the other
AWAY, FAR = 4.0, 8.0  # deviations that matter, and that anybody hears
LONG_S, LONGER_S = 10.0, 60.0

Key = tuple[str, str]  # preset, what is heard


class Told:
    """At most one finding at a time.

    detector  its name
    confirm   seconds in a row that are needed to begin
    rate      samples per second
    quiet_s   after which it is over when nothing is heard of it
    rest_s    after it ended, in which none begins: one change shows in one kind of sound after the other
    """

    def __init__(
        self, detector: str, rate: int, confirm: int = 1, quiet_s: float = 30.0, rest_s: float = 300.0
    ) -> None:
        self._detector, self._rate, self._confirm = detector, rate, confirm
        self._quiet = round(quiet_s * rate)
        self._rest, self._ready = round(rest_s * rate), 0
        self._odd: dict[Key, list[int]] = {}  # where the seconds began that were odd just now
        self._usual = self._last = 0
        self._open: Finding | None = None
        self._key: Key = ("", "")
        self._farthest = 0.0

    @property
    def is_open(self) -> bool:
        """Whether something is found."""
        return self._open is not None

    def see(
        self, key: Key, log_p: float, limit: float, span: tuple[int, int], evidence: Evidence
    ) -> Finding | None:
        """A second of the context `key`, from and to the samples `span`, whose chance is `log_p`.

        It counts when that is at most `limit`, a logarithm too. Returns the finding if it ends by it.
        """
        if self._open is not None and key != self._key:
            return None
        if self._open is None:
            self._begin(key, log_p, limit, span, evidence)
            return None
        self._last = span[1]
        self._usual = 0 if log_p <= math.log(END_P) else self._usual + 1  # NaN is as usual
        if self._usual >= END_ROWS:
            return self.end(max(span[1], self._open.end))
        surprise = -log_p / math.log(10)
        self._farthest = max(self._farthest, evidence.deviations)
        if surprise > self._open.value:
            self._open = replace(
                self._open, value=surprise, score=-math.expm1(log_p), evidence=dict(evidence.details)
            )
        return None

    def as_usual(self, key: Key) -> None:
        """A second of a context that was as usual, while nothing is open."""
        self._odd.pop(key, None)

    def tell(self, position: int) -> Finding | None:
        """The finding that lasts until the sample `position`; None if there is none."""
        if self._open is None:
            return None
        if position - self._last > self._quiet:
            return self.end(position)
        lasted_s = (position - self._open.start) / self._rate
        self._open = replace(self._open, end=position, severity=severity(self._farthest, lasted_s))
        return self._open

    def end(self, position: int) -> Finding | None:
        """The finding that ends now; None if there is none."""
        ended = self._open and replace(self._open, end=position, ended=True)
        self._open, self._usual = None, 0
        self._odd.clear()
        self._ready = position + self._rest
        return ended

    def _begin(self, key: Key, log_p: float, limit: float, span: tuple[int, int], evidence: Evidence) -> None:
        if not log_p <= limit or span[0] < self._ready:  # NaN is not either
            self.as_usual(key)
            return
        began = self._odd.setdefault(key, [])
        began.append(span[0])
        if len(began) < self._confirm:
            return
        self._key, self._last, first = key, span[1], began[0]
        self._usual, self._farthest = 0, evidence.deviations
        self._open = Finding(
            detector=self._detector,
            kind="unusual",
            channel=evidence.channel,
            start=first,
            end=span[1],
            value=-log_p / math.log(10),
            unit="-log10 p",
            threshold=-limit / math.log(10),
            score=-math.expm1(log_p),
            severity=severity(self._farthest, (span[1] - first) / self._rate),
            feature=evidence.feature,
            evidence=dict(evidence.details),
        )


def severity(deviations: float, lasted_s: float) -> Severity:
    """From how far the farthest feature is from what is usual, and how long."""
    if deviations >= FAR and lasted_s >= LONGER_S:
        return "high"
    return "medium" if deviations >= FAR or (deviations >= AWAY and lasted_s >= LONG_S) else "low"
