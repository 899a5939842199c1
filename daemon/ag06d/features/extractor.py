"""The extractor of native/, for arrays: the same numbers hop by hop and over a whole recording."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from ag06d._native import ffi, lib
from ag06d.features.catalogue import GROUPS, SIGNALS, elements

STEREO = 2
FLOATS, HOPS = ffi.typeof("float[]"), ffi.typeof("ag06_hop_features[]")
ROW = ffi.sizeof("ag06_hop_features") // ffi.sizeof("float")
Array = npt.NDArray[np.float32]


class Extractor:
    """Features of a stream of one or two channels, at every hop of 10 ms.

    rate      frames per second, 8000 to 192000
    channels  1, or 2: then features of `left`, `right` and `mid`, else of `left` alone
    groups    of GROUPS; the features of others are 0
    rolloff   share of the energy below `spectral_rolloff`

    Raises ValueError for anything else. `fields` names the elements of a row.
    """

    def __init__(
        self, rate: int, channels: int = 2, groups: Iterable[str] = tuple(GROUPS), rolloff: float = 0.85
    ) -> None:
        wanted = set(groups)
        if unknown := wanted - set(GROUPS):
            raise ValueError(
                f"no group of features is called {min(unknown)!r}; there are {', '.join(GROUPS)}"
            )
        mask = sum(GROUPS[group] for group in wanted)
        made = lib.ag06_features_new(rate, channels, mask, rolloff) if channels in (1, 2) else ffi.NULL
        if not made:
            raise ValueError(
                f"features of {channels} channels at {rate} Hz with rolloff {rolloff:g}: channels is 1 or 2, "
                "rate 8000 to 192000, rolloff above 0 and at most 1"
            )
        self._features = ffi.gc(made, lib.ag06_features_free)
        self._shapes = ((STEREO,),) if channels == STEREO else ((), (1,))
        self._wanted = f"(frames, {channels})"
        self.hop = int(lib.ag06_features_hop(made))
        self.window = int(lib.ag06_features_window(made))
        self.fields = tuple(name for name, _ in elements(SIGNALS if channels == STEREO else SIGNALS[:1]))

    def reset(self) -> None:
        """Forget the past, as after frames were lost."""
        lib.ag06_features_reset(self._features)

    def extract(self, sound: Array) -> Array:
        """Features of every whole hop of `sound`; what is left over at its end is not looked at.

        `sound` is float32 of shape (frames,) or (frames, channels), full scale 1. Returns float32 of
        shape (hops, len(fields)).
        """
        frames = np.ascontiguousarray(sound, dtype=np.float32)
        if frames.shape[1:] not in self._shapes:
            raise ValueError(f"sound of shape {frames.shape}; it is to be {self._wanted}")
        hops = len(frames) // self.hop
        rows = np.empty((hops, ROW), dtype=np.float32)
        lib.ag06_features_extract(
            self._features, ffi.from_buffer(FLOATS, frames), hops, ffi.from_buffer(HOPS, rows)
        )
        return rows[:, : len(self.fields)]
