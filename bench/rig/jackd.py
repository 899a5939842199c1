"""A JACK server of our own on the dummy backend, with a fake mixer on it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

RATE = 48000
# Always the same: JACK keeps a slot for each name, has eight in all, and frees that of a server which
# did not end in good order only when the name comes back.
SERVER = "ag06-bench"
END_S = 5.0
MIXER = Path(__file__).with_name("mixer.py")


def missing() -> str | None:
    """What is not installed here, in words; None when all is there."""
    if shutil.which("jackd") is None:
        return "jackd is not installed (Debian: jackd2)"
    try:
        import jack  # noqa: F401, PLC0415 - only whether it is there; the mixer's process uses it
    except (ImportError, OSError) as error:
        return f"JACK-Client is not usable: {error}"
    return None


@contextmanager
def fake_mixer(block: int, instruments: Path) -> Iterator[dict[str, str]]:
    """A server with periods of `block` frames and the mixer on it; yields the environment for its clients."""
    environment = os.environ | {"JACK_DEFAULT_SERVER": SERVER, "JACK_NO_AUDIO_RESERVATION": "1"}
    server = subprocess.Popen(
        ["jackd", "--silent", "-n", SERVER, "-d", "dummy", "-r", str(RATE), "-p", str(block)],  # noqa: S607 - from PATH
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    mixer: subprocess.Popen[bytes] | None = None
    try:
        wait = subprocess.run(
            ["jack_wait", "-s", SERVER, "-w", "-t", "10"],  # noqa: S607 - from PATH, comes with jackd
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
        mixer = subprocess.Popen(
            [sys.executable, str(MIXER), str(instruments)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        if wait.returncode:
            raise RuntimeError(f"the JACK server {SERVER} did not come up; jackd ended with {server.poll()}")
        if not mixer.stdout or mixer.stdout.readline() != b"ready\n":
            raise RuntimeError(f"the mixer {MIXER} did not come up on {SERVER}: {mixer.wait()}")
        yield environment
    finally:
        if mixer is not None:
            end_by_stdin(mixer)
        server.terminate()
        wait_or_kill(server)


def end_by_stdin(process: subprocess.Popen[Any]) -> None:
    """Let a process that runs until its stdin ends leave in good order."""
    if process.stdin is not None:
        process.stdin.close()
    wait_or_kill(process)


def wait_or_kill(process: subprocess.Popen[Any]) -> None:
    """Give it time to end, then make it."""
    try:
        process.wait(END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
