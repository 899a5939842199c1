"""Families of verbs that come with plugins: in the list without being imported, and each on its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

AG06CTL = str(Path(sys.executable).parent / "ag06ctl")
GOOD = '''
"""`ag06ctl good ...`: what the good one has to say.

More of it.
"""
import typer
from ag06d.cli.output import show
from ag06d.cli.verbs import Verbs

print("good was imported")
app = Verbs()


@app.command()
def twice(number: int) -> None:
    """Twice NUMBER.

    For example: ag06ctl good twice 3
    """
    show({"twice": 2 * number}, f"twice {number} is {2 * number}")
'''
VERBS = {
    "good": ("good_plugin.verbs:app", GOOD),
    "raises": ("raises_plugin.verbs:app", '"""Raises."""\nraise RuntimeError("on purpose")\n'),
    "gone": ("gone_plugin.verbs:app", None),
    "other": ("other_plugin.verbs:app", "app = 3\n"),
    "garbage": ("garbage_plugin.verbs:app", "\0 is no Python\n"),
    "status": ("good_plugin.verbs:app", None),
}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Where distributions with families of verbs are installed; their plugins must not be imported."""
    site = tmp_path_factory.mktemp("site")
    about = site / "families-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: families\nVersion: 1.0\n")
    lines = "".join(f"{name} = {where}\n" for name, (where, _) in VERBS.items())
    (about / "entry_points.txt").write_text(f"[ag06d.verbs]\n{lines}")
    for name, (_, source) in VERBS.items():
        if source is not None:
            package = site / f"{name}_plugin"
            package.mkdir()
            (package / "__init__.py").write_text('print("the plugin was imported")\n')
            (package / "verbs.py").write_text(source)
    return site


@pytest.fixture
def ctl(site, tmp_path):
    """`ag06ctl ...` in a process of its own, where the families are."""

    def ctl(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        environ = os.environ | {"PYTHONPATH": str(site), "AG06D_RUNTIME_DIR": str(tmp_path)} | env
        return subprocess.run(
            [AG06CTL, *arguments], env=environ, capture_output=True, text=True, timeout=60, check=False
        )

    return ctl


def test_the_list_of_verbs_has_every_family_with_a_line_and_imports_none(ctl):
    done = ctl("--help", COLUMNS="200")
    assert done.returncode == 0, done.stderr
    assert "imported" not in done.stdout
    for line in ("What the good one has to say.", "Raises.", "Verbs of gone.", "Verbs of garbage."):
        assert line in done.stdout
    assert done.stdout.count("status") == 1


def test_a_family_is_used_and_helped_like_any_other(ctl):
    assert ctl("good", "twice", "3").stdout.endswith("twice 3 is 6\n")
    assert ctl("--json", "good", "twice", "3").stdout.endswith('{"twice": 6}\n')
    helped = ctl("good", "--help").stdout
    assert "twice" in helped
    assert "What the good one has to say." in helped
    assert "For example: ag06ctl good twice 3" in ctl("good", "twice", "--help").stdout
    wrong = ctl("good", "twce", "3")
    assert wrong.returncode == 2
    assert "twice" in wrong.stderr


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("raises", "on purpose"),
        ("gone", "gone_plugin"),
        ("other", "no ag06d.cli.verbs.Verbs"),
        ("garbage", "null"),
    ],
)
def test_a_family_that_does_not_load_says_so_when_it_is_used_and_costs_nobody_else(ctl, name, said):
    done = ctl(name, "twice", "3")
    assert done.returncode == 1
    assert f"the verbs of {name} do not load: " in done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert ctl("good", "twice", "3").returncode == 0


def test_the_daemons_own_verbs_import_no_family_and_none_takes_their_place(ctl):
    done = ctl("status")
    assert done.returncode == 3
    assert "imported" not in done.stdout


@pytest.mark.parametrize(
    ("words", "offered"),
    [(("",), {"good", "raises", "status"}), (("good", ""), {"twice"}), (("raises", ""), set())],
)
def test_completion_knows_families_and_is_silent_about_those_that_do_not_load(ctl, words, offered):
    environ = {
        "_AG06CTL_COMPLETE": "complete_bash",
        "COMP_WORDS": "\n".join(["ag06ctl", *words]),
        "COMP_CWORD": str(len(words)),
    }
    done = ctl(**environ)
    assert done.stderr == ""
    assert offered <= set(done.stdout.split())
    assert offered or "twice" not in done.stdout
