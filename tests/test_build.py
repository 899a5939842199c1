"""What is shipped: the sdist holds all that the build needs, and the wheel made from it all that runs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
import tomli

ROOT = Path(__file__).parents[1]
PACKAGES = ("daemon", "plugins")
FILES = ("setup.py", "pyproject.toml", "MANIFEST.in", "config.toml", "LICENSE", "README.md")
LEFT_OUT = shutil.ignore_patterns("*.so", "*.o", "*.egg-info", "__pycache__", "build", "_native.c")
SETUPTOOLS = 77  # the first that understands the licence in pyproject.toml


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    """The sources alone, as a fresh checkout has them."""
    tree = tmp_path_factory.mktemp("tree") / "ag06d"
    tree.mkdir()
    for name in (*PACKAGES, "native"):
        shutil.copytree(ROOT / name, tree / name, ignore=LEFT_OUT)
    for name in FILES:
        shutil.copy(ROOT / name, tree / name)
    return tree


def can_build() -> bool:
    """Whether what the build needs is here, so that nothing has to be fetched for it."""
    try:
        return int(version("setuptools").split(".")[0]) >= SETUPTOOLS
    except PackageNotFoundError:
        return False


@pytest.fixture(scope="module")
def dist(tree) -> Path:
    """An sdist of the tree, and the wheel that was built from that sdist."""
    here = ["--no-isolation"] if can_build() else []
    command = [sys.executable, "-m", "build", *here, "--outdir", "dist", "."]
    built = subprocess.run(
        command, cwd=tree, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert built.returncode == 0, built.stdout
    return tree / "dist"


@pytest.fixture(scope="module")
def wheel(dist) -> Path:
    (wheel,) = dist.glob("*.whl")
    return wheel


def test_the_wheel_is_for_every_python_from_311_on_this_kind_of_machine(wheel):
    number = tomli.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    assert wheel.name == f"ag06d-{number}-cp311-abi3-{platform}.whl"


def test_the_wheel_holds_every_file_of_both_packages_and_the_extension(wheel, tree):
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    sources = {
        str(path.relative_to(tree / package))
        for package in PACKAGES
        for path in (tree / package).rglob("*")
        if path.is_file() and path.suffix in (".py", ".typed", ".toml", ".flac")
    }
    assert names == sources | {"ag06d/_native.abi3.so"}
    assert names >= {
        "ag06d/py.typed",
        "ag06_plugins/py.typed",
        "ag06d/presets/voice.toml",
        "ag06d/recordings/studio.flac",
        "ag06_plugins/features/core.py",
    }


def test_the_wheel_declares_programs_plugins_and_licence(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (entries,) = (name for name in archive.namelist() if name.endswith("entry_points.txt"))
        lines = archive.read(entries).decode().splitlines()
        assert [name for name in archive.namelist() if name.endswith("licenses/LICENSE")]
    for line in (
        "ag06d = ag06d.cli.daemon:main",
        "ag06ctl = ag06d.cli.control:main",
        "[ag06d.plugins]",
        "features = ag06_plugins.features",
        "[pytest11]",
        "ag06d = ag06d.testing",
    ):
        assert line in lines


def test_the_sdist_holds_the_sources_of_both_languages_and_nothing_built(dist, tree):
    (sdist,) = dist.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    wanted = {
        str(path.relative_to(tree))
        for folder in ("daemon", "plugins", "native/include", "native/src")
        for path in (tree / folder).rglob("*")
        if path.is_file() and path.suffix in (".py", ".typed", ".toml", ".flac", ".c", ".cc", ".h")
    }
    assert wanted - names == {name for name in wanted if name.endswith("_native.c")}
    assert names >= {"native/build_native.py", "config.toml", "LICENSE", "README.md", "setup.py"}
    assert [name for name in names if name.endswith((".so", ".o", ".pyc"))] == []


def test_a_fresh_environment_with_the_wheel_has_the_extension_the_plugins_and_the_programs(wheel, tmp_path):
    programs = tmp_path / "venv" / "bin"
    venv.create(tmp_path / "venv", with_pip=False)
    (site,) = (tmp_path / "venv").glob("lib/python*/site-packages")
    pip = [sys.executable, "-m", "pip", "--python", programs / "python", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--quiet", "--no-deps", "--no-index", wheel], check=True)
    # Its dependencies are ours, but not our editable install of the package: no .pth is read there.
    (site / "dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    code = (
        "from importlib.metadata import entry_points\n"
        "import ag06d._native, ag06d.paths\n"
        "from ag06d.core.presets import PresetLibrary\n"
        "from ag06d.audio.recording import load_recording\n"
        "plugin, = {e.value: e for e in entry_points(group='ag06d.plugins', name='features')}.values()\n"
        "print(ag06d._native.__file__)\n"
        "print(plugin.load().__file__)\n"
        "print(PresetLibrary(ag06d.paths.PACKAGE / 'none').load('voice').name)\n"
        "print(len(load_recording(ag06d.paths.SHIPPED_RECORDING, 48000)) > 48000)\n"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}

    def run(*command: str | Path) -> list[str]:
        ran = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout.splitlines()

    assert run(programs / "ag06d", "check") == ["the configuration is good"]
    assert "preset" in "\n".join(run(programs / "ag06ctl", "--help"))
    assert run(programs / "python", "-c", code) == [
        str(site / "ag06d/_native.abi3.so"),
        str(site / "ag06_plugins/features/__init__.py"),
        "voice",
        "True",
    ]
