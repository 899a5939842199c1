"""The effective configuration as it is shown."""

from __future__ import annotations

import pytest
import tomli
import tomli_w
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from ag06d.cli.daemon import app
from ag06d.core.config import load
from ag06d.core.config.show import to_document, to_toml, visible

KEYS = st.text(st.sampled_from("ab.[]\"'=#\n é"), max_size=4)
LEAVES = (
    st.integers(-9, 9)
    | st.floats(allow_nan=False)
    | st.booleans()
    | st.text(st.sampled_from("a[]\"'=#\n\\\r\té\x7f"), max_size=8)
)
VALUES = st.recursive(
    LEAVES, lambda below: st.lists(below, max_size=3) | st.dictionaries(KEYS, below, max_size=3)
)


@pytest.fixture(scope="module")
def nowhere(tmp_path_factory):
    return tmp_path_factory.mktemp("show")


@given(st.dictionaries(KEYS, VALUES, max_size=4))
def test_what_is_shown_is_a_configuration_that_says_the_same(nowhere, section):
    wanted, shown = nowhere / "wanted.toml", nowhere / "shown.toml"
    host = {"nice": 3, "plugins": []}
    wanted.write_text(tomli_w.dumps({"plugins": {"x y": section}, "hosts": {"live": host}}), newline="")
    effective = load([wanted])
    tree = effective.config.model_dump()
    shown.write_text(to_toml(tree, effective), newline="")
    assert load([shown]).config == effective.config


def test_each_value_has_its_origin_beside_it_and_secrets_are_stars(install, write, monkeypatch):
    install(
        mine="from pydantic import BaseModel, SecretStr\nfrom ag06d.plugin import hookimpl\n"
        "class Model(BaseModel):\n  rate_hz: float = 2.0\n  pin: SecretStr = SecretStr('hush')\n"
        "  api_key: str = ''\n  name: str | None = None\n"
        "@hookimpl\ndef ag06_config_model(): return Model\n"
    )
    path = write(
        "[audio]\nblock = 64\n[hosts.live]\nplugins = ['mine']\n[plugins.mine]\npin = 'hush'\n"
        "[plugins.other]\ntokens = ['hush', { a = 'hush' }]\npassword.of.mine = 'hush'\n"
        "[[plugins.other.accounts]]\nname = 'me'\npassword = 'hush'\n"
    )
    monkeypatch.setenv("AG06D_AUDIO__LOOP", "false")
    effective = load([path], ["plugins.mine.api_key=hush", "log.level=debug"])
    tree = visible(effective)
    text, document = to_toml(tree, effective), to_document(tree, effective)
    assert "hush" not in text + str(document)
    for line in (
        'device = "auto"  # default',
        f"block = 64  # {path}:2",
        "loop = false  # AG06D_AUDIO__LOOP",
        'level = "debug"  # -o log.level',
        "rate_hz = 2.0  # default",
        f'pin = "**********"  # {path}:6',
        'api_key = "**********"  # -o plugins.mine.api_key',
        "# name is not set  # default",
        f'tokens = ["**********", {{ a = "**********" }}]  # {path}:8',
    ):
        assert line in text.splitlines()
    assert document["origins"]["audio.block"] == f"{path}:2"
    assert document["origins"]["plugins.other.password.of.mine"] == f"{path}:9"
    assert document["config"]["plugins"]["mine"]["rate_hz"] == 2.0
    assert load([write(text, "again.toml")]).config.audio == effective.config.audio


def test_an_origin_cannot_break_out_of_its_comment(write):
    path = write("[audio]\nblock = 64\n", "new\nline\x1b.toml")
    effective = load([path])
    assert tomli.loads(to_toml(visible(effective), effective))["audio"]["block"] == 64
    assert "new\\x0aline\\x1b.toml:2" in to_toml(visible(effective), effective)


def test_the_commands_say_what_they_found_by_their_status(tmp_path, monkeypatch, write):
    monkeypatch.setenv("AG06D_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("AG06D_RUNTIME_DIR", str(tmp_path))
    runner = CliRunner()
    bad = write("[audio]\nblok = 64\n[plugins.features]\nrolloff = 7\n")
    good = runner.invoke(app, ["check"])
    assert (good.exit_code, good.stdout) == (0, "the configuration is good\n")
    wrong = runner.invoke(app, ["check", "-c", str(bad), "-o", "preset.start=voise"])
    assert (wrong.exit_code, wrong.stdout, len(wrong.stderr.splitlines())) == (2, "", 3)
    assert runner.invoke(app, ["config", "-c", str(bad)]).exit_code == 2
    assert tomli.loads(runner.invoke(app, ["config"]).stdout)["plugins"]["features"]["rolloff"] == 0.85


def test_feature_views_are_shown_as_they_can_be_read_back(nowhere):
    mine, shown = nowhere / "views.toml", nowhere / "shown_views.toml"
    view = {"name": "mood", "entity": "stream", "fields": [{"name": "calm", "low": 0, "shape": [3]}]}
    service = {"name": "feel", "features": ["mood", "level:mid.rms_db"], "entities": {"stream": "dry"}}
    mine.write_text(tomli_w.dumps({"plugins": {"features": {"view": [view], "service": [service]}}}))
    effective = load([mine])
    shown.write_text(to_toml(visible(effective), effective))
    again = load([shown])
    assert to_toml(visible(again), again).replace(str(shown), str(mine)).count("mood") == 2
    (read,) = again.config.plugins["features"]["view"]
    assert (read["name"], read["fields"][0]["shape"], "high" in read["fields"][0]) == ("mood", [3], False)
