"""`ag06ctl` as a process: how it exits, into a pipe that closes, and on Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

AG06CTL = str(Path(sys.executable).parent / "ag06ctl")


@pytest.fixture
def begin(folders):
    """Start it; its output is to be read."""

    def begin(*arguments: str) -> subprocess.Popen[str]:
        environ = os.environ | {"AG06D_RUNTIME_DIR": str(folders.folder)}
        pipe = subprocess.PIPE
        return subprocess.Popen([AG06CTL, *arguments], env=environ, stdout=pipe, stderr=pipe, text=True)

    return begin


@pytest.mark.usefixtures("daemon")
@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["status"], 0),
        (["set", "audio.mute=!", "--json"], 0),
        (["get", "nowhere"], 1),
        (["preset", "undo"], 1),
        (["set", "nonsense"], 2),
        (["nonsense"], 2),
        (["watch", "--where", "nonsense"], 2),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_the_exit_status_says_how_it_went(begin, arguments, status):
    process = begin(*arguments)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == status
    assert bool(errors) is bool(status)
    assert bool(output) is not bool(status)


@pytest.mark.parametrize("arguments", [["status"], ["watch"], ["top"], ["plot", "meters"]])
def test_without_a_daemon_the_exit_status_is_three(begin, arguments):
    process = begin(*arguments)
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, output) == (3, "")
    assert "no daemon answers" in errors


@pytest.mark.usefixtures("daemon")
@pytest.mark.parametrize("arguments", [["watch", "heartbeat"], ["top"], ["describe"]])
def test_a_reader_that_has_seen_enough_ends_it_quietly(begin, arguments):
    process = begin(*arguments)
    assert process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait(60) == 0


@pytest.mark.usefixtures("daemon")
def test_ctrl_c_ends_a_watch_quietly(begin):
    process = begin("watch", "heartbeat")
    assert process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")
