"""What tests of the configuration share: files of their own, and plugins that are installed for a child."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def write(tmp_path) -> Callable[..., Path]:
    """Writes a file below tmp_path: `write(text, name)`."""

    def write_file(text: str, name: str = "mine.toml") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return write_file


@pytest.fixture
def install(tmp_path, monkeypatch) -> Callable[..., None]:
    """Makes plugins known to processes that are started: `install(name=source, ...)`."""

    def install_plugins(**sources: str) -> None:
        site = tmp_path / "site"
        about = site / "test_plugins-1.0.dist-info"
        about.mkdir(parents=True)
        (about / "METADATA").write_text("Metadata-Version: 2.1\nName: test-plugins\nVersion: 1.0\n")
        entries = "".join(f"{name} = test_plugin_{name}\n" for name in sources)
        (about / "entry_points.txt").write_text(f"[ag06d.plugins]\n{entries}")
        for name, source in sources.items():
            (site / f"test_plugin_{name}.py").write_text(source)
        monkeypatch.setenv("PYTHONPATH", str(site))

    return install_plugins
