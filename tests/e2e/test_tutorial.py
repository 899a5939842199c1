"""docs/tutorial.md, done as it says, from an empty folder to the warning that `ag06ctl watch` shows."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "tutorial.md").read_text()
LINES_MAX = 30
PATIENCE_S = 100


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def form(line: str) -> str:
    """A line of `watch`, whatever its numbers and whichever of the two states."""
    return re.sub(r"closed", "opened", re.sub(r"-?\d+(\.\d+)?", "0", " ".join(line.split())))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The folder with the files of the page, each named before it is shown."""
    plugin, test = blocks("python")
    (config,) = blocks("toml")
    named = re.findall(r"`(neighbours\.py|test_neighbours\.py|night\.toml)`", PAGE)
    assert named == ["neighbours.py", "test_neighbours.py", "night.toml"]
    for name, text in zip(named, (plugin, test, config), strict=True):
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_plugin_has_fewer_than_thirty_lines():
    lines = [line for line in blocks("python")[0].splitlines() if line.strip()]
    assert len(lines) < LINES_MAX


def test_the_plugins_own_tests_pass(folder):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    tested = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert tested.returncode == 0, tested.stdout
    assert "2 passed" in tested.stdout


def test_the_daemon_shows_the_warning(folder, start):
    (shown,) = re.findall(r"^[0-9:]{8} .*$", PAGE, re.MULTILINE)
    run, watch, info = (
        next(line for line in blocks("sh") if word in line) for word in (" run", "watch", "info")
    )
    assert run.split()[:4] == ["ag06d", "run", "--config", "night.toml"]
    with start(*run.split()[5:], arguments=run.split()[2:4]) as daemon:
        daemon.once_it_answers()
        watched = daemon.ctl(*watch.split()[1:])
        assert form(watched.stdout) == form(shown)
        told = daemon.ctl(*info.split()[1:])
        assert f"file     {folder / 'neighbours.py'}" in told.stdout
        assert "setting  limit_db = -21.0 (default -30.0)" in told.stdout
