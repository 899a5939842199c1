"""The compiled instruments, opened from Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.common import RIG, compile_library
from cffi import FFI


def compile_instruments(folder: Path) -> Path:
    """Compile instruments.c into `folder`."""
    return compile_library([RIG / "instruments.c"], folder / "instruments.so")


def open_instruments(library: Path) -> tuple[Any, Any]:
    """`ffi` and `lib` of what `compile_instruments` made."""
    ffi = FFI()
    header = (RIG / "instruments.h").read_text().replace("#include <stdint.h>", "")
    ffi.cdef(header)
    return ffi, ffi.dlopen(str(library))
