from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ag06d.errors import PlotError, PresetError, RequestError
from ag06d.paths import FACTORY_PRESETS, SHIPPED_RECORDING
from ag06d.plot import plot_comparison, plot_preset

PNG = b"\x89PNG\r\n\x1a\n"
SIDES = ("before", "after")
CTL = Path(sys.executable).parent / "ag06ctl"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("AG06D_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("AG06D_RUNTIME_DIR", str(tmp_path))
    (tmp_path / "presets").mkdir()
    return tmp_path


@pytest.mark.parametrize("name", sorted(path.stem for path in FACTORY_PRESETS.glob("*.toml")))
def test_every_factory_preset_is_drawn_as_text_no_wider_than_a_terminal(name):
    text = plot_preset(name, 48000)
    assert text.startswith(f"{name}: ")
    assert "High-pass and EQ" in text
    assert "\x1b" not in text
    assert max(len(line) for line in text.splitlines()[1:]) <= 100


@pytest.mark.parametrize("name", ["voice", "bypass"])
def test_a_preset_is_drawn_into_a_png(folder, name):
    path = folder / "figure.png"
    assert plot_preset(name, 44100, path) == str(path)
    assert path.read_bytes().startswith(PNG)


def test_a_users_preset_is_drawn_with_no_daemon_about(folder):
    (folder / "presets" / "mine.toml").write_text("schema = 1\n[chain.trim]\ngain_db = 24\n")
    done = subprocess.run([CTL, "preset", "plot", "mine"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("mine: ")


def test_what_cannot_be_drawn_says_why(folder):
    (folder / "presets" / "broken.toml").write_text("schema = 9")
    with pytest.raises(PresetError, match="schema: 9"):
        plot_preset("broken", 48000)
    with pytest.raises(RequestError, match="no preset"):
        plot_preset("nonesuch", 48000)
    with pytest.raises(PlotError, match="cannot be written"):
        plot_preset("voice", 48000, folder / "absent" / "figure.png")


def test_before_and_after_are_drawn_both_ways(folder):
    path = folder / "figure.png"
    text = plot_comparison(SHIPPED_RECORDING, SHIPPED_RECORDING, 48000, "studio")
    headings = [
        f"{what} {side}" for what in ("Waveform", "Spectrum", "Short-term loudness") for side in SIDES
    ]
    assert [line for line in text.splitlines() if line in headings] == headings
    wave = text.split("Waveform before")[1].split("Waveform after")[0]
    assert max(wave.count(dots) for dots in "⡇⣿") > 0, "the outline is filled"
    assert max(len(line) for line in text.splitlines()) <= 100
    assert plot_comparison(SHIPPED_RECORDING, SHIPPED_RECORDING, 48000, "studio", path) == str(path)
    assert path.read_bytes().startswith(PNG)


def test_colours_share_a_figure_under_a_legend(monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    text = plot_comparison(SHIPPED_RECORDING, SHIPPED_RECORDING, 48000, "studio")
    for figure in ("Spectrum before and after", "Short-term loudness before and after"):
        legend = next(line for line in text.split(figure)[1].splitlines() if "before" in line)
        assert legend == "\x1b[33mbefore\x1b[0m   \x1b[36mafter\x1b[0m"


def test_without_matplotlib_a_png_says_what_to_install_and_text_is_drawn():
    program = (
        "import sys; sys.modules['matplotlib'] = None; sys.modules['matplotlib.figure'] = None\n"
        "from ag06d.cli.control import main; main()"
    )

    def run(*arguments):
        return subprocess.run(
            [sys.executable, "-c", program, "preset", "plot", "voice", *arguments],
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    refused = run("--output", "figure.png")
    assert refused.returncode == 1
    assert "pip install 'ag06d[plot]'" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert run().returncode == 0
