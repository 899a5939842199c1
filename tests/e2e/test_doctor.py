"""The doctor and the dump, of a daemon that runs and of none."""

from __future__ import annotations

import json
import tarfile

import pytest

HIDDEN = "never-to-be-seen"


@pytest.fixture(scope="module")
def daemon(start):
    hosts = "hosts={live={plugins=['features','counts']}}"
    with start("audio.device=recording", hosts, f"plugins.counts.api_token={HIDDEN}") as daemon:
        daemon.running()
        yield daemon


@pytest.fixture
def elsewhere(daemon, monkeypatch):
    """Has what is asked see another environment: `elsewhere(AG06D_RUNTIME_DIR=...)`."""

    def elsewhere(**variables: str) -> None:
        without_bad_plugins = {"PYTHONPATH": ""}  # each of them would be asked whether it loads
        monkeypatch.setattr(daemon, "env", daemon.env | without_bad_plugins | variables)

    return elsewhere


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


def test_the_doctor_needs_no_daemon(daemon, tmp_path, elsewhere):
    elsewhere(AG06D_RUNTIME_DIR=str(tmp_path), AG06D_AUDIO__BLOCK="1")
    found = findings(daemon.ctl("doctor", "--json"))
    assert found["daemon"]["level"] == "warning"
    assert found["config"]["level"] == "problem"
    assert "AG06D_AUDIO__BLOCK" in found["config"]["found"]
    assert "real_time" not in found
    lines = daemon.ctl("doctor")
    assert lines.returncode == 1
    assert "problem  config: " in lines.stdout


def dumped(path) -> dict[str, str]:
    with tarfile.open(path) as archive:
        return {entry.name.partition("/")[2]: archive.extractfile(entry).read().decode() for entry in archive}


def test_a_dump_has_what_a_bug_report_needs_and_no_secret_and_lists_it(daemon, tmp_path, elsewhere):
    elsewhere()
    path = tmp_path / "bug.tar.gz"
    done = daemon.ctl("dump", "--json", str(path))
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    parts = dumped(path)
    assert told["files"] == {name: len(text.encode()) for name, text in parts.items()}
    assert parts.keys() >= {
        *("versions.json", "doctor.json", "config.toml", "status.json", "snapshot.json", "describe.json"),
        "events.jsonl",
    }
    assert parts.keys().isdisjoint(told["missing"])
    assert "api_token" in parts["config.toml"]
    assert not [name for name, text in parts.items() if HIDDEN in text]
    messages = [json.loads(line) for line in parts["events.jsonl"].splitlines()]
    assert {message["topic"] for message in messages} >= {"heartbeat.", "meters.", "feature.basic."}
    assert json.loads(parts["status.json"])["boot"] == json.loads(parts["snapshot.json"])["boot"]


def test_a_dump_without_a_daemon_says_what_is_missing(daemon, tmp_path, elsewhere):
    elsewhere(AG06D_RUNTIME_DIR=str(tmp_path))
    path = tmp_path / "bug.tar.gz"
    done = daemon.ctl("dump", str(path))
    assert done.returncode == 0
    assert "status.json: no daemon answers" in done.stdout
    assert dumped(path).keys() >= {"versions.json", "doctor.json", "config.toml"}
    again = daemon.ctl("dump", str(path))
    assert (again.returncode, "File exists" in again.stderr) == (1, True)
    assert daemon.ctl("dump", "bug.rar").returncode == 2
