"""A JACK server of our own on the dummy backend, with a fake mixer on it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

RATE = 48000
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
    name = f"ag06bench-{os.getpid()}-{block}"
    environment = os.environ | {"JACK_DEFAULT_SERVER": name, "JACK_NO_AUDIO_RESERVATION": "1"}
    server = subprocess.Popen(
        ["jackd", "--silent", "-n", name, "-d", "dummy", "-r", str(RATE), "-p", str(block)],  # noqa: S607 - from PATH
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    mixer: subprocess.Popen[bytes] | None = None
    try:
        wait = subprocess.run(
            ["jack_wait", "-s", name, "-w", "-t", "10"],  # noqa: S607 - from PATH, comes with jackd
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
        if wait.returncode or not mixer.stdout or mixer.stdout.readline() != b"ready\n":
            raise RuntimeError(f"the JACK server {name} did not come up")
        yield environment
    finally:
        for process in filter(None, (mixer, server)):
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
