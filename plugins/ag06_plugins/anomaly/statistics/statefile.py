"""What was learned, as a file: arrays of numpy behind their checksum, never a pickle."""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

MAGIC: Final = b"ag06 statistics 1\n"
MOST_BYTES: Final = 256 << 20

State = dict[str, npt.NDArray[np.generic]]


def save_state(path: Path, state: Mapping[str, npt.NDArray[np.generic]]) -> None:
    """Write `state`, whole or not at all. Raises OSError, and ValueError for arrays of objects."""
    if objects := [name for name, values in state.items() if values.dtype.hasobject]:
        raise ValueError(f"{path}: {objects[0]} is an array of objects, which would be pickled")
    buffer = io.BytesIO()
    np.savez(buffer, **dict(state))  # type: ignore[arg-type] # keywords are names of arrays
    content = buffer.getvalue()
    fresh = path.with_name(f"{path.name}.new")
    with fresh.open("wb") as file:
        file.write(MAGIC + hashlib.sha256(content).hexdigest().encode() + b"\n" + content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def load_state(path: Path) -> State:
    """What was saved. Raises OSError, FileNotFoundError too, and ValueError for what is no such file."""
    with path.open("rb") as file:
        everything = file.read(MOST_BYTES + 1)
    if len(everything) > MOST_BYTES:
        raise ValueError(f"{path}: larger than {MOST_BYTES >> 20} MiB; remove it to begin afresh")
    if not everything.startswith(MAGIC):
        raise ValueError(f"{path}: this is no file of learned statistics, or one of another version")
    checksum, _, content = everything[len(MAGIC) :].partition(b"\n")
    if hashlib.sha256(content).hexdigest().encode() != checksum:
        raise ValueError(
            f"{path}: its checksum is wrong, it is cut off or damaged; remove it to begin afresh"
        )
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path}: {error}") from None
