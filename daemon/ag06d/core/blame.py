"""The account of a host's ends, and of its plugins that were put out."""

from __future__ import annotations

from ag06d._native import lib

STRIKE_S = 600.0  # ends longer ago are forgiven


class Blame:
    """Of one configured host; the parts that it is split into share it."""

    def __init__(self) -> None:
        self.ended_as: dict[str, str] = {}  # plugin that is not run, to its state
        self.reasons: dict[str, str] = {}
        self._ends: list[tuple[int, str | None]] = []  # when, and in which plugin's call

    def end(self, culprit: str | None) -> tuple[int, int]:
        """The host ended, in the call of `culprit` or in none.

        How many ends there were within the last ten minutes, and how many of them in `culprit`.
        """
        now = int(lib.ag06_now_ns())
        self._ends = [end for end in self._ends if now - end[0] < STRIKE_S * 1e9] + [(now, culprit)]
        return len(self._ends), sum(plugin == culprit for _, plugin in self._ends)

    def named(self) -> list[str | None]:
        """In whose call the host ended, time after time."""
        return [plugin for _, plugin in self._ends]

    def put_out(self, plugin: str, state: str, reason: str) -> None:
        """It is not run any more; for `quarantined`, the ends were its doing."""
        self.ended_as[plugin] = state
        self.reasons[plugin] = reason
        if state == "quarantined":
            self._ends.clear()

    def forgive(self, plugin: str) -> None:
        """It may run again, as if nothing had been."""
        self._ends.clear()
        self.reasons.pop(plugin, None)
        self.ended_as.pop(plugin, None)
