"""msgpack with the limits that a frame from a stranger must keep."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgpack

from ag06d.errors import Ag06Error

PROTOCOL = b"AG06/1"
FRAME_MAX = 1 << 20  # bytes of one frame
MESSAGE_MAX = {"events": 64 << 10, "stream": 1 << 20}  # bytes that a plugin may publish at a time
FRAMES_MAX = 64  # frames of one message
BUFFERS_MAX = FRAMES_MAX - 3  # of them, behind protocol, header and body
DEPTH_MAX = 32  # maps and lists within each other


class WireError(Ag06Error):
    """Bytes that are not a message of this protocol.

    `request_id` is that of the request, as far as it could be read, so that it can be answered.
    """

    def __init__(self, message: str, request_id: object = None) -> None:
        super().__init__(message)
        self.request_id = request_id


def pack(value: object) -> bytes:
    """`value` as msgpack."""
    packed: bytes = msgpack.packb(value, use_bin_type=True, unicode_errors="backslashreplace")
    return packed


def _depth(value: object, left: int) -> None:
    """Look into maps and lists alone: most of what there is are numbers and words."""
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if items and left == 1:
        raise WireError(f"nested deeper than {DEPTH_MAX} levels")
    for item in items:
        if isinstance(item, dict | list):
            _depth(item, left - 1)


def check_size(frame: bytes) -> None:
    """Raise WireError for a frame that is larger than may be."""
    if len(frame) > FRAME_MAX:
        raise WireError(f"a frame of {len(frame)} bytes; at most {FRAME_MAX} are read")


def check_content(frames: Sequence[bytes]) -> None:
    """Raise WireError for a body and the buffers behind it that do not fit into one message."""
    if len(frames) > BUFFERS_MAX + 1:
        raise WireError(f"{len(frames) - 1} buffers; a message has {BUFFERS_MAX} at most")
    for frame in frames:
        check_size(frame)


def unpack(frame: bytes) -> Any:  # noqa: ANN401 - whatever was sent
    """The value in `frame`; raises WireError for anything but one msgpack value within the limits."""
    check_size(frame)
    try:
        value = msgpack.unpackb(frame, raw=False, strict_map_key=True)
    except (RecursionError, msgpack.StackError):
        raise WireError(f"nested deeper than {DEPTH_MAX} levels") from None
    except (ValueError, msgpack.UnpackException) as error:
        raise WireError(f"not msgpack: {error or type(error).__name__}") from error
    _depth(value, DEPTH_MAX)
    return value


def unpack_map(frame: bytes, what: str) -> dict[str, Any]:
    """The map in `frame`; raises WireError, naming `what`, for any other value."""
    value = unpack(frame)
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise WireError(f"the {what} must be a map with string keys, not {type(value).__name__}")
    return value
