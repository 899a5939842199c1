"""What a fault to inject is, and how one is put into sound, hop by hop or at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

HOPS_PER_S = 100

Sound = npt.NDArray[np.float32]


class Disturber(Protocol):
    """One fault at work; it remembers where it is."""

    def disturb(self, dry: Sound, wet: Sound) -> None:
        """Put the fault into `dry`, in place: one hop, float32 of shape (hop, 2); `wet` is only looked at."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault that can be injected.

    name        such as `clipping`, or `clipping_soft` where a kind has several
    kind        the kind under which it is to be found
    doc         what is done to the sound
    make        (rate, strength, rng) to a Disturber
    strengths   by name, in `unit`, from the weakest that a listener hears on
    unit        of the strengths
    seconds     for how long, unless somebody says otherwise
    """

    name: str
    kind: str
    doc: str
    make: Callable[[int, float, np.random.Generator], Disturber]
    strengths: Mapping[str, float]
    unit: str
    seconds: float = 1.0


def disturbed(  # noqa: PLR0913 - what, where, how much
    fault: Fault,
    sound: Sound,
    rate: int,
    *,
    start: int,
    frames: int,
    strength: float,
    seed: int = 0,
    wet: Sound | None = None,
) -> Sound:
    """A copy of `sound`, float32 of shape (frames, 2), with the fault in `frames` of it from `start` on.

    Hop by hop, as live. `wet` of the same shape is what the mixer was sent; the sound itself if not given.
    """
    result = sound.copy()
    disturber = fault.make(rate, strength, np.random.default_rng(seed))
    hop = rate // HOPS_PER_S
    sent = sound if wet is None else wet
    for at in range(start, min(start + frames, len(sound)), hop):
        end = min(at + hop, start + frames, len(sound))
        disturber.disturb(result[at:end], sent[at:end])
    return result
