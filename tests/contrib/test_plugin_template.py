"""The template of a plugin: what it generates installs, and passes its own tests with a whole daemon."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TEMPLATE = Path(__file__).parents[2] / "contrib" / "plugin-template"
PATIENCE_S = 110


def run(*arguments: str | Path, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
        **options,
    )


@pytest.fixture
def generate(tmp_path):
    """Answers the template's questions: `generate(plugin=...)`."""
    config = tmp_path / "cookiecutter.yaml"
    config.write_text(f"cookiecutters_dir: {tmp_path}/templates\nreplay_dir: {tmp_path}/replay\n")

    def generate(**answers: str) -> subprocess.CompletedProcess[str]:
        given = [f"{key}={value}" for key, value in answers.items()]
        options = ("--no-input", "--config-file", config, "--output-dir", tmp_path / "made")
        return run("cookiecutter", *options, TEMPLATE, *given)

    return generate


def test_a_plugin_made_from_the_template_passes_its_own_tests(generate, tmp_path):
    made = generate(plugin="my_peaks", description="Tells the peaks", author="N. N.")
    assert made.returncode == 0, made.stderr
    project = tmp_path / "made" / "ag06d-my-peaks"
    options = ("--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--target", tmp_path / "site")
    installed = run("pip", "install", *options, project)
    assert installed.returncode == 0, installed.stderr
    tested = run(
        "pytest",
        "-q",
        "-W",
        "error",
        "-p",
        "no:cacheprovider",
        cwd=project,
        env=os.environ | {"PYTHONPATH": str(tmp_path / "site")},
    )
    assert tested.returncode == 0, tested.stdout
    assert "5 passed" in tested.stdout


@pytest.mark.parametrize("text", ['says "hi"', "C:\\new", "two\nlines"])
def test_a_text_that_would_end_its_own_quotes_is_refused(generate, tmp_path, text):
    for question in ("description", "author"):
        refused = generate(plugin="peaks", **{question: text})
        assert refused.returncode != 0
        assert f"{question}: {text!r}: write it in one line" in refused.stdout + refused.stderr
    assert list(tmp_path.glob("made/*")) == []


@pytest.mark.parametrize("name", ["my-peaks", "Peaks", "7up"])
def test_a_name_that_could_not_be_a_modules_is_refused(generate, tmp_path, name):
    refused = generate(plugin=name)
    assert refused.returncode != 0
    assert "a name has only a-z, 0-9 and _" in refused.stdout + refused.stderr
    assert list(tmp_path.glob("made/*")) == []
