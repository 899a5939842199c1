"""A daemon that reads its configuration again while it runs."""

from __future__ import annotations

import os
import pty
import signal
from contextlib import closing
from pathlib import Path

import pytest

from ag06d.errors import RequestError

DEVICE = "audio.device=recording"
FIRST = "[hosts.live]\nplugins = ['counts', 'features']\n[hosts.other]\nplugins = ['counts_beside']\n"


@pytest.fixture
def file(tmp_path) -> Path:
    """The configuration, with two hosts."""
    path = tmp_path / "my.toml"
    path.write_text(FIRST)
    return path


def frames(daemon, plugin="counts") -> int:
    return daemon.status()["plugins"][plugin]["frames"]


def test_reloads_change_what_can_be_changed_and_cost_no_frame(start, file, whole, poll):
    """Whatever they change, neither the sound nor a host that begins again loses one."""
    with start(DEVICE, arguments=["-c", str(file)]) as daemon:
        first = daemon.running()
        pids = {name: host["pid"] for name, host in first["hosts"].items()}
        file.write_text(
            FIRST + "[bus]\nmeters_hz = 5\n[log]\nlevel = 'debug'\n[audio]\nblock = 64\nstall_ms = 900\n"
        )
        with daemon.listen("config.") as listener:
            daemon.process.send_signal(signal.SIGHUP)
            told = listener.until(lambda message: message.body["state"] == "reloaded").body
        assert told["applied"] == ["audio.stall_ms", "bus.meters_hz", "log.level"]
        assert (told["needs_restart"], told["hosts"], told["problems"]) == (["audio.block"], [], [])
        assert {name: host["pid"] for name, host in daemon.status()["hosts"].items()} == pids
        assert daemon.status()["device"]["block"] == first["device"]["block"]

        file.write_text(FIRST + "[plugins.features]\nrolloff = 0.5\n")
        answer = daemon.client.call("config.reload")
        assert answer["hosts"] == ["live"]
        assert answer["applied"][-1] == "plugins.features"
        again = daemon.running()
        assert again["hosts"]["live"]["pid"] != pids["live"]
        assert again["hosts"]["other"]["pid"] == pids["other"]

        moved = "[hosts.live]\nplugins = ['counts_beside']\n[hosts.new]\nplugins = ['counts', 'features']\n"
        file.write_text(moved)
        assert daemon.client.call("config.reload")["hosts"] == ["live", "new", "other"]
        last = daemon.running()
        assert {name: host["plugins"] for name, host in last["hosts"].items()} == {
            "live": ["counts_beside"],
            "new": ["counts", "features"],
        }
        seen = frames(daemon)
        poll(lambda: frames(daemon) > seen + 100, daemon.log)
        last = daemon.wait(whole)
        assert last["pids"]["audio"] == first["pids"]["audio"]
        assert all((host["lost_frames"], host["restarts"]) == (0, 0) for host in last["hosts"].values())


def test_a_host_that_begins_again_sees_every_frame_that_came_while_it_was_away(start, file, poll):
    def account() -> tuple[int, int]:
        status = daemon.status()
        hop = status["device"]["rate"] // 100
        return status["hosts"]["live"]["position"] - first, status["plugins"]["counts"]["frames"] * hop

    with start(DEVICE, arguments=["-c", str(file)]) as daemon:
        daemon.running()
        first = daemon.report()["first"]
        for nice in (1, 2):
            file.write_text(FIRST.replace("[hosts.other]", f"nice = {nice}\n[hosts.other]"))
            assert daemon.client.call("config.reload")["hosts"] == ["live"]
            daemon.running()
            assert daemon.report()["first"] > first
            poll(lambda: len(set(account())) == 1, account)


def test_what_is_wrong_is_told_and_all_goes_on_as_it_was(start, file, whole):
    with start(DEVICE, arguments=["-c", str(file)]) as daemon:
        before = daemon.running()
        file.write_text(
            FIRST + "[bus]\nmeter_hz = 5\n[log]\nlevel = 'debug'\n[plugins.features]\nrolloff = 7\n"
        )
        with daemon.listen("config.") as listener:
            daemon.process.send_signal(signal.SIGHUP)
            told = listener.until(lambda message: message.body["state"] == "refused").body
        with pytest.raises(RequestError) as caught:
            daemon.client.call("config.reload")
        assert caught.value.code == "conflict"
        for what in (
            f"{file}:6: bus.meter_hz",
            "did you mean meters_hz?",
            f"{file}:10: plugins.features.rolloff",
        ):
            assert what in str(caught.value)
        assert len(told["problems"]) == 2
        after = daemon.wait(whole)
        assert {name: host["pid"] for name, host in after["hosts"].items()} == {
            name: host["pid"] for name, host in before["hosts"].items()
        }
        assert f"{file}:6: bus.meter_hz" in daemon.log()


def test_a_plugin_that_does_not_load_does_not_take_the_place_of_one_that_runs(start, file):
    with start(DEVICE, arguments=["-c", str(file)]) as daemon:
        daemon.running()
        file.write_text(FIRST.replace("'features'", "'missing_module'"))
        done = daemon.ctl("reload")
        assert done.returncode == 1
        assert "missing_module" in done.stderr
        assert daemon.running()["plugins"]["features"]["state"] in ("running", "degraded")
        file.write_text(FIRST.replace(", 'features'", ""))
        assert daemon.ctl("reload", "--dry-run").stdout.splitlines()[-1] == "hosts that begin again: live"
        assert "features" in daemon.running()["plugins"]
        assert daemon.ctl("reload").returncode == 0
        assert "features" not in daemon.running()["plugins"]
        assert "feature.basic" not in daemon.client.call("describe")["topics"]


def test_in_a_terminal_a_hang_up_is_still_its_end(start):
    master, slave = pty.openpty()
    with closing(os.fdopen(master)), start(DEVICE, stdin=slave) as daemon:
        os.close(slave)
        daemon.running()
        children = daemon.children()
        daemon.process.send_signal(signal.SIGHUP)
        daemon.check(daemon.process.wait(60), children)
