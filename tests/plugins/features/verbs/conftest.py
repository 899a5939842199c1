"""`ag06ctl features ...` in this process, with a state folder of its own and no daemon; a recording."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner, Result

from ag06d.cli import control
from ag06d.cli.output import Output


@pytest.fixture
def ctl(tmp_path, monkeypatch) -> Callable[..., Result]:
    """`ag06ctl features ...`."""
    for variable in ("AG06D_RUNTIME_DIR", "AG06D_STATE_DIR"):
        monkeypatch.setenv(variable, str(tmp_path / variable))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(Output, "as_json", False)

    def run(*words: object, **options: Any) -> Result:
        return CliRunner().invoke(control.app, ["features", *map(str, words)], prog_name="ag06ctl", **options)

    return run


@pytest.fixture
def ctl_json(ctl) -> Callable[..., Any]:
    """What it prints, as JSON."""

    def run(*words: object) -> Any:
        return json.loads(ctl(*words, "--json").stdout.splitlines()[-1])

    return run


@pytest.fixture
def sound() -> np.ndarray:
    """Six seconds of stereo at 48 kHz: noise that swells, and a tone on the right."""
    t = np.arange(6 * 48_000) / 48_000
    noise = np.random.default_rng(5).normal(0, 0.1, (len(t), 2)) * (0.1 + np.abs(np.sin(t)))[:, None]
    noise[:, 1] += 0.3 * np.sin(2 * np.pi * 220 * t)
    return noise.astype(np.float32)


@pytest.fixture
def recorded(tmp_path) -> Callable[..., Path]:
    """Writes a recording: `recorded(sound, rate)`."""

    def write(sound: np.ndarray, rate: int = 48_000, name: str = "take.wav") -> Path:
        soundfile.write(tmp_path / name, sound, rate, subtype="FLOAT")
        return tmp_path / name

    return write
