"""The documentation, held against the code."""

import inspect
import re
import types
from pathlib import Path

import numpy as np
import pytest
import tomli
import typer

from ag06_plugins.anomaly.settings import AnomalyConfig
from ag06_plugins.features.topics import ALL
from ag06d import plugin
from ag06d.cli import control
from ag06d.cli.values import parse_assignment
from ag06d.features import HOP_FEATURES, SIGNAL_FEATURES
from ag06d.plugin import hookspecs
from ag06d.plugin.version import API, dotted

ROOT = Path(__file__).parent.parent


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)


def test_the_plugin_in_the_readme_publishes_the_largest_peak_of_each_second(ag06_load, ag06_frames):
    (source,) = (block for block in blocks("README.md", "python") if "hookimpl" in block)
    module = types.ModuleType("loudest")
    exec(compile(source, "README.md", "exec"), vars(module))  # noqa: S102 - the page's own code
    (example,) = (block for block in blocks("docs/plugins.md", "python") if "def test_" in block)
    tests = {"loudest": module}
    exec(compile(example.replace("import loudest", ""), "docs/plugins.md", "exec"), tests)  # noqa: S102 - likewise
    (test,) = (function for name, function in tests.items() if name.startswith("test_"))
    test(ag06_load, ag06_frames)


def test_every_ag06ctl_line_in_the_readme_names_a_command_that_is_there():
    there = typer.main.get_command(control.app).commands
    named = re.findall(r"ag06ctl(?: --json)? ([a-z]+)", (ROOT / "README.md").read_text())
    assert named
    assert set(named) <= there.keys()


@pytest.mark.parametrize("assignment", re.findall(r"ag06ctl set ([^#\n]+)", (ROOT / "README.md").read_text()))
def test_every_set_line_in_the_readme_is_understood(assignment):
    for part in assignment.split():
        path, _ = parse_assignment(part)
        assert "." in path


def test_every_hook_is_documented_with_its_exact_signature():
    page = (ROOT / "docs" / "plugins.md").read_text()
    hooks = {
        name: function
        for name, function in inspect.getmembers(hookspecs, inspect.isfunction)
        if name.startswith("ag06_")
    }
    documented = dict(re.findall(r"^### `(ag06_\w+)(\(.*)`$", page, re.MULTILINE))
    assert documented == {name: str(inspect.signature(hook)).replace("'", "") for name, hook in hooks.items()}
    for name, hook in hooks.items():
        assert inspect.getdoc(hook) in page, name


def test_the_page_on_plugins_says_the_version_of_the_api_and_every_name_that_may_be_imported():
    page = (ROOT / "docs" / "plugins.md").read_text()
    assert f"It is `{dotted(API)}`." in page
    assert f'AG06_API = "{dotted(API)}"' in page
    unnamed = {"Clock", "hookimpl"}
    assert {name for name in plugin.__all__ if f"`{name}" not in page} - unnamed == set()


def test_the_page_on_features_says_of_each_its_name_unit_range_group_and_meaning_in_order():
    page = (ROOT / "docs" / "features.md").read_text()
    rows = re.findall(r"^\| (`.*?) \| (.*?) \| (.*?) \| (.*?) \| (.*?) \| .+ \|$", page, re.MULTILINE)
    assert rows == [
        (
            " to ".join(f"`{name}`" for name in dict.fromkeys((feature.names[0], feature.names[-1]))),
            feature.unit or "-",
            f"{feature.low:g} to {feature.high:g}",
            feature.group,
            feature.doc,
        )
        for feature in (*SIGNAL_FEATURES, *HOP_FEATURES)
    ]


def test_the_page_on_features_says_the_version_of_each_topic_and_what_wet_has_more():
    page = (ROOT / "docs" / "features.md").read_text()
    topics = {topic.name: topic for topic in ALL}
    assert {name for name in topics if f"`{name}`" not in page} == set()
    stated = dict(re.findall(r"`(feature\.\w+)` \(version (\d+)\)", page))
    assert stated == {name: str(topic.version) for name, topic in topics.items() if topic.version > 1}
    more = set(topics["feature.wet"].fields) - set(topics["feature.dry"].fields)
    assert {name for name in more if f"`{name}`" not in page} == set()


def test_the_rules_on_the_page_of_alerts_can_be_configured():
    (example,) = (block for block in blocks("docs/alerts.md", "toml") if "anomaly.rule" in block)
    rules = AnomalyConfig(**tomli.loads(example)["plugins"]["anomaly"]).rule
    assert [rule.kind for rule in rules] == ["hum", "loudness_low"]


def test_the_recordings_faults_are_where_its_description_says():
    import soundfile  # noqa: PLC0415 - this test alone

    folder = ROOT / "daemon" / "ag06d" / "recordings"
    description = tomli.loads((folder / "studio.toml").read_text())
    sound, rate = soundfile.read(folder / "studio.flac")
    assert (rate, len(sound) / rate) == (description["rate"], description["duration_s"])
    faults = {
        fault["kind"]: slice(fault["start_frame"], fault["end_frame"]) for fault in description["faults"]
    }
    assert not sound[faults["dropout"]].any()
    full = np.flatnonzero(np.abs(sound) > 0.999)
    assert full.size
    assert full.min() >= faults["clipping"].start
    assert full.max() < faults["clipping"].stop
    assert (folder / "studio.flac").stat().st_size < 2_000_000
