"""Instructions per block of each side of bench/chain.py, counted by callgrind.

Run by itself it is what callgrind watches: every side once to be ready, and once between two marks.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.rig.chain_sides import RATE, Harness, all_runs, recording

SECONDS = 0.5
TIMEOUT_S = 400


def count_instructions(library: Path, folder: Path) -> dict[str, float]:
    """Instructions per block by the names of `all_runs`; empty when valgrind is not installed."""
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        return {}
    command = [
        valgrind,
        "--tool=callgrind",
        f"--callgrind-out-file={folder / 'count'}",
        sys.executable,
        __file__,
        str(library),
    ]
    alone = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}  # numpy's idle threads would count
    watched = subprocess.run(
        command, env=alone, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    if watched.returncode:
        raise RuntimeError(f"callgrind ended with {watched.returncode}:\n{watched.stderr[-2000:]}")
    counts = {}
    # The dump that a mark begins holds what came before it: number 1 the start, 2 the first side's
    # warming, 3 the first side, and so on.
    for index, name in enumerate(watched.stdout.split()):
        dump = (folder / f"count.{2 * index + 2}").read_text()
        total = re.search(r"^(?:totals|summary): (\d+)", dump, re.MULTILINE)
        if total is None:
            raise RuntimeError(f"callgrind wrote no total of {name}")
        block = int(re.findall(r"\d+", name)[0])
        counts[name] = int(total[1]) / (round(SECONDS * RATE) // block)
    return counts


def main() -> None:
    """Mark, run, and say in which order."""
    harness = Harness(Path(sys.argv[1]))
    runs = all_runs(harness, recording(SECONDS))
    for run in runs.values():
        run()
        harness.mark()
        run()
        harness.mark()
    print(*runs)


if __name__ == "__main__":
    main()
