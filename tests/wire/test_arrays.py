from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ag06d.wire import WireError, pack_arrays, unpack_arrays

DTYPES = (
    hnp.boolean_dtypes()
    | hnp.integer_dtypes(endianness="?")
    | hnp.unsigned_integer_dtypes(endianness="?")
    | hnp.floating_dtypes(endianness="?", sizes=(16, 32, 64))
)
ARRAYS = hnp.arrays(DTYPES, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))


@given(arrays=st.lists(ARRAYS, max_size=3), view=st.sampled_from(["as it is", "transposed", "every second"]))
@example(arrays=[np.array(1.5)], view="as it is")  # no dimensions at all
def test_arrays_come_back_with_dtype_shape_and_content(arrays, view):
    if view == "transposed":
        arrays = [array.T for array in arrays]
    elif view == "every second":
        arrays = [array[..., ::2] if array.ndim else array for array in arrays]
    entries, buffers = pack_arrays(*arrays)
    back = unpack_arrays(entries, [*buffers, b"a further buffer"])
    assert len(back) == len(arrays)
    for sent, received in zip(arrays, back, strict=True):
        assert received.dtype == sent.dtype.newbyteorder("<")
        assert received.shape == sent.shape
        np.testing.assert_array_equal(received, sent)
        assert not received.flags.writeable


@pytest.mark.parametrize(
    "array",
    [
        np.array([None]),
        np.array(["text"]),
        np.array([b"bytes"]),
        np.zeros(2, "M8[s]"),
        np.zeros(2, complex),
        np.zeros(2, np.longdouble),
        np.zeros(2, "f4,f4"),
    ],
    ids=lambda array: str(array.dtype),
)
def test_only_booleans_integers_and_floats_are_sent(array):
    with pytest.raises(TypeError, match="cannot be sent"):
        pack_arrays(array)


HOSTILE_DTYPES = [
    None, "", "O", "|O8", "U4", "S4", "V8", "M8[ns]", "c8", "f4,f4", "(2,)f4", "(99999999999999999999,)i4",
    ",", "(((", "a", "float", "f4", "i4, ", "f3", "<f4;", "<f4\n", "\0", "<f16", "__import__('os')", 5, 1.5,
    b"<f4", ["<f4"], [["a", "<f4"]], {"names": ["a"], "formats": ["O"]},
]  # fmt: skip


@pytest.mark.parametrize("dtype", HOSTILE_DTYPES, ids=repr)
def test_a_dtype_that_is_no_plain_number_is_refused_before_numpy_sees_it(dtype):
    with pytest.raises(WireError, match="dtype"):
        unpack_arrays([{"dtype": dtype, "shape": [1]}], [bytes(8)])


@pytest.mark.parametrize(
    "shape",
    [None, 4, "4", [-1], [-1, -4], [1.0], [True, 4], ["4"], [2**63, 0], [2**62, 2**62, 0], [1] * 100, [3],
     [5], [2**40], []],
    ids=repr,
)  # fmt: skip
def test_a_shape_that_its_buffer_does_not_have_is_refused(shape):
    size = 0 if isinstance(shape, list) and 0 in shape else 4
    size = 16 if shape in ([], [3], [5]) else size
    with pytest.raises(WireError):
        unpack_arrays([{"dtype": "<f4", "shape": shape}], [bytes(size)])


@pytest.mark.parametrize("entries", [None, {}, "x", [None], [[]], [{}, {}]], ids=repr)
def test_entries_that_are_no_list_of_maps_with_a_buffer_each_are_refused(entries):
    with pytest.raises(WireError):
        unpack_arrays(entries, [b""])


@given(data=st.data())
def test_any_entries_are_arrays_or_a_wire_error(values, data):
    entry = values | st.fixed_dictionaries(
        {"dtype": values | st.sampled_from(["<f4", "|u1", "<i8"]), "shape": st.lists(st.integers()) | values}
    )
    try:
        unpack_arrays(data.draw(st.lists(entry, max_size=3) | values), [b"", bytes(4), bytes(8)])
    except WireError as error:
        assert str(error)  # noqa: PT017 - either outcome is right
