"""The layers of the configuration, and what is said of what is wrong in them."""

from __future__ import annotations

import pytest

from ag06d.core.config import Config, load
from ag06d.core.config.layers import survey
from ag06d.errors import ConfigError


@pytest.fixture
def standard(write, tmp_path, monkeypatch):
    """Writes the machine's and the user's file."""

    def write_both(machine: str, user: str):
        monkeypatch.setenv("CONFIGURATION_DIRECTORY", str(tmp_path / "etc"))
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
        return write(machine, "etc/config.toml"), write(user, "home/ag06d/config.toml")

    return write_both


def problems(*files, overrides=()) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(files, overrides)
    return caught.value.problems


def test_every_error_of_all_layers_is_told_at_once_with_file_line_and_key(write, tmp_path, monkeypatch):
    first = write("[audio]\nrate = 12345\nblok = 64\n[bus]\nmeters_hz = 'often'\n")
    second = write("[hosts.live]\nnicee = 3\n[hosts.BAD]\n[prest]\n", "second.toml")
    broken = write("[log]\n[audio", "broken.toml")
    absent = tmp_path / "absent.toml"
    monkeypatch.setenv("AG06D_AUDIO__PRIORITY", "100")
    monkeypatch.setenv("AG06D_AUDIO_DEVICE", "AG06")
    overrides = ["audio.block=1", "nonsense", "log.level=loud", "meters_hz=3", "hosts=3"]
    found = problems(first, second, broken, absent, overrides=overrides[:-1])
    for origin, what in (
        (f"{first}:2", "audio.rate: input should be 44100, 48000"),
        (f"{first}:3", "audio.blok: there is no such key; did you mean block?"),
        (f"{first}:5", "bus.meters_hz: input should be a valid number, unable to parse string as a number"),
        (f"{second}:2", "hosts.live.nicee: there is no such key; did you mean nice?"),
        (f"{second}:3", "hosts.BAD: a name has only a-z"),
        (f"{second}:4", "prest: there is no such key; did you mean preset?"),
        (f"{broken}:2", "not TOML: "),
        (absent, "cannot be read: No such file"),
        ("AG06D_AUDIO__PRIORITY", "audio.priority: input should be less than or equal to 99, not 100"),
        ("AG06D_AUDIO_DEVICE", "there is no such setting; did you mean AG06D_AUDIO__DEVICE?"),
        ("-o audio.block", "audio.block: input should be greater than or equal to 16, not 1"),
        ("-o nonsense", "write section.key=value"),
        ("-o log.level", "log.level: input should be 'debug', 'info', 'warning' or 'error', not 'loud'"),
        ("-o meters_hz", "meters_hz: there is no such key; did you mean bus.meters_hz?"),
    ):
        assert [line for line in found if line.startswith(f"{origin}: {what}")], (origin, what, found)
    assert len(found) == 14


@pytest.mark.parametrize(
    "text",
    ["x = " + "[" * 5000, "x = 1" + "0" * 5000, "\udcff = 1"],
    ids=["too deep", "too many digits", "not UTF-8"],
)
def test_no_file_breaks_the_reader(tmp_path, text):
    path = tmp_path / "mine.toml"
    path.write_bytes(text.encode(errors="surrogateescape"))
    assert "not TOML: " in problems(path)[0]


def test_later_layers_win_key_by_key_and_each_value_knows_its_own(write, standard, monkeypatch):
    machine, user = standard("[audio]\nblock = 32\nrate = 44100\npriority = 1\n", "[audio]\nblock = 64\n")
    first = write("[audio]\nloop = false\nring_seconds = 20\n[plugins.x]\na = 1\nb = 1\n")
    second = write("[audio]\nring_seconds = 30\n[plugins.x]\nb = 2\n", "second.toml")
    monkeypatch.setenv("AG06D_AUDIO__RING_SECONDS", "40")
    monkeypatch.setenv("AG06D_AUDIO__STALL_MS", "500")
    effective = load([first, second], ["audio.stall_ms=600", "plugins.x.c=3"])
    assert effective.config.plugins == {"x": {"a": 1, "b": 2, "c": 3}}
    for key, value, origin in (
        ("device", "auto", "default"),
        ("rate", 44100, f"{machine}:3"),
        ("priority", 1, f"{machine}:4"),
        ("block", 64, f"{user}:2"),
        ("loop", False, f"{first}:2"),
        ("ring_seconds", 40, "AG06D_AUDIO__RING_SECONDS"),
        ("stall_ms", 600, "-o audio.stall_ms"),
    ):
        assert (getattr(effective.config.audio, key), effective.origin(("audio", key))) == (value, origin)
    assert effective.origin(("plugins", "x", "a")) == f"{first}:5"
    assert effective.origin(("plugins", "x", "b")) == f"{second}:4"
    assert effective.origin(("hosts", "live", "nice")) == "default"


def test_files_of_machine_and_user_need_not_be_there_but_must_be_readable(standard):
    machine, user = standard("", "")
    machine.unlink()
    user.unlink()
    assert load().config == Config()
    user.mkdir()
    assert problems() == [f"{user}: cannot be read: Is a directory"]


def test_what_is_right_is_taken_though_the_rest_is_wrong(write):
    path = write("[audio]\nblock = 64\nrate = 1\nx = 1\n[hosts.live]\nplugins = ['a', 3]\nnice = 5\n[bus]\n")
    effective, found = survey([path], ["bus=3", "hosts.X.nice=3", "hosts.nice.nice=-1"])
    assert len(found) == 6
    assert (effective.config.audio.block, effective.config.audio.rate) == (64, 48000)
    assert (effective.config.hosts["live"].nice, effective.config.hosts["live"].plugins) == (5, ())
    assert list(effective.config.hosts) == ["live", "nice"]


def test_dates_reach_a_plugin_as_text_that_its_model_reads(write):
    path = write("[plugins.x]\nsince = 2026-01-01\nall = [{ at = 12:00:00 }]\n")
    assert load([path]).config.plugins["x"] == {"since": "2026-01-01", "all": [{"at": "12:00:00"}]}


def test_the_folders_of_sockets_and_data_are_no_settings(monkeypatch, tmp_path):
    monkeypatch.setenv("AG06D_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("AG06D_STATE_DIR", str(tmp_path))
    assert load().config == Config()


def test_a_setting_of_a_host_leaves_its_plugins_and_the_other_hosts_as_they_are():
    hosts = load(overrides=["hosts.live.nice=5", "hosts.slow.scheduling=idle"]).config.hosts
    assert (hosts["live"].nice, hosts["live"].plugins) == (5, ("features", "anomaly"))
    assert (hosts["slow"].scheduling, hosts["slow"].plugins) == ("idle", ())


def test_a_host_can_be_emptied_to_move_its_plugins_elsewhere():
    hosts = load(overrides=["hosts.live.plugins=[]", 'hosts.other.plugins=["features"]']).config.hosts
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
def test_an_override_or_a_variable_is_toml_or_else_a_bare_word(override, value, monkeypatch):
    key, _, text = override.removeprefix("audio.").partition("=")
    assert getattr(load(overrides=[override]).config.audio, key) == value
    monkeypatch.setenv(f"AG06D_AUDIO__{key.upper()}", text)
    assert getattr(load().config.audio, key) == value


def test_an_override_takes_lists():
    assert load(overrides=['hosts.live.plugins=["a", "b"]']).config.hosts["live"].plugins == ("a", "b")


@pytest.mark.parametrize("override", ["audio.block", "=3", "audio.=3", ".block=3", "audio..block=3", ""])
def test_an_override_that_is_no_assignment_is_told_how_to_write_one(override):
    assert problems(overrides=[override]) == [
        f"-o {override.partition('=')[0]}: write section.key=value, such as audio.block=64"
    ]


def test_a_section_that_another_layer_took_for_a_value_is_an_error_or_mended():
    assert problems(overrides=["audio=3"]) == [
        "-o audio: audio: is a section: write [audio], or audio.KEY = value"
    ]
    assert load(overrides=["audio=3", "audio.block=64"]).config.audio.block == 64


def test_what_a_section_was_before_it_was_taken_for_a_value_is_forgotten(write):
    path = write("[hosts.live]\nnice = 5\n")
    effective = load([path], ["hosts.live=3", "hosts.live.max_errors=5"])
    assert effective.config.hosts["live"].nice == 0
    assert effective.origin(("hosts", "live", "nice")) == "default"


def test_a_plugin_runs_once_in_one_host_and_each_that_does_not_is_told_where_it_stands(write):
    path = write(
        '[hosts.a]\nplugins = ["x", "features"]\n[hosts.b]\nplugins = ["x"]\n'
        '[hosts.c]\nnice = 99\nplugins = [\n  "y",\n  "y"]\n'
    )
    assert sorted(problems(path)) == [
        f"{path}:2: hosts.a.plugins: features stands in hosts.live too; a plugin runs once, in one host",
        f"{path}:4: hosts.b.plugins: x stands in hosts.a too; a plugin runs once, in one host",
        f"{path}:6: hosts.c.nice: input should be less than or equal to 19, not 99",
        f"{path}:7: hosts.c.plugins: y stands twice in one host; a plugin runs once, in one host",
    ]


@pytest.mark.parametrize("key", ["hosts.live.deadline_ms", "bus.meters_hz", "audio.ring_seconds"])
@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_a_number_is_finite(key, value):
    assert problems(overrides=[f"{key}={value}"])


def test_a_secret_is_in_no_message_and_in_no_origin(write):
    path = write("[plugins.x]\napi_key = 'hush'\n")
    secrets = ["plugins.x.token=hush", "plugins.x.password.of.somebody=hush", 'plugins.y={pin="hush"}']
    effective = load([path], secrets)
    assert "hush" in str(effective.config)
    assert "hush" not in str([effective.origin(key) for key in effective.origins])
    assert effective.origin(("plugins", "x", "token")) == "-o plugins.x.token"
    assert "hush" not in str(problems(path, overrides=["audio.device=[{pin='hush'}]", "audio={pin='hush'}"]))
