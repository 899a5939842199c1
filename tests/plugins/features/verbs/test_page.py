"""The page that teaches the store, held against it."""

from __future__ import annotations

import re
import textwrap

import numpy as np
import pytest
import tomli
import typer

from ag06_plugins.features.settings import FeatureConfig
from ag06_plugins.features.store.expressions import FUNCTIONS
from ag06_plugins.features.store.registry import FREE
from ag06_plugins.features.store.store import FeatureStore
from ag06_plugins.features.verbs import app
from ag06_plugins.features.verbs.declarations import declared_in
from ag06_plugins.features.verbs.here import registry_of
from ag06_plugins.shared.verbs.times import parse_time
from ag06d.paths import state_folder
from ag06d.plugin import Entity, Status


@pytest.fixture(scope="module")
def page(root) -> str:
    return (root / "docs" / "feature-store.md").read_text()


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


@pytest.fixture
def mine(ctl, page):
    """The store with what the page's first file declares."""
    assert ctl
    declared = declared_in(state_folder(), blocks(page, "toml")[0])
    assert declared.problems == []
    folder = state_folder() / "plugins" / "features" / "store"
    shipped = registry_of(folder)
    store = FeatureStore(folder)
    views = [*shipped.views.values(), *declared.views]
    assert store.apply(views, declared.services, [Entity(name="stream")]) == []
    yield store
    store.close()


def test_what_it_declares_can_be_declared(mine, page):
    assert {"mood@1", "sides@1"} <= mine.registry.views.keys()
    configured = tomli.loads(blocks(page, "toml")[1])["plugins"]["features"]
    config = FeatureConfig.model_validate(configured)
    assert mine.apply(config.view, config.service) == []


def test_its_join_prints_what_it_says(ctl, mine, page, tmp_path):
    times, printed = blocks(page, "csv")
    day = parse_time("2026-03-01T12:00Z")
    rows = re.findall(r"^\| 12:00:(\d\d) \| ([\d.]+) \|$", page, re.MULTILINE)
    moments = np.array([day + int(second) * 10**9 for second, _ in rows])
    mine.push("mood", "dry", [[float(value), 0] for _, value in rows], moments)
    (tmp_path / "takes.csv").write_text(times)
    told = ctl("join", tmp_path / "takes.csv", "--features", "mood:valence")
    assert told.stdout == printed


def test_its_training_table_is_made_by_ten_lines(mine, page, tmp_path, monkeypatch):
    pd = pytest.importorskip("pandas")
    (source,) = (block for block in blocks(page, "python") if "pandas" in block)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "takes.csv").write_text(blocks(page, "csv")[0])
    found = {}
    source = re.sub(r"^folder = .*$", f"folder = Path({str(mine.folder)!r})", source, flags=re.MULTILINE)
    exec(compile(textwrap.dedent(source), "feature-store.md", "exec"), found)  # noqa: S102 - the page's own code
    assert isinstance(found["table"], pd.DataFrame)
    assert {"take", "mid.rms_db.mean", "valence"} <= set(found["table"].columns)


def test_it_names_every_verb_status_and_function_and_what_may_be_changed(page):
    verbs = typer.main.get_command(app).commands
    assert {"status", "join", "push", "dead-letters"} <= verbs.keys()
    assert {
        verb for verb in verbs if not re.search(rf"ag06ctl features (\w+`, )*{verb}\b|`{verb}", page)
    } == set()
    assert {status.name for status in Status if f"`{status.name}`" not in page} == set()
    assert f"`{' '.join(FUNCTIONS)}`" in page
    free = re.search(r"Free to change are (.*?)\. ", page, re.DOTALL)[1]
    assert set(re.findall(r"`(\w+)`", free)) == FREE
