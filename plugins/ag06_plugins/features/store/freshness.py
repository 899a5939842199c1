"""How fresh a view is: how old its newest row, how late rows come, what is missing, what reads found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ag06_plugins.features.store.online import FUTURE_NS, ViewTable

GAP_PERIODS: Final = 1.5  # from row to row; what is longer is a gap


@dataclass(slots=True)
class Freshness:
    """The account of one view since the store was opened. Rows that were never pushed are in none of it.

    accepted, rejected  rows
    out_of_order        accepted rows that were older than the newest one of their entity
    gaps, missing_s     pauses of more than 1.5 periods between rows of an entity, and their time in all
    lateness_ns         of the newest row: from when it was true to when it came
    lateness_max_ns     the largest
    stale               as last told
    """

    accepted: int = 0
    rejected: int = 0
    out_of_order: int = 0
    gaps: int = 0
    missing_s: float = 0.0
    lateness_ns: int = 0
    lateness_max_ns: int = 0
    stale: bool = False
    newest_ns: dict[str, int] = field(default_factory=dict)  # of each entity

    def took(
        self, entity: str, times_ns: npt.NDArray[np.int64], created_ns: int, period_s: float | None
    ) -> None:
        """Rows of one entity were accepted."""
        newest_ns = self.newest_ns.get(entity, 0)
        if newest_ns > created_ns + FUTURE_NS:  # the clock was set back
            newest_ns = 0
        self.accepted += len(times_ns)
        if len(times_ns) == 1:
            first = last = int(times_ns[0])
        else:
            first, last = int(times_ns.min()), int(times_ns.max())
        self.lateness_ns = created_ns - last
        self.lateness_max_ns = max(self.lateness_max_ns, created_ns - first)
        self.newest_ns[entity] = max(newest_ns, last)
        if newest_ns and first < newest_ns:
            self.out_of_order += int(np.count_nonzero(times_ns < newest_ns))
        elif period_s:
            self._look_for_gaps(times_ns, newest_ns, period_s)

    def _look_for_gaps(self, times_ns: npt.NDArray[np.int64], newest_ns: int, period_s: float) -> None:
        steps = np.diff(times_ns, prepend=newest_ns or times_ns[0]) / 1e9
        longer = steps[steps > GAP_PERIODS * period_s]
        if longer.size:
            self.gaps += int(longer.size)
            self.missing_s += float((longer - period_s).sum())

    def document(self, table: ViewTable, now_ns: int) -> dict[str, Any]:
        """What is told of it; ages in seconds."""
        newest = max((row.event_ns for row in table.rows.values()), default=0)
        return {
            "entities": {
                name: {"age_s": (now_ns - row.event_ns) / 1e9} for name, row in sorted(table.rows.items())
            },
            "age_s": (now_ns - newest) / 1e9 if newest else None,
            "ttl_s": table.view.ttl_s,
            "stale": is_stale(table, now_ns),
            "reads": table.reads,
            "reads_within_ttl": table.present / table.reads if table.reads else None,
            "rows": self.accepted,
            "rejected": self.rejected,
            "out_of_order": self.out_of_order,
            "gaps": self.gaps,
            "missing_s": self.missing_s,
            "lateness_s": self.lateness_ns / 1e9,
            "lateness_max_s": self.lateness_max_ns / 1e9,
        }


def is_stale(table: ViewTable, now_ns: int) -> bool:
    """Whether no entity has a row that counts, though one had; a view without ttl_s never is."""
    newest = max((row.event_ns for row in table.rows.values()), default=0)
    return bool(newest and table.ttl_ns and now_ns - newest > table.ttl_ns)
