"""When a frame was, by the clock on the wall: rows have to make sense in months, and after a restart."""

from __future__ import annotations

from ag06d.plugin import Clock, Frame


class Timeline:
    """Nanoseconds since the epoch of frames, and of now.

    The monotonic clock has no jumps, and so has none of what is told of it, but where somebody set the wall
    clock. In a replay time is the recording's, from the moment at which it began.
    """

    def __init__(self, clock: Clock, *, replay: bool) -> None:
        self._clock, self._replay = clock, replay
        self._offset_ns = 0
        self.look()
        self._newest_ns = self._began_ns = round(clock.wall_s() * 1e9)

    def look(self) -> None:
        """Look at the clock on the wall."""
        self._offset_ns = round(self._clock.wall_s() * 1e9) - self._clock.monotonic_ns()

    def end_of(self, frame: Frame) -> int:
        """When the last sample of `frame` arrived."""
        if not self._replay:
            return frame.mono_ns + self._offset_ns
        self._newest_ns = self._began_ns + (frame.position + len(frame.dry)) * 1_000_000_000 // frame.rate
        return self._newest_ns

    def now_ns(self) -> int:
        """Now; in a replay the end of the newest frame."""
        if self._replay:
            return self._newest_ns
        return self._clock.monotonic_ns() + self._offset_ns
