"""The daemon on a real PortAudio device: a mixer that comes, plays, goes, and comes back.

Nothing here asks for a stream without gaps: on JACK's dummy backend, on a busy machine, there are some.
"""

from __future__ import annotations

import signal

import numpy as np
import pytest

pytestmark = pytest.mark.jack
HOSTS = "hosts={live={plugins=['features','counts']}}"


@pytest.fixture
def begin(start, jack_server):
    """Starts a daemon on our sound server that looks for the mixer by itself."""

    def begin(*settings: str):
        return start("preset.start=flat", HOSTS, *settings, env=jack_server.env)

    return begin


def correlation(kept: np.ndarray) -> float:
    """How well what came back is what was played, at the best of all delays up to half a second.

    Over a fifth of a second; of all such stretches the best, for a gap in the stream is none of ours.
    """
    best = 0.0
    length, reach = 9600, 24000
    for begin in range(0, len(kept) - length - reach, length):
        played, back = kept[begin : begin + length, 0], kept[begin : begin + length + reach, 2]
        size = len(back) + length
        products = np.fft.irfft(np.fft.rfft(back, size) * np.conj(np.fft.rfft(played, size)), size)
        powers = np.cumsum(np.concatenate([[0.0], back.astype(float) ** 2]))
        norms = np.sqrt((powers[length:] - powers[:-length]) * np.sum(played.astype(float) ** 2))
        valid = norms > 1e-3
        if valid.any():
            best = max(best, float((products[: len(norms)][valid] / norms[valid]).max()))
    return best


def test_sound_goes_in_is_measured_and_comes_back(begin, jack_server, make_mixer, poll):
    jack_server.start()
    mixer = make_mixer()
    with begin() as daemon:
        status = daemon.running()
        assert "AG06/AG03" in status["device"]["name"]
        assert "JACK" in status["device"]["api"]
        assert (status["device"]["rate"], status["device"]["block"]) == (48000, 128)
        poll(lambda: daemon.client.call("meters")["dry"]["rms_db"][0] > -60, daemon.status)
        poll(lambda: correlation(mixer.kept()) > 0.99, lambda: correlation(mixer.kept()))
        daemon.client.set({"audio.mute": True})
        poll(lambda: not mixer.kept()[-24000:, 2:].any(), daemon.status)
        assert mixer.kept()[:, :2].any()


def test_the_frames_of_a_real_device_follow_the_clock(begin, jack_server, make_mixer):
    jack_server.start()
    make_mixer()
    with begin() as daemon:
        first = daemon.running()
        later = daemon.wait(lambda now: now["audio"]["frames"] > first["audio"]["frames"] + 3 * 48000)
        assert later["audio"]["frames"] == later["audio"]["callbacks"] * 128
        report = daemon.report()
        assert report["next"] - report["first"] == report["frames"] + report["lost"]
        assert report["breaks"] == []


def test_without_a_device_it_waits_answers_and_starts_when_one_comes(begin, jack_server, make_mixer):
    with begin() as daemon:
        status = daemon.wait(lambda now: now["state"] == "waiting")
        assert "no AG06 or AG03 mixer" in status["reason"]
        jack_server.start()
        daemon.wait(lambda now: "system" in now["reason"])
        daemon.wait(lambda now: now["hosts"]["live"]["state"] == "running")
        assert status["audio"]["frames"] == 0
        assert daemon.report()["frames"] == 0
        assert daemon.client.set({"chain.a.trim.gain_db": 1}) == {"chain.a.trim.gain_db": 1.0}
        make_mixer()
        daemon.running()
        daemon.wait(lambda now: now["plugins"]["features"]["frames"] > 50)


def test_a_sound_server_that_dies_and_returns_is_found_again(begin, jack_server, make_mixer):
    jack_server.start()
    make_mixer()
    with begin() as daemon:
        before = daemon.running()
        with daemon.listen("audio.") as listener:
            jack_server.end(signal.SIGKILL)
            lost = daemon.wait(lambda now: now["state"] in ("waiting", "starting"))
            assert lost["reason"]
            jack_server.start()
            make_mixer()
            after = daemon.running()
            listener.take()
        states = [message.body["state"] for message in listener.heard if message.topic == "audio.state."]
        assert states[-1] == "running"
        assert after["audio"]["streams"] > before["audio"]["streams"]
        assert after["audio"]["gap_frames"] > 0
        assert after["hosts"]["live"]["pid"] == before["hosts"]["live"]["pid"]
        report = daemon.report()
        assert report["breaks"] == []
        assert report["next"] - report["first"] == report["frames"] + report["lost"]


def test_a_mixer_that_is_pulled_out_and_plugged_in_again_is_found_again(begin, jack_server, make_mixer):
    jack_server.start()
    mixer = make_mixer()
    with begin() as daemon:
        before = daemon.running()
        mixer.remove()
        lost = daemon.wait(lambda now: now["state"] == "waiting")
        assert "no AG06 or AG03 mixer" in lost["reason"]
        make_mixer()
        after = daemon.running()
        assert after["audio"]["streams"] == before["audio"]["streams"] + 1
        assert after["audio"]["gap_frames"] > 0
        assert after["hosts"]["live"]["pid"] == before["hosts"]["live"]["pid"]
        assert "is gone" in daemon.log()


def test_a_device_at_another_rate_is_waited_for_with_a_reason(begin, jack_server, make_mixer):
    jack_server.start(rate=44100)
    make_mixer()
    with begin() as daemon:
        status = daemon.wait(lambda now: now["state"] == "waiting" and "44100" in now["reason"])
        assert "48000" in status["reason"]
        jack_server.end()
        jack_server.start()
        make_mixer()
        daemon.running()


def test_a_sound_server_that_is_held_does_not_hold_the_daemon(begin, jack_server, make_mixer):
    jack_server.start()
    make_mixer()
    with begin() as daemon:
        daemon.running()
        jack_server.hold()
        try:
            daemon.wait(lambda now: now["state"] != "running" and now["reason"])
            assert daemon.client.get("audio.mute") == {"audio.mute": False}
        finally:
            jack_server.go_on()
        daemon.running()


def test_it_stops_though_the_sound_server_is_dead(begin, jack_server, make_mixer):
    jack_server.start()
    make_mixer()
    with begin() as daemon:
        daemon.running()
        jack_server.end(signal.SIGKILL)
        daemon.stop()
