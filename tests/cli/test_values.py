"""`get`, `set`, `describe` and `snapshot`."""

from __future__ import annotations

import json

import pytest
import tomli


@pytest.mark.usefixtures("daemon")
def test_what_get_prints_can_be_pasted_back_into_set(ctl):
    ctl("set", "chain.a.comp.ratio=7", "chain.b.eq.low.enabled=!", "audio.slot=b")
    printed = ctl("get").stdout.split()
    ctl("preset", "apply", "broadcast")
    ctl("set", "audio.slot=a", "chain.a.comp.ratio=1.5")
    assert ctl("set", *printed).exit_code == 0
    assert ctl("get").stdout.split() == printed


@pytest.mark.usefixtures("daemon")
def test_describe_tells_range_unit_default_and_what_it_is_now(ctl, ctl_json):
    ctl("set", "chain.a.comp.threshold_db=-33")
    header, row = ctl("describe", "chain.a.comp.threshold_db").stdout.splitlines()
    assert header.split() == ["path", "allowed", "default", "now", "meaning"]
    for cell in ("chain.a.comp.threshold_db", "-60 to 0 dBFS", "-20.0", "-33.0", "Compressor: level"):
        assert cell in row
    document = ctl_json("describe", "audio")
    assert set(document) == {"audio.mute", "audio.bypass", "audio.slot"}
    assert (document["audio.slot"]["choices"], document["audio.slot"]["value"]) == (["a", "b"], "a")


def test_a_snapshot_brings_every_value_back_in_one_change(daemon, ctl, tmp_path):
    file = tmp_path / "evening.toml"
    ctl("preset", "apply", "broadcast")
    ctl("set", "audio.mute=true", "chain.b.comp.ratio=9")
    before = ctl("get").stdout
    assert ctl("snapshot", str(file)).exit_code == 0
    assert tomli.loads(file.read_text())["state"]["chain"]["b"]["comp"]["ratio"] == 9
    ctl("preset", "apply", "whisper")
    ctl("set", "audio.mute=false", "audio.slot=b", "chain.b.comp.ratio=2")
    revision = daemon.daemon.state.revision
    would = ctl("snapshot", "--restore", str(file), "--dry-run")
    assert "would set audio.mute=true" in would.stdout
    assert daemon.daemon.state.revision == revision
    restored = ctl("snapshot", "--restore", str(file))
    assert ctl("get").stdout == before
    assert daemon.daemon.state.revision == revision + 1
    assert "preset.a stays whisper" in restored.stdout
    assert ctl("snapshot", str(file)).exit_code == 1, "it writes over nothing unless told to"
    assert ctl("snapshot", str(file), "--force").exit_code == 0


@pytest.mark.usefixtures("daemon")
def test_a_snapshot_goes_through_a_pipe(ctl):
    text = ctl("snapshot").stdout
    ctl("set", "audio.bypass=true")
    assert ctl("snapshot", "--restore", "-", input=text).stdout == "audio.bypass=false\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("schema = ", "not TOML"),
        ("schema = 2\n[state.audio]\nmute = true\n", "this version reads 1"),
        ("schema = 1\n", "it has no [state]"),
        ("schema = 1\n[state.audio]\nmute = [1]\n", "audio.mute: [1] is no number"),
        (f"schema = 1\n[state.chain.a.comp]\nratio = {10**20}\n", "chain.a.comp.ratio"),
        ("schema = 1\n[state.audio]\nmuet = true\n", "did you mean audio.mute?"),
    ],
)
def test_of_a_bad_snapshot_nothing_is_restored_and_the_reason_told(daemon, ctl, text, said):
    result = ctl("snapshot", "--restore", "-", "--json", input=text)
    assert (result.exit_code, daemon.daemon.state.revision) == (1, 0)
    assert said in result.stderr
    assert "error" in json.loads(result.stdout)


def test_everything_that_is_wrong_with_a_snapshot_is_told_at_once(daemon, ctl):
    comp = "[state.chain.a.comp]\nratio = 99\nthreshold_db = true\nno_such = 1\n"
    text = f"schema = 1\n{comp}[state.audio]\nmute = 3"
    before = daemon.do(lambda d: d.state.flat())
    result = ctl("snapshot", "--restore", "-", input=text)
    assert result.exit_code == 1
    for path in ("comp.ratio: ", "comp.threshold_db: ", "chain.a.comp.no_such", "audio.mute: "):
        assert path in result.stderr
    assert daemon.do(lambda d: d.state.flat()) == before
    result = ctl("snapshot", "--restore", "-", input="[state.audio]\nmute = [1]\nslot = []")
    for words in ("it has no schema", "audio.mute: [1]", "audio.slot: []"):
        assert words in result.stderr
    assert "None" not in result.stderr


def test_a_snapshot_that_is_not_there_is_told(ctl):
    result = ctl("snapshot", "--restore", "nowhere.toml")
    assert result.exit_code == 1
    assert "nowhere.toml: cannot be read" in result.stderr
