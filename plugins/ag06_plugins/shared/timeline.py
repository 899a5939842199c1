"""When a frame was, by the clock on the wall: rows have to make sense in months, and after a restart."""

from __future__ import annotations

from typing import Final

from ag06d.plugin import Clock, Frame

FOLLOW: Final = 0.01  # of the way from where a frame should be to where it was seen, at each frame
APART_NS: Final = 100_000_000  # no stall is taken for that: somebody set the clock, or sound was away


class Timeline:
    """Nanoseconds since the epoch of frames, and of now.

    Frames arrive in bunches, and their sound does not: so times go by the samples, and follow slowly what the
    monotonic clock says of their arrival. Where frames were lost, or somebody set the clock on the wall, they
    begin anew. In a replay time is the recording's, from the moment at which it began.
    """

    def __init__(self, clock: Clock, *, replay: bool) -> None:
        self._clock, self._replay = clock, replay
        self._offset_ns = 0
        self.look()
        self._newest_ns = self._began_ns = round(clock.wall_s() * 1e9)
        self._followed = False

    def look(self) -> None:
        """Look at the clock on the wall."""
        self._offset_ns = round(self._clock.wall_s() * 1e9) - self._clock.monotonic_ns()

    def end_of(self, frame: Frame) -> int:
        """When the last sample of `frame` came; frames are asked for in order."""
        if self._replay:
            self._newest_ns = self._began_ns + (frame.position + len(frame.dry)) * 1_000_000_000 // frame.rate
            return self._newest_ns
        seen_ns = frame.mono_ns + self._offset_ns
        due_ns = self._newest_ns + len(frame.dry) * 1_000_000_000 // frame.rate
        off_ns = seen_ns - due_ns
        if not self._followed or frame.lost or frame.gap_frames or abs(off_ns) > APART_NS:
            self._newest_ns, self._followed = seen_ns, True
        else:
            self._newest_ns = due_ns + int(FOLLOW * off_ns)
        return self._newest_ns

    def now_ns(self) -> int:
        """Now; in a replay the end of the newest frame."""
        if self._replay:
            return self._newest_ns
        return self._clock.monotonic_ns() + self._offset_ns
