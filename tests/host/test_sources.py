"""Where plugins are found: entry points, one-file plugins, and what happens when both have a name."""

from __future__ import annotations

import pytest

from ag06d.errors import RefusedError
from ag06d.host.sources import files, find

PLUGIN = """
from dataclasses import dataclass
from ag06d.plugin import Topic, hookimpl

@dataclass
class Thing:
    x: "int" = 1

@hookimpl
def ag06_topics():
    return [Topic("file.topic", "doc")]
"""


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Installs distributions with entry points: `installed(distribution, name=value)`."""

    def install(distribution: str, **plugins: str) -> None:
        info = tmp_path / "site" / f"{distribution}-1.5.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.5\n")
        lines = [f"{name} = {value}\n" for name, value in plugins.items()]
        (info / "entry_points.txt").write_text("[ag06d.plugins]\n" + "".join(lines))

    monkeypatch.syspath_prepend(tmp_path / "site")
    return install


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "plugins"
    folder.mkdir()
    return folder


def test_a_file_of_the_folder_is_the_plugin_of_its_name(folder):
    (folder / "loudest.py").write_text(PLUGIN)
    source = find("loudest", folder)
    assert source.load().ag06_topics()[0].name == "file.topic"
    assert source.document() == {
        "distribution": None,
        "version": None,
        "file": str(folder / "loudest.py"),
    }


def test_a_file_hides_no_module_of_its_name(folder):
    (folder / "json.py").write_text("ag06 = True")
    assert find("json", folder).load().ag06
    import json  # noqa: PLC0415 - the library's, after the plugin's

    assert json.dumps({}) == "{}"


def test_an_entry_point_is_found_with_its_distribution_and_once_loaded_its_file(folder):
    source = find("features", folder)
    module = source.load()
    assert hasattr(module, "ag06_processors")
    assert source.document().items() >= {"distribution": "ag06d", "file": module.__file__}.items()


def test_a_plugin_that_there_is_not_is_refused_with_those_that_are(folder):
    (folder / "loudest.py").write_text(PLUGIN)
    with pytest.raises(RefusedError, match=r"no plugin 'nonsense' .*; there are .*features, loudest"):
        find("nonsense", folder)


def test_a_name_that_two_have_is_refused_with_both_places(folder, installed):
    installed("first", loudest="first_module")
    installed("second", shared="second_module")
    installed("third", shared="third_module")
    (folder / "loudest.py").write_text(PLUGIN)
    with pytest.raises(RefusedError, match=r"first_module of first and .*loudest\.py; keep one"):
        find("loudest", folder)
    with pytest.raises(RefusedError, match=r"_module of (second|third) and .*_module of (second|third)"):
        find("shared", folder)


@pytest.mark.parametrize("name", ["../outside", "_hidden", "with-dash", "sub/loudest", ""])
def test_only_a_plain_name_is_a_file(folder, name):
    for path in (folder / "_hidden.py", folder / "with-dash.py", folder.parent / "outside.py"):
        path.write_text(PLUGIN)
    assert files(folder) == {}
    with pytest.raises(RefusedError):
        find(name, folder)


def test_a_folder_that_there_is_not_has_no_plugins(tmp_path):
    assert files(tmp_path / "nowhere") == {}
