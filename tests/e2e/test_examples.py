"""The programs of docs/clients.md, run as they stand there."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
import soundfile

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
PATIENCE_S = 60


@pytest.fixture(scope="module")
def daemon(start):
    with start("audio.device=recording") as daemon:
        daemon.running()
        yield daemon


def snippets():
    """What the page and the README show of the client without giving it a file."""
    files = {path.read_text() for path in EXAMPLES.glob("*.py")}
    for name in ("docs/clients.md", "README.md"):
        page = (EXAMPLES.parents[1] / name).read_text()
        for block in re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL):
            if "ag06d.client" in block and block not in files:
                yield block


@pytest.mark.parametrize("snippet", [*snippets()], ids=lambda snippet: snippet.strip().splitlines()[2][:40])
def test_what_the_page_shows_runs(daemon, snippet):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", snippet],
        env=daemon.env,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


@contextmanager
def example(daemon, name, *arguments, number=signal.SIGINT):
    """The example, run until the end of the `with`, which ends it in silence; its lines as they come."""
    process = subprocess.Popen(
        [sys.executable, "-u", "-W", "error", str(EXAMPLES / name), *map(str, arguments)],
        env=daemon.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
        process.send_signal(number)
        _, errors = process.communicate(timeout=PATIENCE_S)
        assert (process.returncode, errors) == (0, "")
    finally:
        process.kill()
        process.communicate()


def test_the_scene_follows_the_preset_that_is_heard(daemon):
    daemon.client.call("preset.apply", name="whisper")
    with example(daemon, "scenes.py", "echo", "scene") as scenes:
        assert scenes.stdout.readline() == "scene Close-up\n"
        daemon.client.call("preset.apply", name="voice")  # which has no scene
        daemon.client.call("preset.apply", name="interview", slot="b")
        daemon.client.set({"audio.slot": "b"})
        assert scenes.stdout.readline() == "scene Two chairs\n"
        daemon.client.set({"audio.slot": "a"})


def test_too_loud_is_said_once_and_taken_back_once(daemon):
    with example(daemon, "too_loud.py", "-30") as warning:
        words = [warning.stdout.readline().split(" ", 1)[1] for _ in range(4)]
    said = [word.split(":")[0] for word in words]
    assert said in (["too loud", "well again"] * 2, ["well again", "too loud"] * 2)
    for word in words:
        loudness = float(word.split()[-2])
        assert loudness > -30 if "too loud" in word else loudness < -33


def test_speech_is_recorded_from_before_its_first_word(daemon):
    with example(daemon, "record_speech.py", "0.7") as recorder:
        seconds, path = recorder.stdout.readline().split(" s in ")
    dry = soundfile.read(path.strip(), always_2d=True)[0][:, 0]
    assert len(dry) / 48000 == pytest.approx(float(seconds), abs=0.06)
    assert abs(dry[-24000:]).max() < 0.01 < abs(dry).max()  # it has ended with the silence


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_recorder_of_speech_that_is_ended_in_the_middle_leaves_nothing_running(daemon, poll, number):
    def running():
        return [r for r in daemon.client.call("record.list")["recordings"] if r["state"] != "finished"]

    with example(daemon, "record_speech.py", "60", number=number):
        poll(lambda: any(recording["seconds"] for recording in running()), running)
    assert running() == []


def test_the_log_has_a_row_for_every_hop(daemon):
    with example(daemon, "csv_log.py") as log:
        rows = list(csv.DictReader(log.stdout.readline() for _ in range(201)))
    positions = [int(row["position"]) for row in rows]
    assert positions == list(range(positions[0], positions[0] + 200 * 480, 480))
    assert {row["missed"] for row in rows} == {"0"}
    assert any(float(row["left.rms"]) > 0 for row in rows)


def test_the_light_is_on_while_the_studio_is_heard_and_off_without_a_daemon(start, poll, tmp_path):
    lamp = tmp_path / "brightness"
    lamp.write_text("")
    with start("audio.device=recording") as daemon:
        daemon.running()
        with example(daemon, "tally.py", lamp) as tally:
            poll(lambda: lamp.read_text() == "1", lamp.read_text)
            daemon.client.set({"audio.mute": True})
            poll(lambda: lamp.read_text() == "0", lamp.read_text)
            daemon.client.set({"audio.mute": False})
            poll(lambda: lamp.read_text() == "1", lamp.read_text)
            daemon.process.kill()
            poll(lambda: lamp.read_text() == "0", lamp.read_text)
            assert tally.poll() is None


@pytest.fixture(scope="session")
def node_example():
    """The Node client beside what it imports, which is installed once, outside of the sources."""
    source, home = EXAMPLES / "node", Path(sys.prefix) / "share" / "ag06d-node-example"
    tools = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    lock = source / "package-lock.json"
    installed = home / "installed-lock.json"
    home.mkdir(parents=True, exist_ok=True)
    if not installed.exists() or installed.read_bytes() != lock.read_bytes():
        for file in (source / "package.json", lock):
            shutil.copy(file, home)
        done = subprocess.run(
            ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],  # noqa: S607 - on the PATH made above
            cwd=home,
            env=tools,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        shutil.copy(lock, installed)
    shutil.copy(source / "client.mjs", home)
    return ["node", str(home / "client.mjs")], tools["PATH"]


@pytest.mark.timeout(400)  # the first time it is installed from the registry
def test_the_node_client_asks_changes_and_follows(daemon, node_example):
    command, path = node_example
    before = daemon.client.get("chain.a.comp.threshold_db")["chain.a.comp.threshold_db"]
    done = subprocess.run(
        command,
        env=daemon.env | {"PATH": path},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    status, changed, refused, *messages = map(json.loads, done.stdout.splitlines())
    assert status == {"state": "running", "boot": daemon.status()["boot"]}
    assert changed == {"changed": {"chain.a.comp.threshold_db": before - 1}}
    assert refused["error"].startswith("unknown_path: there is no 'chain.a.como'")
    assert {message["topic"] for message in messages} == {"meters.", "feature.basic."}
    assert {message["missed"] for message in messages} == {0}
    with daemon.client.follow("feature.basic.") as ours:
        fields = list(ours.receive(PATIENCE_S).vector)
    features = [message["features"] for message in messages if message["topic"] == "feature.basic."]
    assert list(features[-1]) == fields
    assert all(0 <= hop["left.rms"] <= 1 for hop in features)
