"""`ag06ctl anomaly scan`: what it says of a recording, and of what is none."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from ag06d.cli import control
from ag06d.cli.output import Output
from ag06d.paths import SHIPPED_RECORDING


@pytest.fixture
def scan(monkeypatch):
    """`ag06ctl anomaly scan ...`."""
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(Output, "as_json", False)

    def run(*words):
        return CliRunner().invoke(control.app, ["anomaly", "scan", *map(str, words)], prog_name="ag06ctl")

    return run


@pytest.fixture
def recorded(tmp_path):
    """A file of noise with a hole in one channel; its name says the rest."""

    def make(name="take.wav", rate=48000, channels=2, hole_in=0, **options):
        sound = 0.1 * np.random.default_rng(1).standard_normal((rate, channels))
        sound[rate // 2 : rate // 2 + rate // 50, hole_in] = 0
        soundfile.write(tmp_path / name, sound, rate, **options)
        return tmp_path / name

    return make


def test_the_shipped_recording_has_its_two_faults_as_one_line_of_json(scan):
    (line,) = scan(SHIPPED_RECORDING, "--json").stdout.splitlines()
    told = json.loads(line)
    assert [fault["kind"] for fault in told["faults"]] == ["clipping", "dropout"]
    assert {"kind", "severity", "start_s", "end_s", "evidence"} <= set(told["faults"][0])
    assert told["seconds"] == pytest.approx(29.0)


def test_a_person_reads_where_it_is_in_which_channel_and_how_much(scan, recorded):
    lines = scan(recorded(hole_in=1)).stdout.splitlines()
    begin, _, *what = lines[1].split()[:5]
    assert (begin, what) == ("0:00.500", ["dropout", "right", "high"])
    assert "20 ms" in lines[1]
    assert lines[-1].startswith("1 fault (dropout) in 1.0 s at 48000 Hz: ")


def test_sound_without_a_fault_says_so(scan, tmp_path):
    soundfile.write(tmp_path / "a.wav", 0.1 * np.random.default_rng(1).standard_normal((48000, 2)), 48000)
    result = scan(tmp_path / "a.wav")
    assert (result.exit_code, result.stdout.startswith("no fault in 1.0 s")) == (0, True)


@pytest.mark.parametrize("rate", [4000, 8000, 44100, 192000])
def test_a_recording_of_any_rate_is_scanned(scan, recorded, rate):
    told = json.loads(scan(recorded(rate=rate), "--json").stdout)
    assert told["rate"] == (rate if rate >= 8000 else 48000)
    if rate >= 8000:  # another rate is brought to 48 kHz, which rounds the edges of a hole
        assert told["faults"][0]["start_s"] == pytest.approx(0.5, abs=1e-4)


def test_other_channels_than_the_first_two_are_taken_when_asked_for(scan, recorded):
    take = recorded(channels=4, hole_in=3)
    assert json.loads(scan(take, "--json").stdout)["faults"] == []
    (fault,) = json.loads(scan(take, "--channels", "3,4", "--json").stdout)["faults"]
    assert fault["channel"] == "right"


def test_a_figure_shows_the_sound_around_a_fault(scan, recorded):
    assert "dropout, left, at 0:00.500" in scan(recorded(), "--plot").stdout


@pytest.mark.parametrize("words", [["missing.wav"], ["{take}", "--channels", "3"], ["{text}"]])
def test_what_cannot_be_scanned_is_refused_with_a_reason(scan, recorded, tmp_path, words):
    (tmp_path / "text.wav").write_text("no sound")
    places = {"take": recorded(), "text": tmp_path / "text.wav"}
    result = scan(*(word.format(**places) for word in words))
    assert result.exit_code == 1
    assert "ag06ctl: " in result.stderr
