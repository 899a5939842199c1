from __future__ import annotations

import importlib
import re

import pytest
import tomli

from ag06d.core.config import Config, load
from ag06d.errors import ConfigError


@pytest.fixture
def write(tmp_path):
    def write(text: str, name: str = "mine.toml"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def problems(*files, overrides=()) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(files, overrides)
    return caught.value.problems


def test_config_toml_lists_exactly_every_setting_at_its_default(root):
    project = tomli.loads((root / "pyproject.toml").read_text())
    modules = project["project"]["entry-points"]["ag06d.plugins"]
    plugins = {}
    for name, module in modules.items():
        model = getattr(importlib.import_module(module), "ag06_config_model", None)
        if model is not None:
            plugins[name] = model()().model_dump(mode="json")
    expected = Config().model_dump(mode="json") | {"plugins": plugins}
    assert tomli.loads((root / "config.toml").read_text()) == expected


def test_config_toml_explains_every_setting_on_its_line(root):
    lines = (root / "config.toml").read_text().splitlines()
    settings = [line for line in lines if re.match(r"[a-z_]+ *=", line)]
    assert len(settings) > 20
    assert [line for line in settings if not re.search(r"# \S", line)] == []


def test_the_shipped_file_changes_nothing(root):
    shipped, defaults = load([root / "config.toml"]), load()
    assert shipped.model_copy(update={"plugins": {}}) == defaults


def test_every_error_of_all_layers_is_told_at_once_with_its_origin(write, tmp_path):
    first = write("[audio]\nrate = 12345\nblok = 64\n[bus]\nmeters_hz = 'often'\n")
    second = write("[hosts.live]\nnicee = 3\n[hosts.BAD]\n[prest]\n", "second.toml")
    broken = write("[audio", "broken.toml")
    absent = tmp_path / "absent.toml"
    found = problems(first, second, broken, absent, overrides=["audio.block=1", "nonsense", "log.level=loud"])
    for origin, what in (
        (first, "audio.rate: must be one of 44100, 48000"),
        (first, "audio.blok: there is no such key; did you mean block?"),
        (first, "bus.meters_hz: input should be a valid number"),
        (second, "hosts.live.nicee: there is no such key; did you mean nice?"),
        (second, "hosts.BAD: "),
        (second, "prest: there is no such key; did you mean preset?"),
        (broken, "not TOML: "),
        (absent, "cannot be read: No such file"),
        ("-o audio.block=1", "audio.block: input should be greater than or equal to 16, not 1"),
        ("-o nonsense", "write section.key=value"),
        ("-o log.level=loud", "log.level: input should be 'debug', 'info', 'warning' or 'error', not 'loud'"),
    ):
        assert [line for line in found if line.startswith(f"{origin}: {what}")], (origin, what, found)
    assert len(found) == 11


@pytest.mark.parametrize(
    "text",
    ["x = " + "[" * 5000, "x = 1" + "0" * 5000, "\udcff = 1"],
    ids=["too deep", "too many digits", "not UTF-8"],
)
def test_no_file_breaks_the_reader(tmp_path, text):
    path = tmp_path / "mine.toml"
    path.write_bytes(text.encode(errors="surrogateescape"))
    assert problems(path)[0].startswith(f"{path}: not TOML: ")


def test_later_layers_win_key_by_key(write):
    first = write("[audio]\nblock = 64\nrate = 44100\n[plugins.x]\na = 1\nb = 1\n")
    second = write("[audio]\nblock = 256\n[plugins.x]\nb = 2\n", "second.toml")
    config = load([first, second], ["audio.priority=0", "plugins.x.c=3"])
    assert (config.audio.rate, config.audio.block, config.audio.priority) == (44100, 256, 0)
    assert config.plugins == {"x": {"a": 1, "b": 2, "c": 3}}


def test_a_setting_of_a_host_leaves_its_plugins_and_the_other_hosts_as_they_are():
    hosts = load(overrides=["hosts.live.nice=5", "hosts.slow.scheduling=idle"]).hosts
    assert (hosts["live"].nice, hosts["live"].plugins) == (5, ("features",))
    assert (hosts["slow"].scheduling, hosts["slow"].plugins) == ("idle", ())


def test_a_host_can_be_emptied_to_move_its_plugins_elsewhere():
    hosts = load(overrides=["hosts.live.plugins=[]", 'hosts.other.plugins=["features"]']).hosts
    assert (hosts["live"].plugins, hosts["other"].plugins) == ((), ("features",))


@pytest.mark.parametrize(
    ("override", "value"),
    [
        ("audio.device=AG06MK2", "AG06MK2"),
        ('audio.device="a = b"', "a = b"),
        ("audio.device=recording:/a=b.wav", "recording:/a=b.wav"),
        ("audio.device=", ""),
        ("audio.device=[[[[", "[[[["),
        ("audio.block=64", 64),
        ("audio.loop=false", False),
        ("audio.ring_seconds=2.5", 2.5),
    ],
)
def test_an_override_is_toml_or_else_a_bare_word(override, value):
    key = override.partition("=")[0].removeprefix("audio.")
    assert getattr(load(overrides=[override]).audio, key) == value


def test_an_override_takes_lists():
    assert load(overrides=['hosts.live.plugins=["a", "b"]']).hosts["live"].plugins == ("a", "b")


@pytest.mark.parametrize("override", ["audio.block", "=3", "audio.=3", ".block=3", "audio..block=3", ""])
def test_an_override_that_is_no_assignment_is_told_how_to_write_one(override):
    assert problems(overrides=[override]) == [
        f"-o {override}: write section.key=value, such as audio.block=64"
    ]


def test_a_section_that_another_layer_took_for_a_value_is_an_error_or_mended():
    assert problems(overrides=["audio=3"]) == [
        "-o audio=3: audio: input should be a valid dictionary or instance of AudioConfig, not 3"
    ]
    assert load(overrides=["audio=3", "audio.block=64"]).audio.block == 64


def test_a_plugin_runs_in_one_host(write):
    path = write('[hosts.a]\nplugins = ["x"]\n[hosts.b]\nplugins = ["x"]\n')
    assert problems(path) == [f"{path}: hosts: plugin x stands in a and in b; it runs in one host"]


@pytest.mark.parametrize("key", ["hosts.live.deadline_ms", "bus.meters_hz", "audio.ring_seconds"])
@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_a_number_is_finite(key, value):
    assert problems(overrides=[f"{key}={value}"])
