"""The state over a restart."""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import tomli


@pytest.fixture
def folder() -> Iterator[Path]:
    """One with a short path, for the sockets."""
    with tempfile.TemporaryDirectory(prefix="ag06-e2e-") as folder:
        yield Path(folder)


def test_the_state_is_as_it_was_when_the_daemon_comes_back(start, folder):
    with start("audio.device=recording", folder=folder) as daemon:
        daemon.running()
        daemon.ctl("preset", "apply", "broadcast", "--slot", "b")
        daemon.client.set({"audio.slot": "b", "audio.mute": True, "chain.b.comp.ratio": 7})
        left = daemon.client.get()
    with start("audio.device=recording", folder=folder) as daemon:
        status = daemon.running()
        assert daemon.client.get() == left
        assert status["preset"] == {"a": "voice", "b": "broadcast"}
        assert status["preset_changed"] == {"a": False, "b": True}
        assert status["switches"] == {"mute": True, "bypass": False, "slot": "b"}
        heard = daemon.client.call("meters")
        assert max(heard["wet"]["peak_db"]) < -100, "muted it comes back"
        assert "restored the state from" in daemon.log()


def test_a_change_outlives_a_kill(start, folder):
    path = folder / "state" / "state.toml"

    def saved() -> float:
        return tomli.loads(path.read_text())["state"]["chain"]["a"]["comp"]["ratio"] if path.exists() else 0

    with start("audio.device=recording", folder=folder) as daemon:
        daemon.running()
        daemon.client.set({"chain.a.comp.ratio": 7})
        daemon.wait(lambda _: saved() == 7.0)
        daemon.process.send_signal(signal.SIGKILL)
        daemon.process.wait()
    with start("audio.device=recording", folder=folder) as daemon:
        daemon.running()
        assert daemon.client.get("chain.a.comp.ratio") == {"chain.a.comp.ratio": 7.0}


def test_without_restore_the_start_presets_are_used(start, folder):
    (folder / "state").mkdir()
    (folder / "state" / "state.toml").write_text("schema = 1\n[state.audio]\nmute = true\n")
    with start("audio.device=recording", "preset.restore=false", folder=folder) as daemon:
        daemon.running()
        assert daemon.client.get("audio.mute") == {"audio.mute": False}


def test_a_corrupt_state_stops_nothing(start, folder):
    (folder / "state").mkdir()
    (folder / "state" / "state.toml").write_text("schema = ")
    with start("audio.device=recording", folder=folder) as daemon:
        assert daemon.running()["preset"]["a"] == "voice"
        assert "kept as state.toml.~1~" in daemon.log()


def test_a_replay_neither_restores_nor_saves(ag06d, root, folder):
    muted = "schema = 1\n[state.audio]\nmute = true\n"
    (folder / "state.toml").write_text(muted)
    recording = root / "daemon" / "ag06d" / "recordings" / "studio.flac"
    plain = ag06d("replay", recording, "--json").stdout
    beside = ag06d("replay", recording, "--json", env={"AG06D_STATE_DIR": str(folder)}).stdout
    assert tomli.loads((folder / "state.toml").read_text()) == tomli.loads(muted)
    assert plain.split("sha256_wet")[1][:70] == beside.split("sha256_wet")[1][:70]
