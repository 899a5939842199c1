"""The file of an isolation forest: written whole or not at all, and read without trusting it.

All numbers are little-endian.

    0   8 bytes     AG06FRST
    8   uint32      version of this layout, 1
    12  4 uint32    columns, sample, trees, nodes
    28  uint32      bytes of the names
    32  names       UTF-8, a NUL after each
        uint32      nodes of each tree
        8 bytes     of each node: float32 threshold, uint16 column, uint16 rows (`ag06_forest_node`)
        32 bytes    SHA-256 of all before
"""

from __future__ import annotations

import hashlib
import os
import stat
import struct
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from ag06d.errors import ForestError

MAGIC: Final = b"AG06FRST"
VERSION: Final = 1
HEADER: Final = struct.Struct("<8s6I")
NODE: Final = np.dtype([("threshold", "<f4"), ("column", "<u2"), ("rows", "<u2")])
COUNT: Final = np.dtype("<u4")
DIGEST_BYTES: Final = hashlib.sha256().digest_size
AGAIN: Final = "fit and save it again"


class Kept(NamedTuple):
    """What a file has: names, rows of a sample, nodes of each tree (trees,), and all nodes (nodes,)."""

    columns: tuple[str, ...]
    sample: int
    counts: npt.NDArray[np.uint32]
    nodes: npt.NDArray[np.void]


def wrong_names(names: Sequence[str], width: int) -> str:
    """Why these cannot be the names of `width` columns; empty if they can."""
    if len(names) != width:
        return f"{len(names)} names for {width} columns"
    if len(set(names)) != width:
        return f"two columns are called {next(name for name in names if names.count(name) > 1)!r}"
    if odd := [name for name in names if "\0" in name or any("\ud800" <= c <= "\udfff" for c in name)]:
        return f"a column cannot be called {odd[0]!r}; its name is to be text without NUL"
    return ""


def write(path: Path, kept: Kept) -> None:
    """Make `path` hold a forest, on the disk when this returns; or raise ForestError, and change nothing."""
    names = b"".join(name.encode() + b"\0" for name in kept.columns)
    header = HEADER.pack(
        MAGIC, VERSION, len(kept.columns), kept.sample, len(kept.counts), len(kept.nodes), len(names)
    )
    content = b"".join([header, names, kept.counts.tobytes(), kept.nodes.tobytes()])
    try:
        _replace(path, content + hashlib.sha256(content).digest())
    except OSError as error:
        raise ForestError(f"{path}: the forest cannot be written: {error.strerror}") from error


def _replace(path: Path, content: bytes) -> None:
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), 0o640)
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read(path: Path) -> Kept:
    """What `path` has, once its size and its checksum are right; raises ForestError.

    Nothing is made larger than the file is. That the nodes are trees is for who restores them to see.
    """
    try:
        content = _content(path)
    except OSError as error:
        raise ForestError(f"{path}: the forest cannot be read: {error.strerror}") from error
    _, _, width, sample, trees, nodes, named = HEADER.unpack_from(content)
    if hashlib.sha256(content[:-DIGEST_BYTES]).digest() != content[-DIGEST_BYTES:]:
        raise ForestError(f"{path}: its checksum is wrong, so it is damaged; {AGAIN}")
    end = HEADER.size + named
    names = content[HEADER.size : end].split(b"\0")
    try:
        columns = tuple(name.decode() for name in names[:-1])
    except UnicodeDecodeError as error:
        raise ForestError(f"{path}: names of columns are no UTF-8; {AGAIN}") from error
    if problem := wrong_names(columns, width) or ("a name does not end" if names[-1] else ""):
        raise ForestError(f"{path}: {problem}; {AGAIN}")
    counts = np.frombuffer(content, COUNT, trees, end)
    if counts.sum(dtype=np.uint64) != nodes:
        raise ForestError(f"{path}: its trees have other nodes than it has; {AGAIN}")
    found = np.frombuffer(content, NODE, nodes, end + counts.nbytes)
    return Kept(columns, sample, counts.copy(), found.copy())  # which are aligned as C has them


def _content(path: Path) -> bytes:
    """All of a file that begins as one of these, and is as long as it says; raises OSError, ForestError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise ForestError(f"{path}: is no regular file; a forest is one")
        header = file.read(HEADER.size)
        if header[: len(MAGIC)] != MAGIC[: len(header)] or not header:
            raise ForestError(f"{path}: is no isolation forest; those begin with {MAGIC.decode()}")
        if len(header) < HEADER.size:
            raise ForestError(f"{path}: is cut off after {len(header)} bytes; {AGAIN}")
        _, version, _, _, trees, nodes, named = HEADER.unpack(header)
        if version != VERSION:
            raise ForestError(
                f"{path}: is of version {version}, and this ag06d reads version {VERSION}; "
                "load it with the ag06d that saved it, or fit and save it again"
            )
        size = HEADER.size + named + trees * COUNT.itemsize + nodes * NODE.itemsize + DIGEST_BYTES
        if found.st_size != size:
            raise ForestError(f"{path}: has {found.st_size} bytes, and says {size}; {AGAIN}")
        content = header + file.read(size - len(header))
        if len(content) != size:
            raise ForestError(f"{path}: was cut off while it was read; {AGAIN}")
        return content
