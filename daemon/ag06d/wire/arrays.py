"""numpy arrays as raw frames: dtype and shape stand in the body, the bytes in the buffers."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ag06d.wire.codec import WireError

if TYPE_CHECKING:
    import numpy.typing as npt

_DTYPE = re.compile(r"\|b1|[|<>]?[iu]1|[<>][iu][248]|[<>]f[248]")  # numpy itself would also parse expressions


def pack_arrays(*arrays: npt.NDArray[Any]) -> tuple[list[dict[str, Any]], list[bytes]]:
    """The body's `arrays` entry, `{dtype, shape}` each, and one C-ordered little-endian buffer each."""
    import numpy as np  # noqa: PLC0415 - slow to import, and a shell's completion waits for this package

    entries, buffers = [], []
    for array in arrays:
        dtype = array.dtype.newbyteorder("<")
        if not _DTYPE.fullmatch(dtype.str):
            raise TypeError(
                f"an array of dtype {array.dtype} cannot be sent; booleans, integers, floats to 64 bits can"
            )
        plain = np.asarray(array, dtype=dtype, order="C")  # ascontiguousarray would make a scalar a vector
        entries.append({"dtype": plain.dtype.str, "shape": list(plain.shape)})
        buffers.append(plain.tobytes())
    return entries, buffers


def unpack_arrays(entries: object, buffers: Sequence[bytes]) -> list[npt.NDArray[Any]]:
    """The arrays, read-only views of `buffers`; raises WireError where entry and buffer disagree."""
    if not isinstance(entries, list) or len(entries) > len(buffers):
        raise WireError("arrays must be a list with a buffer for each entry")
    return [_unpack(entry, buffer) for entry, buffer in zip(entries, buffers, strict=False)]


def _unpack(entry: object, buffer: bytes) -> npt.NDArray[Any]:
    import numpy as np  # noqa: PLC0415 - see pack_arrays

    if not isinstance(entry, dict):
        raise WireError("an entry of arrays must be a map of dtype and shape")
    shape = entry.get("shape")
    if not isinstance(shape, list) or not all(type(n) is int and n >= 0 for n in shape):
        raise WireError(f"shape must be a list of sizes, not {shape!r}")
    name = entry.get("dtype")
    if not isinstance(name, str) or not _DTYPE.fullmatch(name):
        raise WireError(f"dtype {name!r} is not one of booleans, integers and floats to 64 bits, such as <f4")
    dtype = np.dtype(name)
    if len(buffer) != math.prod(shape) * dtype.itemsize:
        raise WireError(f"{len(buffer)} bytes are not an array of {dtype} and shape {shape}")
    try:
        return np.frombuffer(buffer, dtype=dtype).reshape(shape)
    except ValueError as error:  # more dimensions, or larger ones beside a zero, than numpy has
        raise WireError(f"shape {shape}: {error}") from error
