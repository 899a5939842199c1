"""What is heard: silence, speech, music or noise, from a few features, hop by hop.

A hop is silence when it is hardly above the noise floor that the room had of late, so that a sound that
goes on and on becomes that only slowly. Of the rest, speech is what comes and goes (the share of quiet
hops: Saunders 1996, Scheirer and Slaney 1997), music what has a pitch or a tonal spectrum and stays, noise
what has neither. Wrong answers cost little: they are wrong in the same way tomorrow, and what is usual is
learned of each kind apart.
"""

from __future__ import annotations

from typing import Final

HEARD: Final = ("silence", "speech", "music", "noise")
ABOVE_FLOOR_DB: Final = 6.0
SILENT_DB: Final = -75.0  # whatever the floor
RISE_DB: Final = 0.1  # a second: how fast the floor of late follows one that has risen
QUIET_DB: Final = 10.0  # below the mean level of what is heard
SECONDS: Final = 3.0  # over which shares are taken
QUIET_SHARE: Final = 0.12  # of hops, from which on it is speech
TONAL_SHARE: Final = 0.35  # of hops, from which on it is music
VOICED: Final = 0.7
FLAT: Final = 0.1  # flatness below which a spectrum is tonal
HOLD_S: Final = 1.0  # from one kind to the next


class Heard:
    """Tells the kinds apart; `take` is for each hop of `hop_s` seconds in turn."""

    def __init__(self, hop_s: float = 0.01) -> None:
        self._hop_s, self._step = hop_s, hop_s / SECONDS
        self._hold = round(HOLD_S / hop_s)
        self.reset()

    def reset(self) -> None:
        """Hops were lost."""
        self._level_db, self._quiet, self._tonal = -60.0, 0.0, 0.0
        self._kind, self._held = "noise", self._hold
        self._floor_db: float | None = None

    def take(self, rms_db: float, floor_db: float, voicing: float, flatness: float) -> str:
        """The kind of a hop, one of HEARD."""
        floor = max(floor_db, SILENT_DB)
        late = floor if self._floor_db is None else min(floor, self._floor_db + RISE_DB * self._hop_s)
        self._floor_db = late
        if not rms_db > late + ABOVE_FLOOR_DB:  # NaN is silence too
            if rms_db > SILENT_DB:
                self._quiet += self._step * (1 - self._quiet)
            return "silence"
        step = self._step
        self._level_db += 4 * step * (rms_db - self._level_db)
        self._quiet += step * ((rms_db < self._level_db - QUIET_DB) - self._quiet)
        self._tonal += step * ((voicing > VOICED and flatness < FLAT) - self._tonal)
        self._held += 1
        if self._held >= self._hold:
            kind = self._told()
            if kind != self._kind:
                self._kind, self._held = kind, 0
        return self._kind

    def _told(self) -> str:
        if self._quiet > QUIET_SHARE:
            return "speech"
        return "music" if self._tonal > TONAL_SHARE else "noise"
