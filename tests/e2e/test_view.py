"""`ag06d run --view`: a picture on a terminal, plain lines elsewhere."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ag06d.client import Client
from ag06d.paths import Sockets

ENTER, LEAVE = b"\x1b[?1049h", b"\x1b[?1049l"


@pytest.fixture
def on_terminal(tmp_path):
    """Start on a terminal of its own: the process, what reads its screen until a condition, what types."""
    master, slave = pty.openpty()
    environ = os.environ | {
        "AG06D_RUNTIME_DIR": str(tmp_path / "r"),
        "AG06D_STATE_DIR": str(tmp_path / "s"),
        "TERM": "xterm-256color",
        "COLUMNS": "120",
        "LINES": "50",
    }
    command = [str(Path(sys.executable).parent / "ag06d"), "run", "--view", "-o", "audio.device=recording"]
    process = subprocess.Popen(
        command, stdin=slave, stdout=slave, stderr=slave, env=environ, start_new_session=True
    )
    os.close(slave)
    screen = b""

    def read(condition) -> bytes:
        nonlocal screen
        give_up = time.monotonic() + 60
        while not condition(screen) and time.monotonic() < give_up:
            if select.select([master], [], [], 0.1)[0]:
                try:
                    screen += os.read(master, 65536)
                except OSError:  # the other end is closed
                    break
        return screen

    yield process, read, lambda keys: os.write(master, keys)
    if process.poll() is None:
        process.kill()
    process.wait()
    os.close(master)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_on_a_terminal_it_draws_and_gives_the_terminal_back(on_terminal, number):
    process, read, _ = on_terminal
    wanted = (ENTER, b"levels", b"features", b"running", b"recording:studio.flac")
    screen = read(lambda screen: all(part in screen for part in wanted))
    assert [part for part in wanted if part not in screen] == []
    if number == signal.SIGINT:
        os.killpg(process.pid, number)  # as Ctrl-C does: to all in the foreground
    else:
        process.send_signal(number)
    screen = read(lambda _: process.poll() is not None)  # a terminal is read
    assert process.wait(60) == 0
    screen = read(lambda screen: LEAVE in screen)
    assert screen.count(ENTER) == screen.count(LEAVE) == 1
    assert b"Traceback" not in screen


def test_keys_reach_the_daemon_and_q_ends_it_and_gives_the_terminal_back(on_terminal, tmp_path):
    process, read, type_keys = on_terminal
    read(lambda screen: b"feature" in screen and b"running" in screen)
    with Client(Sockets(tmp_path / "r"), timeout_s=20) as client:
        type_keys(b"m")
        read(lambda screen: b"MUTE" in screen)
        assert client.get("audio.mute") == {"audio.mute": True}
    type_keys(b"q")
    screen = read(lambda _: process.poll() is not None)  # a terminal is read
    assert process.wait(60) == 0
    screen = read(lambda screen: LEAVE in screen)
    assert screen.count(ENTER) == screen.count(LEAVE) == 1
    assert b"Traceback" not in screen


def test_without_a_terminal_it_prints_plain_lines(start, poll):
    with start("audio.device=recording", arguments=["--view"]) as daemon:
        daemon.running()
        poll(lambda: "overruns" in daemon.output.read_text(), daemon.log)
        text = daemon.output.read_text()
        assert "\x1b" not in text
        assert "recording:studio.flac" in text
        daemon.stop()
