"""What a recorder takes from the rings: every frame once and in order, and silence for the lost ones."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ag06d.arena import Arena, HopReader
from ag06d.recorder.spec import SOURCES

HOP_S = 0.05
MARGIN_S = 0.25  # a reader that begins at the ring's very end would be overtaken at once


class Piece(NamedTuple):
    """The next frames, after `lost` ones that the ring has overtaken.

    `sound`: float32 of shape (frames, channels), valid until the next piece; `gap_frames`: frames that
    never arrived, by the clock, in it or just before it.
    """

    lost: int
    sound: npt.NDArray[np.float32]
    gap_frames: int


class Take:
    """Follows the rings of `source` from `position` on."""

    def __init__(self, arena: Arena, source: str, position: int) -> None:
        self.position = position
        self._arena = arena
        self._rings = SOURCES[source]
        self._hop = round(arena.rate * HOP_S)
        margin = round(arena.rate * MARGIN_S)
        overtaken = position < arena.oldest + margin and arena.oldest > 0
        self._reader = HopReader(arena, self._hop, arena.oldest + margin if overtaken else position)

    def next(self, end: int | None, timeout_s: float) -> Piece | None:
        """The piece at `position`, none of it beyond `end`; None when it did not come in time."""
        if end is not None and 0 < (rest := end - self._reader.position) < self._hop:
            self._reader = HopReader(self._arena, rest, self._reader.position)
        hop = self._reader.next(timeout_s)
        if hop is None:
            return None
        start = hop.position if end is None else min(hop.position, end)
        sound = self._sound() if end is None else self._sound()[: end - start]
        piece = Piece(start - self.position, sound, hop.gap_frames)
        self.position = start + len(sound)
        return piece

    def _sound(self) -> npt.NDArray[np.float32]:
        rings: list[Any] = [getattr(self._reader, ring) for ring in self._rings]
        return rings[0] if len(rings) == 1 else np.hstack(rings)
