"""What a plugin registers, for which version of the API, and how it hears of what will go."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from ag06d.errors import RefusedError
from ag06d.host import registration as registration_module
from ag06d.host.context import HostContext
from ag06d.host.registration import register
from ag06d.plugin import Command, DeprecatedApiWarning, Topic, hookimpl, hookspecs, version
from ag06d.plugin.version import API, OLDEST, check_api, dotted


@pytest.fixture
def context(shared, tmp_path):
    return HostContext("test", shared, tmp_path / "data")


class Settings(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    window_s: float = 1.0
    """Seconds that are looked at."""
    token: SecretStr = SecretStr("nothing")
    names: list[str] = Field(default_factory=lambda: ["a"])
    needed: int


def test_a_registration_tells_hooks_topics_commands_and_settings_with_secrets_as_stars(context):
    plugin = SimpleNamespace(
        ag06_config_model=hookimpl(lambda: Settings),
        ag06_topics=hookimpl(lambda: [Topic("t", "doc", fields=("x",), units=("s",))]),
        ag06_commands=hookimpl(lambda: [Command("do", dict, "does", {"n": "how often"})]),
        helper=print,
    )
    found = register(plugin, context, {"needed": 3, "token": "geheim"}).document()
    assert found["api"] == "1.0"
    assert sorted(found["hooks"]) == ["ag06_commands", "ag06_config_model", "ag06_topics"]
    assert found["topics"][0].items() >= {"name": "t", "fields": ("x",), "units": ("s",)}.items()
    assert found["commands"] == [
        {"name": "do", "doc": "does", "arguments": {"n": "how often"}, "direct": False}
    ]
    settings = {setting["key"]: setting for setting in found["settings"]}
    assert settings["window_s"] == {
        "key": "window_s",
        "value": 1.0,
        "default": 1.0,
        "doc": "Seconds that are looked at.",
    }
    assert settings["needed"].items() >= {"value": 3, "default": None}.items()
    assert settings["names"]["default"] == ["a"]
    assert "geheim" not in str(found)
    assert context.config.token.get_secret_value() == "geheim"


@pytest.mark.parametrize("stated", ["1.0", dotted(API)])
def test_a_plugin_of_this_api_or_one_that_says_nothing_is_served(stated):
    assert check_api(SimpleNamespace(AG06_API=stated)) == stated
    assert check_api(SimpleNamespace()) == "1.0"


@pytest.mark.parametrize("stated", [1, 1.0, "1", "one", "1.0.0", None, "1." + "9" * 9])
def test_a_version_in_another_form_is_refused(stated):
    with pytest.raises(RefusedError, match=f'such as "{dotted(API)}"'):
        check_api(SimpleNamespace(AG06_API=stated))


@pytest.mark.parametrize("newer", [(API[0], API[1] + 1), (API[0] + 1, 0)])
def test_a_plugin_of_a_newer_api_is_refused_and_told_what_to_update(start, newer):
    ((state, reason),) = start("test", AG06_API=dotted(newer)).ends
    assert state == "refused"
    assert f"written for plugin API {dotted(newer)}" in reason
    assert "update ag06d" in reason


def test_a_plugin_of_an_api_that_is_no_longer_served_is_refused(monkeypatch):
    monkeypatch.setattr(version, "API", (1, 9))
    monkeypatch.setattr(version, "OLDEST", (1, 7))
    assert check_api(SimpleNamespace(AG06_API="1.7")) == "1.7"
    with pytest.raises(RefusedError, match=r"API 1\.6, .* serves 1\.7 to 1\.9; update the plugin"):
        check_api(SimpleNamespace(AG06_API="1.6"))


def test_what_is_deprecated_works_and_warns_once_and_a_whole_minor_version_lies_before_its_end(
    context, monkeypatch
):
    old = DeprecatedApiWarning("the hook ag06_old", since=(1, 3), instead="ag06_topics")
    assert old.kept_until == (1, 5)
    specs = SimpleNamespace(**vars(hookspecs))
    specs.ag06_old = hookspecs.hookspec(lambda: None, warn_on_impl=old)
    monkeypatch.setattr(registration_module, "hookspecs", specs)
    plugin = SimpleNamespace(ag06_old=hookimpl(lambda: None))
    with pytest.warns(DeprecatedApiWarning, match=r"since plugin API 1\.3 .* until 1\.5; use ag06_t") as told:
        assert register(plugin, context, {}).hooks == ["ag06_old"]
    assert len(told) == 1


def test_nothing_deprecated_has_outstayed_or_left_before_its_time():
    """Only what was deprecated a whole minor version ago may be gone, and so raise OLDEST."""
    assert OLDEST <= API
    for name, hook in vars(hookspecs).items():
        warning = (getattr(hook, "ag06d_spec", None) or {}).get("warn_on_impl")
        if warning is not None:
            assert isinstance(warning, DeprecatedApiWarning), name
            assert warning.since <= API, name


WRONG_NAMES = ["A", "a b", "a\n", "a\x1b[31m", "a..b", ".a", "a.", "1", "a-b", "ä", "a" * 101]


@pytest.mark.parametrize("name", WRONG_NAMES)
def test_a_topic_or_a_command_has_a_name_that_anybody_can_write(name):
    Topic("feature.basic_2.1", "doc")
    for make in (lambda: Topic(name, "doc"), lambda: Command(name, dict, "doc")):
        with pytest.raises(ValueError, match="a name is words of") as caught:
            make()
        assert str(caught.value).isprintable()
        assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "make",
    [
        lambda: Topic("t", "x" * 1001),
        lambda: Topic("t", "doc", fields=("a\nb",)),
        lambda: Topic("t", "doc", fields=("x" * 101,)),
        lambda: Topic("t", "doc", fields=("x",), units=("\x1b",)),
        lambda: Topic("t", "doc", fields=("x",) * 4097),
        lambda: Command("c", dict, "x" * 1001),
        lambda: Command("c", dict, "doc", {"n": "x" * 1001}),
        lambda: Command("c", dict, "doc", {"n\n": "x"}),
        lambda: Command("c", dict, "doc", {f"n{n}": "x" for n in range(101)}),
    ],
)
def test_what_is_said_of_a_topic_or_a_command_fits(make):
    with pytest.raises(ValueError, match="at most"):
        make()
