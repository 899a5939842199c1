"""Whether a device is there, asked by a fresh process.

PortAudio lists devices as they were when it was initialised, and cannot be initialised anew while a
stream is open; and where the sound server is dead, asking may block for good. So a child asks.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

from ag06d._native import lib
from ag06d.audio.devices import choose, listed
from ag06d.errors import DeviceError

PROBE_S = 3.0  # a probe that takes longer found a dead sound server


class Probe:
    """One question at a time, asked without waiting for the answer."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._child: subprocess.Popen[bytes] | None = None
        self._asked_ns = 0

    def ask(self) -> None:
        """Begin to ask, unless a question is still open."""
        if self._child is None:
            self._asked_ns = lib.ag06_now_ns()
            self._child = subprocess.Popen(
                [sys.executable, "-m", "ag06d.audio.probe", self._device, str(os.getpid())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )

    def answer(self) -> bool | None:
        """True: it is there; False: it is not, or the sound server does not answer; None: not known yet."""
        if self._child is None:
            return None
        status = self._child.poll()
        if status is None and lib.ag06_now_ns() - self._asked_ns < PROBE_S * 1e9:
            return None
        if status is None:
            self._child.kill()
            self._child.wait()
        self._child = None
        return status == 0


def main() -> int:
    """Exit 0 when the device named in the first argument is there."""
    device, parent = sys.argv[1:]
    if not lib.ag06_die_with_parent(int(parent)):
        return 1
    os.nice(10)
    try:
        print(json.dumps(choose(device, listed()).describe()))  # noqa: T201 - for a person who runs it by hand
    except DeviceError as error:
        print(error, file=sys.stderr)  # noqa: T201 - likewise
        return 1
    return 0


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    os._exit(status)  # not through Pa_Terminate, which may block
