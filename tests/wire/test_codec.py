from __future__ import annotations

import msgpack
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ag06d.wire import WireError, pack, unpack
from ag06d.wire.codec import DEPTH_MAX, FRAME_MAX


def nested(levels: int) -> object:
    value: object = 0
    for _ in range(levels):
        value = [value]
    return value


@given(data=st.data())
def test_a_value_comes_back_as_it_was(values, data):
    value = data.draw(values)
    assert unpack(pack(value)) == value


@given(frame=st.binary(max_size=300))
@example(frame=b"")
@example(frame=b"\xc1")  # the one byte that msgpack never uses
@example(frame=b"\x01\x02")  # a value and something after it
@example(frame=b"\xa1\xff")  # a string that is not UTF-8
@example(frame=b"\xdd\xff\xff\xff\xff")  # announces four thousand million elements
@example(frame=b"\xdf\xff\xff\xff\xff")
@example(frame=b"\xc6\xff\xff\xff\xff")
@example(frame=b"\x81\x01\x02")  # a map with an integer for a key
@example(frame=b"\x81\x90\x02")  # with a list for a key
@example(frame=b"\xd7\xff" + b"\xff" * 8)  # a time that there is not
@example(frame=b"\xc7\x05\xff" + b"\xff" * 5)
@example(frame=b"\x91" * 5000 + b"\x00")
def test_any_bytes_are_a_value_or_a_wire_error(frame):
    try:
        unpack(frame)
    except WireError as error:
        assert str(error)  # noqa: PT017 - either outcome is right


def test_nesting_is_read_to_its_limit_and_refused_beyond_it():
    deepest = nested(DEPTH_MAX - 1)
    assert unpack(pack(deepest)) == deepest
    with pytest.raises(WireError, match=f"nested deeper than {DEPTH_MAX}"):
        unpack(pack(nested(DEPTH_MAX)))
    with pytest.raises(WireError, match=f"nested deeper than {DEPTH_MAX}"):
        unpack(msgpack.packb({"map": nested(DEPTH_MAX - 1)}))
    with pytest.raises(WireError, match=f"nested deeper than {DEPTH_MAX}"):
        unpack(b"\x91" * 100_000)  # deeper than msgpack itself goes


def test_a_frame_is_read_to_its_largest_size_and_refused_beyond_it():
    head = len(pack(bytes(FRAME_MAX - 10))) - (FRAME_MAX - 10)
    assert len(unpack(pack(bytes(FRAME_MAX - head)))) == FRAME_MAX - head
    with pytest.raises(WireError, match=f"at most {FRAME_MAX}"):
        unpack(pack(bytes(FRAME_MAX - head + 1)))
