"""The doctor and the dump, of a daemon that runs and of none."""

from __future__ import annotations

import json

import pytest


@pytest.fixture(scope="module")
def daemon(start):
    with start("audio.device=recording", "hosts={live={plugins=['features']}}") as daemon:
        daemon.running()
        yield daemon


def findings(done):
    document = json.loads(done.stdout)
    assert done.returncode == (document["problem"] > 0)
    assert "Traceback" not in done.stderr
    return {finding["check"]: finding for finding in document["findings"]}


def test_the_doctor_examines_the_daemon_that_runs_in_its_own_configuration(daemon):
    found = findings(daemon.ctl("doctor", "--json"))
    assert found["daemon"]["found"].startswith(f"pid {daemon.process.pid}, ")
    assert found["mixer"]["found"] == "a recording is played; no mixer is needed"
    for check in ("sockets", "folders", "config", "portaudio"):
        assert found[check]["level"] == "ok", found[check]
    assert (
        found["plugins"]["level"] == "warning"
    )  # those of the tests that are bad on purpose; none of them runs
    assert "missing_module does not load: ModuleNotFoundError" in found["plugins"]["found"]
    assert "callbacks" in found["audio_account"]["found"]


def test_the_doctor_needs_no_daemon(daemon, tmp_path, monkeypatch):
    nowhere = daemon.env | {"AG06D_RUNTIME_DIR": str(tmp_path), "AG06D_AUDIO__BLOCK": "1"}
    monkeypatch.setattr(daemon, "env", nowhere)
    found = findings(daemon.ctl("doctor", "--json"))
    assert found["daemon"]["level"] == "warning"
    assert found["config"]["level"] == "problem"
    assert "AG06D_AUDIO__BLOCK" in found["config"]["found"]
    assert "real_time" not in found
    lines = daemon.ctl("doctor")
    assert lines.returncode == 1
    assert "problem  config: " in lines.stdout
