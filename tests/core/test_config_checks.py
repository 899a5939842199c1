"""What is checked of a configuration beyond its own words."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ag06d.core.config import checks
from ag06d.core.config.inspection import Inspector, inspect_plugins
from ag06d.core.config.layers import load
from ag06d.errors import ConfigError

GOOD = """
from pydantic import BaseModel, SecretStr
from ag06d.plugin import hookimpl

class Band(BaseModel):
    low_hz: float = 20.0

class Model(BaseModel):
    level_db: float = -20.0
    band: Band = Band()
    pin: SecretStr = SecretStr("0000")

@hookimpl
def ag06_config_model():
    return Model
"""


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    """Folders of the test's own for sockets and data."""
    monkeypatch.setenv("AG06D_RUNTIME_DIR", str(tmp_path / "run"))
    monkeypatch.setenv("AG06D_STATE_DIR", str(tmp_path / "state"))


def test_nothing_is_wrong_with_the_defaults():
    found = checks.check()
    assert (found.problems, found.warnings) == ([], [])


def test_all_that_is_named_and_not_there_is_told_at_once(write, tmp_path, monkeypatch):
    path = write(
        "[audio]\nblock = 1\ndevice = 'recording:/no/such.wav'\n"
        "fallback = 'recording:~nobody-is-so-called/x'\n"
        "[preset]\nstart = 'voise'\nstart_b = 'mine'\n"
        "[hosts.live]\nplugins = ['features', 'fetures']\n"
        "[plugins.features]\nrolof = 0.5\nrolloff = 2\n"
        "[plugins.feature]\nx = 1\n"
    )
    write("schema = 1\n[chain.comp]\nratio = 1e9\n", "state/presets/mine.toml")
    in_the_way = write("", "file")
    monkeypatch.setenv("AG06D_RUNTIME_DIR", str(in_the_way / "run"))
    found = checks.check([path])
    for what in (
        f"{path}:2: audio.block: input should be greater than or equal to 16",
        f"{path}:3: audio.device: the recording cannot be read: No such file",
        f"{path}:4: audio.fallback: the recording cannot be read: ",
        f"{path}:6: preset.start: there is no preset 'voise' (did you mean voice?)",
        f"{path}:7: preset.start_b: {tmp_path / 'state' / 'presets' / 'mine.toml'}: ",
        f"{path}:9: hosts.live.plugins: plugin fetures: no plugin 'fetures' is installed",
        f"{path}:11: plugins.features.rolof: there is no such key; did you mean rolloff?",
        f"{path}:12: plugins.features.rolloff: input should be less than 1, not 2",
        f"{in_the_way / 'run'}: {in_the_way} is not a folder",
    ):
        assert [line for line in found.problems if line.startswith(what)], (what, found.problems)
    assert len(found.problems) == 9
    assert found.warnings == [
        f"{path}:13: plugins.feature: no host runs a plugin of this name; did you mean features?"
    ]


def test_a_daemon_does_not_start_with_what_it_cannot_do_and_waits_for_what_may_come(monkeypatch):
    monkeypatch.setenv("AG06D_RUNTIME_DIR", "/" + "x" * 200)
    overrides = ["audio.block=1", "preset.start=voise", "audio.device=recording:/no/such.wav"]
    with pytest.raises(ConfigError) as caught:
        checks.load_to_run(overrides=[*overrides, "hosts.live.plugins=['fetures']"])
    assert [line.split(": ")[1] for line in caught.value.problems] == [
        "audio.block",
        "preset.start",
        "longer than 107 bytes; set AG06D_RUNTIME_DIR to a shorter folder",
    ]
    with pytest.raises(ConfigError) as caught:
        checks.load_to_run(overrides=overrides, sockets=False)
    assert len(caught.value.problems) == 2


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_is_told(tmp_path, monkeypatch):
    (tmp_path / "state").mkdir(mode=0o500)
    assert list(checks.folder_problems()) == [f"{tmp_path / 'state'}: may not be written by this user"]
    monkeypatch.setenv("AG06D_STATE_DIR", str(tmp_path / "state" / "below"))
    assert "cannot be made in" in next(checks.folder_problems())


def test_a_typo_in_a_lax_model_is_a_warning_and_a_secret_type_is_shown_nowhere(install, write):
    install(lax=GOOD)
    path = write(
        "[hosts.live]\nplugins = ['lax']\n"
        "[plugins.lax]\nlevl_db = 3\npin = 1234\n[plugins.lax.band]\nlow_hs = 3\nlow_hz = 'deep'\n"
    )
    found = checks.check([path])
    assert found.warnings == [
        f"{path}:4: plugins.lax.levl_db: the plugin has no such setting; did you mean level_db?",
        f"{path}:7: plugins.lax.band.low_hs: the plugin has no such setting; did you mean low_hz?",
    ]
    number = "input should be a valid number, unable to parse string as a number"
    assert found.problems == [
        f"{path}:8: plugins.lax.band.low_hz: {number}, not 'deep'",
        f"{path}:5: plugins.lax.pin: input should be a valid string",
    ]


def test_a_plugin_that_does_not_load_hurts_nobody(install):
    install(
        good=GOOD,
        raises="raise RuntimeError('not today')",
        leaves="import sys; sys.exit(0)",
        exits="import os; os._exit(0)",
        crashes="import ctypes; ctypes.string_at(0)",
        prints="print('{}' * 100000)",
        model="from ag06d.plugin import hookimpl\n@hookimpl\ndef ag06_config_model(): 1 / 0\n",
        wrong="from ag06d.plugin import hookimpl\n@hookimpl\ndef ag06_no_hook(): 1 / 0\n",
    )
    names = ["good", "raises", "leaves", "exits", "crashes", "prints", "model", "wrong", "absent"]
    refused = {
        name: found.refused for name, found in inspect_plugins(load().config, names, patience_s=60).items()
    }
    assert list(refused) == names
    assert [name for name, why in refused.items() if not why] == ["good", "prints"]
    for name, why in (
        ("raises", "RuntimeError: not today"),
        ("leaves", "SystemExit: 0"),
        ("exits", "ended its process"),
        ("crashes", "killed by SIGSEGV"),
        ("model", "ZeroDivisionError"),
        ("wrong", "ag06_no_hook"),
        ("absent", "no plugin 'absent' is installed"),
    ):
        assert why in refused[name], refused


def test_a_plugin_that_hangs_is_given_up_with_all_that_it_started(install, tmp_path):
    child = f"import time; open({str(tmp_path / 'alive')!r}, 'w').close(); time.sleep(3600)"
    install(
        hangs=f"import subprocess, sys, time\n"
        f"p = subprocess.Popen([sys.executable, '-c', {child!r}])\n"
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(p.pid))\ntime.sleep(3600)\n"
    )
    found = inspect_plugins(load().config, ["hangs"], patience_s=5)
    assert found["hangs"].refused == "does not load within 5 s"
    pid = int((tmp_path / "pid").read_text())
    give_up = time.monotonic() + 60
    while time.monotonic() < give_up:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                break
        except OSError:
            break
        time.sleep(0.02)
    else:
        pytest.fail(f"{pid} lives")


def test_what_is_being_inspected_ends_at_once_when_it_is_stopped(install, tmp_path):
    begun = tmp_path / "begun"
    install(
        hangs="import subprocess, sys, time\n"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(3600)'])\n"
        f"open({str(begun)!r}, 'w').close()\ntime.sleep(3600)\n"
    )
    inspector = Inspector()

    def stop() -> None:
        while not begun.exists():
            time.sleep(0.02)
        inspector.stop()

    with ThreadPoolExecutor() as pool:
        pool.submit(stop)
        found = inspector.inspect(load().config, ["hangs"], patience_s=100)
    assert found["hangs"].refused == "was not looked at: ag06d stops"
    assert inspector.inspect(load().config, ["absent"]) == {"absent": found["hangs"]}


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")])
def test_a_pipe_or_a_device_is_no_configuration_file_and_no_recording(tmp_path, make):
    make(tmp_path / "no_file")
    found = checks.check([tmp_path / "no_file"], [f"audio.device=recording:{tmp_path / 'no_file'}"])
    assert f"{tmp_path / 'no_file'}: cannot be read: it is no regular file" in found.problems
    assert any("the recording cannot be read: it is no regular file" in problem for problem in found.problems)
