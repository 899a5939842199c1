"""Alerts of a daemon that runs: found in sound, told, kept, judged; from a shell and for a client."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import tomli
from scipy.signal import fftconvolve

from ag06d.paths import SHIPPED_RECORDING

RATE = 48000
PNG = b"\x89PNG\r\n\x1a\n"
FAULTS = tomli.loads(SHIPPED_RECORDING.with_suffix(".toml").read_text())["faults"]
CLIPPING, DROPOUT = FAULTS
LEAD_S = 3.0


def piece(path: Path, start_s: float, end_s: float) -> Path:
    """A piece of the shipped recording."""
    start, frames = round(start_s * RATE), round((end_s - start_s) * RATE)
    sound = soundfile.read(SHIPPED_RECORDING, frames=frames, start=start, dtype="float32")[0]
    soundfile.write(path, sound, RATE, subtype="FLOAT")
    return path


def place(sound: np.ndarray, played: np.ndarray) -> int:
    """Where in `played` what is at one second of `sound` is, less one second."""
    needle = sound[RATE : RATE + 4096].astype(np.float64)
    whole = played.astype(np.float64)
    energy = np.convolve(whole**2, np.ones(len(needle)), "valid")
    return int(np.argmin(energy - 2 * fftconvolve(whole, needle[::-1], "valid"))) - RATE


@pytest.fixture(scope="module")
def faulty(tmp_path_factory) -> Path:
    """Three seconds, clipping, and some more; played once."""
    path = tmp_path_factory.mktemp("alerts") / "faulty.wav"
    return piece(path, CLIPPING["start_s"] - LEAD_S, CLIPPING["end_s"] + 4)


@pytest.fixture(scope="module")
def clean(tmp_path_factory) -> Path:
    """Speech without a fault, again and again; it begins and ends in silence."""
    path = tmp_path_factory.mktemp("alerts") / "clean.wav"
    piece(path, 0, CLIPPING["start_s"] - 1)
    sound = soundfile.read(path, dtype="float32")[0]
    fade = np.linspace(0, 1, RATE // 2, dtype=np.float32)
    sound[: len(fade)] *= fade
    sound[-len(fade) :] *= fade[::-1]
    soundfile.write(path, sound, RATE, subtype="FLOAT")
    return path


@pytest.fixture
def ctl():
    """`ag06ctl anomaly ... --json` of a daemon: what it tells."""

    def run(daemon, *words: object, status: int = 0) -> Any:
        done = daemon.ctl("anomaly", *map(str, words), "--json")
        assert done.returncode == status, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run


def test_a_replay_of_the_shipped_recording_tells_its_two_faults_and_nothing_else(ag06d):
    done = ag06d("replay", SHIPPED_RECORDING, "--json")
    assert done.returncode == 0, done.stderr
    alerts = json.loads(done.stdout.splitlines()[-1])["alerts"]
    assert [alert["kind"] for alert in alerts] == [fault["kind"] for fault in FAULTS]
    for alert, fault in zip(alerts, FAULTS, strict=True):
        assert alert["start_s"] == pytest.approx(fault["start_s"], abs=0.02)


def test_a_fault_is_told_kept_clipped_judged_and_still_known_after_a_restart(
    start, faulty, ctl, tmp_path, poll
):
    folder = tmp_path / "daemon"
    folder.mkdir()
    settings = (f'audio.device="recording:{faulty}"', "audio.loop=false")
    with start(*settings, folder=folder) as daemon, daemon.once_it_answers().listen("alert.") as heard:
        opened = heard.until(lambda message: message.body["state"] == "opened")
        clipped = heard.until(lambda message: message.body["state"] == "clip")
        closed = heard.until(lambda message: message.body["state"] == "closed")
        alert = opened.body
        assert (opened.topic, alert["kind"]) == ("alert.clipping.", "clipping")
        assert opened.header["pos"] == alert["start"] == pytest.approx(LEAD_S * RATE, abs=2 * 480)
        assert closed.body["seconds"] == pytest.approx(CLIPPING["end_s"] - CLIPPING["start_s"], abs=0.3)

        clip = folder / "state" / "plugins" / "anomaly" / "clips" / clipped.body["clip"]
        assert (clip.stat().st_mode & 0o007, clip.parent.stat().st_mode & 0o077) == (0, 0)
        sound, rate = soundfile.read(clip, dtype="float32")
        assert (rate, sound.shape[1]) == (RATE, 2)
        played = soundfile.read(faulty, dtype="float32")[0]
        began = place(sound[:, 0], played)
        span = slice(max(0, -began), min(len(sound), len(played) - began))
        whole = played[began + span.start : began + span.stop]
        assert np.abs(sound[span, 0] - np.clip(whole, -1, 1)).max() < 2**-22

        listed = ctl(daemon, "list")["alerts"]
        assert [one["id"] for one in listed] == [alert["id"]]
        shown = ctl(daemon, "show")
        assert shown["clip_path"] == str(clip)
        assert max(shown["trace"]) >= alert["threshold"]
        text = daemon.ctl("anomaly", "show", "--plot").stdout
        assert all(word in text for word in ("clipping", "severity", str(clip), "threshold"))
        figure = tmp_path / "alert.png"
        assert daemon.ctl("anomaly", "show", "--plot", str(figure)).returncode == 0
        assert figure.read_bytes().startswith(PNG)

        assert ctl(daemon, "ack", "--by", "anna")["alert"]["acknowledged_by"] == "anna"
        threshold = ctl(daemon, "label", "wrong")["threshold"]
        assert threshold["before"] < threshold["after"]
        report = ctl(daemon, "report")["kinds"]["clipping"]
        assert (report["alarms"], report["wrong"], report["precision"]) == (1, 1, 0.0)
    with start(*settings, folder=folder) as daemon:
        daemon.wait(lambda status: status["hosts"]["live"]["state"] == "running")
        poll(lambda: ctl(daemon, "kinds")["kinds"]["clipping"]["threshold"] == threshold["after"], daemon.log)
        (kept,) = [one for one in ctl(daemon, "list")["alerts"] if one["id"] == alert["id"]]
        assert (kept["label"], kept["acknowledged_by"], kept["clip"]) == ("wrong", "anna", clip.name)
        assert "wrong" in daemon.ctl("anomaly", "list").stdout


def test_an_injected_fault_is_found_and_never_heard_recorded_or_kept(start, clean, ctl, tmp_path):
    take = tmp_path / "take.wav"
    with start(f'audio.device="recording:{clean}"') as daemon:
        daemon.running()
        with daemon.listen("alert.") as heard:
            recording = daemon.client.call("record.start", path=str(take), source="dry")
            found = ctl(daemon, "inject", "dropout")
            daemon.client.call("record.stop", recording=recording["recording"])
            assert (found["found"], found["kind"]) == (True, "dropout")
            assert found["delay_ms"] < 200
            opened = heard.until(lambda message: message.body["state"] == "opened")
            assert opened.body["injected"]
        assert ctl(daemon, "list")["alerts"] == []
        assert [one["kind"] for one in ctl(daemon, "list", "--injected")["alerts"]] == ["dropout"]
        assert "found as dropout after" in daemon.ctl("anomaly", "inject", "dropout").stdout
    sound, played = (soundfile.read(path, dtype="float32")[0] for path in (take, clean))
    looped = np.tile(played, 3)
    began = place(sound[:, 0], looped[: 2 * len(played)])
    whole = np.roll(looped, -began)[: len(sound)]
    assert np.abs(sound[:, 0] - whole).max() < 1e-6


def test_clean_speech_raises_nothing_and_status_says_so(start, clean, poll):
    with start(f'audio.device="recording:{clean}"') as daemon:
        daemon.running()
        status = lambda: daemon.client.call("anomaly.status")  # noqa: E731 - asked again and again
        poll(lambda: status()["frames"] > 1500, status)
        told = daemon.ctl("anomaly", "status").stdout
        assert told.startswith("nothing is wrong\n")
        assert daemon.ctl("anomaly", "list").stdout == "no alerts\n"


def test_what_was_open_when_the_host_was_killed_is_closed_and_watching_goes_on(start, tmp_path, poll):
    noise = np.random.default_rng(1).normal(0, 0.01, 10 * RATE)
    hum = sum(0.05 / k * np.sin(2 * np.pi * 50 * k * np.arange(10 * RATE) / RATE) for k in (1, 2, 3, 5))
    path = tmp_path / "hum.wav"
    soundfile.write(path, (noise + hum).astype(np.float32), RATE, subtype="FLOAT")
    with start(f'audio.device="recording:{path}"') as daemon:
        daemon.running()

        def alerts(**which) -> list[dict[str, Any]]:
            return daemon.client.call("anomaly.list", **which)["alerts"]

        poll(lambda: [one for one in alerts(state="open") if one["kind"] == "hum"], alerts)
        (before, *_) = alerts()
        daemon.hit(daemon.status()["hosts"]["live"]["pid"], signal.SIGKILL)
        daemon.wait(
            lambda status: (
                status["hosts"]["live"]["restarts"] == 1
                and status["plugins"]["anomaly"]["state"] in ("running", "degraded")
            )
        )
        poll(lambda: max(one["id"] for one in alerts()) > before["id"], daemon.log)
        (closed,) = [one for one in alerts() if one["id"] == before["id"]]
        assert closed["seconds"] >= 0
        assert before["id"] not in {one["id"] for one in alerts(state="open")}
        daemon.tracebacks = True
