"""config.toml and the models that it lists the settings of."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from typing import Literal, get_args, get_origin

import pytest
import tomli
import tomli_w
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from ag06d.core.config import Config, load
from ag06d.core.config.models import NAME, keys_of, settings


@pytest.fixture(scope="module")
def plugin_models(root):
    """The models of the first-party plugins' settings, by the plugins' names."""
    project = tomli.loads((root / "pyproject.toml").read_text())
    modules = {
        name: importlib.import_module(module)
        for name, module in project["project"]["entry-points"]["ag06d.plugins"].items()
    }
    return {
        name: module.ag06_config_model()
        for name, module in modules.items()
        if hasattr(module, "ag06_config_model")
    }


def test_config_toml_lists_exactly_every_setting_at_its_default(root, plugin_models):
    plugins = {name: model().model_dump(mode="json") for name, model in plugin_models.items()}
    expected = Config().model_dump(mode="json") | {"plugins": plugins}
    assert tomli.loads((root / "config.toml").read_text()) == expected


def nested(model: type[BaseModel], *path: str) -> Iterator[tuple[tuple[str, ...], FieldInfo]]:
    """The settings of a plugin, those of its sections within too."""
    for key, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from nested(field.annotation, *path, key)
        else:
            yield (*path, key), field


def allowed(field: FieldInfo) -> str:
    """The values that a setting may have, if its model limits them: "16 to 4096", "above 0, at most 1"."""
    if get_origin(field.annotation) is Literal:
        return ", ".join(map(str, get_args(field.annotation)))
    ge, le, gt, lt = (
        next((getattr(bound, name) for bound in field.metadata if hasattr(bound, name)), None)
        for name in ("ge", "le", "gt", "lt")
    )
    if ge is not None and le is not None:
        return f"{ge} to {le}"
    words = {"at least": ge, "above": gt, "at most": le, "below": lt}
    return ", ".join(f"{word} {bound}" for word, bound in words.items() if bound is not None)


def explanation(field: FieldInfo) -> str:
    """What config.toml has to say of a setting: the words of its model, and what is allowed."""
    words = field.description.rstrip(".")
    if words[:2].istitle():
        words = words[0].lower() + words[1:]
    return f"{words}; {allowed(field)}" if allowed(field) else words


def test_config_toml_explains_every_setting_in_the_words_of_its_model(root, plugin_models):
    told = {("hosts", "live", path[2]) if NAME in path else path: field for path, field in settings()}
    for name, model in plugin_models.items():
        told |= nested(model, "plugins", name)
    section, explained = (), {}
    for line in (root / "config.toml").read_text().splitlines():
        if header := re.fullmatch(r"\[([a-z_.]+)\]", line):
            section = tuple(header[1].split("."))
        elif setting := re.fullmatch(r"([a-z_0-9]+) *= .*?# (.+)", line):
            explained[(*section, setting[1])] = setting[2]
    assert explained == {path: explanation(field) for path, field in told.items()}


def test_the_page_on_configuration_has_a_row_for_every_setting_as_its_model_has_it(root, plugin_models):
    told = [list(settings())]
    told += [list(nested(model, "plugins", name)) for name, model in plugin_models.items()]
    rows = [
        [
            f"| `{'.'.join(path)}` | `{tomli_w.dumps({'y': field.default}).removeprefix('y = ').strip()}` "
            f"| {allowed(field)} | {field.description} |"
            for path, field in table
        ]
        for table in told
    ]
    page = (root / "docs" / "config.md").read_text()
    tables = re.findall(r"^\|---\|---\|---\|---\|\n((?:\|.*\n)+)", page, re.MULTILINE)
    assert [table.splitlines() for table in tables] == rows


def test_the_shipped_file_changes_nothing(root):
    shipped, defaults = load([root / "config.toml"]).config, load().config
    assert shipped.model_copy(update={"plugins": {}}) == defaults


def test_a_plugin_of_ours_refuses_a_key_that_it_does_not_know(plugin_models):
    assert plugin_models
    for name, model in plugin_models.items():
        assert model.model_config.get("extra") == "forbid", name


def test_every_section_tells_its_keys():
    for path, _ in settings():
        assert path[-1] in keys_of(path[:-1]), path
    assert keys_of(("hosts",)) == []
    assert keys_of(("plugins", "x")) == []
    assert keys_of(("nowhere",)) == []
