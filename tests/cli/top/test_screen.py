"""The live view as lines."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ag06d.cli.top.keys import HELP, Menu
from ag06d.cli.top.picture import FALL_DB_S, HOLD_S, PeakHold
from ag06d.cli.top.screen import draw


@pytest.fixture
def full(picture, told, meters):
    """A picture with all that there can be."""
    told("meters", meters)
    told("feature.octaves", {}, np.linspace(-80, -10, 12, dtype=np.float32))
    for number in range(50):
        told("alert.dropout", {"kind": f"dropout {number}"})
    return picture


def screen(picture, width, height, menu=None) -> list[str]:
    return draw(picture, menu or Menu(), width, height).plain.split("\n")


MENUS = [
    Menu(),
    Menu(shown=True),
    Menu(shown=True, presets=[(f"p{n}", "x" * 90) for n in range(60)], chosen=59),
]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(width=st.integers(20, 250), height=st.integers(5, 100), menu=st.sampled_from(MENUS))
def test_it_fits_terminals_of_every_size(full, width, height, menu):
    lines = screen(full, width, height, menu)
    assert [len(line) for line in lines] == [width] * height


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 24)])
def test_meters_spectrum_hosts_plugins_alerts_and_keys_are_all_in_sight(full, size):
    text = "\n".join(screen(full, *size))
    for part in (
        "running",
        "AG06, 48000 Hz",
        "-24.0 rms",
        "-12.0 peak",
        "-18.0",
        "comp  6.0",
        "16k",
        "live running",
        "features running",
        "50 alerts",
        "dropout 49",
        "q quit",
    ):
        assert part in text, part


def test_louder_octaves_stand_higher(picture, told):
    told("feature.octaves", {}, np.array([-80, -40, -10] * 4, dtype=np.float32))
    rows = [line for line in screen(picture, 80, 30) if "█" in line]
    heights = [sum(line[column] == "█" for line in rows) for column in (6, 31, 56)]
    assert heights[0] < heights[1] < heights[2]


def test_what_is_not_known_yet_is_said(picture):
    text = "\n".join(screen(picture, 80, 24))
    assert "nothing measured yet" in text
    assert "no octave levels" in text


def test_the_switches_are_told(client, picture):
    client.set({"audio.mute": True})
    picture.refresh(now=True)
    assert "MUTE" in screen(picture, 80, 24)[1]
    assert "BYPASS" not in screen(picture, 80, 24)[1]


def test_a_notice_takes_the_place_of_the_keys(picture):
    picture.notify("no such thing")
    assert screen(picture, 80, 24)[-1].strip() == "no such thing"


def test_the_help_names_every_key(picture):
    text = "\n".join(screen(picture, 80, 24, Menu(shown=True)))
    assert all(keys in text and meaning in text for keys, meaning in HELP)


def test_a_peak_is_held_and_then_falls():
    hold = PeakHold()
    hold.take(-6.0, 10.0)
    hold.take(-20.0, 10.5)
    assert hold.at(10 + HOLD_S) == -6.0
    assert hold.at(11 + HOLD_S) == -6.0 - FALL_DB_S
    hold.take(-3.0, 11.0)
    assert hold.at(11.0) == -3.0


@pytest.mark.parametrize(
    ("topic", "body", "said"),
    [
        ("state", {"changes": {"audio.mute": True}}, "set audio.mute=True"),
        ("state", {"changes": dict.fromkeys("abcde", 1)}, "set a=1 b=1 c=1 and 2 more"),
        ("preset", {"name": "voice", "slot": "a"}, "preset voice into slot a"),
        ("preset.files", {"name": "mine", "action": "saved"}, "preset mine saved"),
        ("audio.stream", {"streams": 2, "gap_frames_total": 480}, "stream 2 began; 480 frames missed in all"),
        ("host", {"host": "live", "state": "restarting", "reason": "died"}, "host live restarting died"),
        ("heartbeat", {}, ""),
    ],
)
def test_events_are_told_in_words(told, topic, body, said):
    assert told(topic, body).endswith(said)


def test_an_alert_is_in_sight_while_it_lasts_and_its_updates_are_no_events(picture, told):
    alert = {"id": 7, "kind": "hum", "severity": "high", "text": "hum left, 3.20 s: 12 dB"}
    for state in ("opened", "updated", "updated"):
        told("alert.hum", alert | {"state": state})
    lasting = "\n".join(screen(picture, 120, 30))
    assert " HUM " in lasting
    assert "1 alert" in lasting
    assert lasting.count("alert 7") == 1
    told("alert.hum", alert | {"state": "closed"})
    over = "\n".join(screen(picture, 120, 30))
    assert " HUM " not in over
    assert "alert 7 high closed: hum left, 3.20 s: 12 dB" in over
