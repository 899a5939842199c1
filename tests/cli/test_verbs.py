"""What all verbs have in common."""

from __future__ import annotations

import json
from importlib.metadata import version

import pytest
import typer

from ag06d.cli import control


def verbs(command, *names: str) -> dict[str, object]:
    """Every verb by what is typed, those in families too."""
    found = {}
    for name, below in command.commands.items():
        words = (*names, name)
        found |= verbs(below, *words) if hasattr(below, "commands") else {" ".join(words): below}
    return found


ALL = verbs(typer.main.get_command(control.app))


@pytest.mark.parametrize("verb", ALL)
def test_the_help_of_every_verb_has_an_example_of_it_and_takes_json(ctl, verb):
    result = ctl(*verb.split(), "--help")
    assert result.exit_code == 0
    assert f"For example: ag06ctl {verb}" in result.stdout.replace("--json ", "")
    assert "--json" in result.stdout


@pytest.mark.usefixtures("daemon")
@pytest.mark.parametrize("verb", ["status", "meters", "get", "describe", "hosts", "snapshot", "preset list"])
def test_json_may_stand_before_and_after_the_verb(ctl, verb):
    words = verb.split()
    before, after = ctl("--json", *words), ctl(*words, "--json")
    assert json.loads(before.stdout) == json.loads(after.stdout)
    assert not ctl(*words).stdout.startswith("{")


@pytest.mark.usefixtures("daemon")
def test_a_preset_whose_values_were_changed_is_told_as_such(ctl):
    ctl("preset", "apply", "voice", "--slot", "a")
    ctl("preset", "apply", "broadcast", "--slot", "b")
    ctl("set", "chain.b.comp.ratio=7")
    assert "a: voice, b: broadcast (changed); slot a is heard" in ctl("status").stdout


@pytest.mark.usefixtures("daemon")
def test_what_is_switched_stands_before_the_slot_that_would_be_heard(ctl):
    ctl("set", "audio.mute=true", "audio.bypass=true")
    assert "slot a would be heard but for mute and bypass" in ctl("status").stdout


def test_input_that_is_no_sound_is_told_where_there_was_any(daemon, ctl, monkeypatch):
    assert "input" not in ctl("status").stdout
    status = daemon.daemon.status()
    status["audio"]["bad_input_frames"] = 3
    monkeypatch.setattr(daemon.daemon, "status", lambda: status)
    assert "input    3 frames of input were silenced: NaN, infinite" in ctl("status").stdout


def test_the_version_is_that_of_the_package_and_of_the_protocol(ctl, ctl_json):
    assert ctl("--version").stdout == f"ag06ctl {version('ag06d')}, protocol AG06/1\n"
    assert ctl_json("--version") == {"version": version("ag06d"), "protocol": "AG06/1"}


@pytest.mark.usefixtures("daemon")
@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["get", "chain.a.comp.treshold_db"], "unknown_path", "did you mean chain.a.comp.threshold_db?"),
        (["describe", "audio.mut"], "unknown_path", "did you mean audio.mute?"),
        (["set", "chain.a.comp.ratio=99"], "out_of_range", "from 1 to 20"),
        (["set", f"chain.a.comp.ratio={10**30}"], "out_of_range", "from 1 to 20"),
        (["set", "chain.a.comp.ratio=!"], "bad_request", "there is nothing to turn over"),
        (["set", "audio.mute=+1"], "bad_request", "there is nothing to add +1 to"),
        (["preset", "apply", "brodcast"], "bad_request", "did you mean broadcast?"),
        (["hosts", "lve"], "unknown_path", "did you mean live?"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_the_daemon_refuses_is_told_in_words_with_the_nearest_right_thing(ctl, arguments, code, said):
    result = ctl(*arguments, "--json")
    assert result.exit_code == 1
    assert said in result.stderr
    error = json.loads(result.stdout)["error"]
    assert error.keys() == {"code", "message", "hint"}
    assert said in f"{error['message']} {error['hint']}"
    assert "{" not in result.stderr, "a user does not speak msgpack"
    assert "Traceback" not in result.stderr
    if arguments[:2] != ["preset", "apply"]:
        assert error["code"] == code


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["stats"], "'status'"),
        (["preset", "aply"], "'apply'"),
        (["get", "--jsn"], "--json"),
        (["set", "chain.a.comp.ratio"], "PATH=VALUE"),
        (["set", "chain.a.comp.ratio=+loud"], "no number to step by"),
        (["preset", "apply", "voice", "--slot", "c"], "'a'"),
        (["plot", "meters", "--output", "levels.pdf"], ".png"),
        (["preset", "plot", "voice", "-o", "voice"], ".png"),
        (["set", "audio.mute=!!"], "PATH=!"),
        (["set", "audio.mute!0"], "PATH=!"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage_exits_with_two_and_offers_what_is_near(ctl, arguments, said):
    result = ctl(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--json", "stats"], "'status'"),
        (["--json"], "Missing command"),
        (["--json", "preset"], "Missing command"),
        (["preset", "--json"], "--json"),
        (["set", "foo", "--json"], "PATH=VALUE"),
        (["get", "--jsn", "--json"], "--jsn"),
        (["--json", "record", "--before", "-1"], "--before"),
        (["preset", "apply", "voice", "--slot", "c", "--json"], "'a'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage_is_told_as_a_document_too_where_one_is_wanted(ctl, arguments, said):
    result = ctl(*arguments)
    assert result.exit_code == 2
    error = json.loads(result.stdout.splitlines()[-1])["error"]
    assert error["code"] == "usage"
    assert said in error["message"]
    assert error["hint"].endswith("--help")


@pytest.mark.parametrize("verb", [["status"], ["set", "audio.mute=!"], ["watch"], ["snapshot"], ["top"]])
def test_without_a_daemon_the_status_is_three_and_nothing_waits(ctl, verb):
    result = ctl(*verb, "--json")
    assert result.exit_code == 3
    assert json.loads(result.stdout)["error"]["code"] == "no_daemon"
    assert "ag06d run" in result.stderr


@pytest.mark.parametrize("arguments", [["preset", "import"], ["snapshot", "--restore"]], ids=" ".join)
def test_a_file_without_an_end_is_refused(ctl, arguments):
    result = ctl(*arguments, "/dev/zero")
    assert result.exit_code == 1
    assert "/dev/zero: longer than 1048576 bytes" in result.stderr
