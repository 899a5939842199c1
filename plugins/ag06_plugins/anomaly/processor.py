"""The processor: each frame to the guard."""

from __future__ import annotations

from ag06_plugins.anomaly.guard import Guard
from ag06d.plugin import Frame


class AnomalyProcessor:
    """Gives frames to the guard, and time."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    def process(self, frame: Frame) -> None:
        """Look at one frame."""
        self._guard.process(frame)

    def tick(self) -> None:
        """See to what is due, whether or not there is sound."""
        self._guard.tick()

    def close(self) -> None:
        """Keep what came last."""
        self._guard.close()
