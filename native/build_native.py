"""Build ``ag06d._native``: the headers in ``include/`` are the cffi declarations, word for word."""

from __future__ import annotations

import re
from pathlib import Path

from cffi import FFI

HERE = Path(__file__).parent.resolve()
ROOT = HERE.parent
HEADERS = [
    "ag06_atomic.h",
    "ag06_ring.h",
    "ag06_chain.h",
    "ag06_meter.h",
    "ag06_arena.h",
    "ag06_engine.h",
    "ag06_host.h",
    "ag06_recording.h",
    "ag06_features.h",
    "ag06_sliding.h",
    "ag06_faults.h",
    "ag06_forest.h",
    "ag06_series.h",
]
# No -ffast-math, ever: linking it changes the floating-point mode of whatever process loads us.
# No contraction either: the same recording gives the same bits with and without FMA units.
COMPILE_ARGS = [
    "-O3",
    "-ffp-contract=off",
    "-fno-math-errno",
    "-fvisibility=hidden",
    "-pthread",
]
WARNINGS = ["-Wall", "-Wextra", "-Wno-psabi"]


def declarations(header: str) -> str:
    """The header's text without what only a compiler understands."""
    text = (HERE / "include" / header).read_text()
    return re.sub(r"^#(pragma|include).*$", "", text, flags=re.MULTILINE)


ffibuilder = FFI()
ffibuilder.cdef("\n".join(declarations(header) for header in HEADERS))
ffibuilder.set_source(
    "ag06d._native",
    "\n".join(f'#include "{header}"' for header in HEADERS),
    sources=[str(path.relative_to(ROOT)) for path in sorted((HERE / "src").glob("*.c*"))],
    include_dirs=["native/include", "native/src"],
    depends=[str(path.relative_to(ROOT)) for path in sorted(HERE.rglob("*.h"))],
    libraries=["m", "stdc++"],
    extra_compile_args=COMPILE_ARGS + WARNINGS,
    extra_link_args=["-pthread"],
    py_limited_api=True,
)

if __name__ == "__main__":
    ffibuilder.compile(verbose=True)
