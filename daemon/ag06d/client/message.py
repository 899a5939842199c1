"""A message as a follower gets it: what was published, and what was missed before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ag06d import wire

if TYPE_CHECKING:
    import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Message(wire.Message):
    """One message of a topic.

    `topic` ends in a dot; `header` has boot, seq, t, mono, pos and src; `body` is a map.

    `missed` is how many messages of this very topic were published and not received since the one before.
    `boot_changed` is true on the first message of another run of the daemon: what is known of its state
    is out of date, what the run before said last may be missing, and sample positions begin again.
    `fields` names the elements of the array, where the topic's schema does.
    """

    missed: int = 0
    boot_changed: bool = False
    fields: tuple[str, ...] = ()

    @property
    def position(self) -> int:
        """The sample position that the message is about."""
        return int(self.header["pos"])

    @property
    def time_s(self) -> float:
        """When it was published: wall time, seconds since 1970."""
        return float(self.header["t"])

    @property
    def arrays(self) -> list[npt.NDArray[Any]]:
        """The arrays that it carries, in their own shape and dtype, read-only; raises WireError."""
        return wire.unpack_arrays(self.body.get("arrays", []), self.buffers)

    @property
    def vector(self) -> dict[str, float]:
        """Field to value, where the message carries one array with a name for each element; else empty."""
        arrays = self.arrays
        if len(arrays) != 1 or len(self.fields) != arrays[0].size:
            return {}
        return dict(zip(self.fields, arrays[0].ravel().tolist(), strict=True))
