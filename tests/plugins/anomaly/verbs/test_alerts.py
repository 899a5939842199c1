from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ag06_plugins.anomaly.alerts.alert import Alert
from ag06_plugins.anomaly.verbs.alerts import cells, told


@pytest.fixture
def alert():
    """What clients are told of an alert."""
    return Alert(
        id=7,
        kind="click",
        channel="left",
        severity="high",
        start=480,
        end=960,
        rate=48000,
        start_ns=10**18,
        value=15.0,
        unit="dB",
        threshold=13.0,
        score=0.6,
        acknowledged_by="anna\x1b]0;title\x07",
        acknowledged_ns=10**18,
        note="one\ntwo \x1b[2Jthree",
        evidence={"where": "top\r"},
    ).document()


def test_what_a_client_said_reaches_a_terminal_as_letters_in_one_line(alert):
    lines = list(told({"alert": alert, "doc": "", "clip_path": ""}))
    assert all(line.isprintable() for line in [*lines, *cells(alert)])
    assert any("one\ufffdtwo" in line for line in lines)


@pytest.mark.parametrize("arguments", [[], ["--plot"], ["7"], ["7", "--plot", "figure.png"]])
def test_the_last_alert_is_shown_where_no_number_is_given_and_without_a_daemon_it_says_so(
    tmp_path, arguments
):
    ag06ctl = Path(sys.executable).with_name("ag06ctl")
    done = subprocess.run(
        [ag06ctl, "anomaly", "show", *arguments],
        env=os.environ | {"AG06D_RUNTIME_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (3, "")
    assert "no daemon answers" in done.stderr
