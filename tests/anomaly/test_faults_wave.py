"""Kinds of fault of the waveform: found at their weakest, to the frame, at any rate, in either channel."""

from __future__ import annotations

import tomllib

import numpy as np
import pytest

from ag06_plugins.anomaly.faults.kinds import KINDS
from ag06_plugins.anomaly.faults.kinds_wave import WAVE
from ag06_plugins.anomaly.inject import FAULTS, disturbed
from ag06_plugins.anomaly.scanning import scan
from ag06d.audio.recording import load_recording
from ag06d.paths import SHIPPED_RECORDING

RATES = (44100, 48000, 96000, 192000)


def voiced(rate, seconds, *, seed=1, f0=130.0, level=0.3):
    """Pulses through resonances, in words with pauses that die away, over faint noise: like a voice."""
    rng = np.random.default_rng(seed)
    frames = round(seconds * rate)
    at = np.arange(frames) / rate
    phase = np.cumsum(f0 * (1 + 0.1 * np.sin(2 * np.pi * 0.7 * at))) / rate
    sound = sum(
        np.sin(2 * np.pi * k * phase) / k * (1 / (1 + ((k * f0 - 700) / 500) ** 2) + 0.15)
        for k in range(1, 30)
    )
    words = np.clip(4 * np.sin(2 * np.pi * at / 1.9) + 2.5, 0.0, 1.0)
    mono = level * sound / np.abs(sound).max() * words
    noise = rng.standard_normal((frames, 2)) * 10 ** (np.array([-78.0, -77.0]) / 20)
    return (mono[:, None] + noise).astype(np.float32)


def strokes(rate, seconds):
    """Drum strokes, hand claps and ticks of a clock: sudden, and then they ring."""
    rng = np.random.default_rng(4)
    at = np.arange(round(seconds * rate)) / rate
    drum = np.exp(-12 * (at % 0.5)) * np.sin(2 * np.pi * 90 * (at % 0.5))
    clap = np.exp(-60 * (at % 0.31)) * rng.standard_normal(len(at))
    tick = np.exp(-900 * (at % 1.0)) * np.sin(2 * np.pi * 3100 * (at % 1.0))
    sound = 0.4 * drum + 0.1 * clap + 0.3 * tick
    noise = rng.standard_normal((len(at), 2)) * 10 ** (-75 / 20)
    return (sound[:, None] + noise).astype(np.float32)


def chord(rate, seconds):
    """Steady tones of an organ, with a clarinet's odd harmonics."""
    rng = np.random.default_rng(5)
    at = np.arange(round(seconds * rate)) / rate
    sound = sum(np.sin(2 * np.pi * 220 * k * at) / k**1.5 for k in (1, 3, 5, 1.5, 2.52, 7))
    noise = rng.standard_normal((len(at), 2)) * 10 ** (-80 / 20)
    return (0.5 * sound[:, None] / np.abs(sound).max() + noise).astype(np.float32)


def of_kind(sound, rate, kind):
    return [fault.finding for fault in scan(sound, rate) if fault.finding.kind == kind]


def test_the_shipped_recording_has_exactly_its_two_faults():
    described = tomllib.loads(SHIPPED_RECORDING.with_suffix(".toml").read_text())["faults"]
    found = scan(load_recording(SHIPPED_RECORDING, 48000), 48000)
    assert [fault.finding.kind for fault in found] == [fault["kind"] for fault in described]
    clipping, dropout = found
    assert abs(clipping.finding.start - described[0]["start_frame"]) < 48  # its gain steps where it is faint
    assert dropout.finding.start == described[1]["start_frame"]
    assert all(fault.told - fault.finding.start <= 960 for fault in found)


@pytest.mark.parametrize("make", [voiced, strokes, chord])
@pytest.mark.parametrize("rate", [44100, 48000])
def test_sound_without_a_fault_has_none(make, rate):
    assert scan(make(rate, 8), rate, WAVE) == []  # a chord of 8 s is a steady tone


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("name", ["dropout", "dropout_held", "dropout_faint"])
def test_a_hole_of_two_milliseconds_is_found_where_it_is(name, rate):
    sound = chord(rate, 2) if name == "dropout_faint" else voiced(rate, 2)
    start = rate + 137
    ruined = disturbed(FAULTS[name], sound, rate, start=start, frames=rate // 5, strength=2.0)
    (found,) = of_kind(ruined, rate, "dropout")
    assert abs(found.start - start) <= (rate // 3000 if name == "dropout_faint" else 1)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("phase", [0.0, 0.31, 0.997])
def test_one_wrong_sample_is_a_click_wherever_in_a_hop_it_is(rate, phase):
    sound = voiced(rate, 2)
    at = rate + int(phase * rate / 100)
    sound[at, 1] += 0.1
    (found,) = of_kind(sound, rate, "click")
    assert found.start == at
    assert found.channel == "right"


@pytest.mark.parametrize("frames", [130, 520])
def test_a_piece_of_sound_that_is_heard_twice_is_a_click(frames):
    sound = voiced(48000, 2)
    ruined = np.concatenate([sound[: 48000 + frames], sound[48000:]])
    found = of_kind(ruined, 48000, "click")
    assert found
    assert abs(found[0].start - 48000 - frames) <= 2


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("level", [1.0, 0.5, 0.1])
def test_flat_tops_are_clipping_at_any_level(rate, level):
    sound = voiced(rate, 2)
    top = 0.4 * np.abs(sound).max()
    ruined = np.clip(sound, -top, top) * np.float32(level / top)
    found = of_kind(ruined, rate, "clipping")
    assert found
    assert abs(found[0].evidence["clip_level_db"] - 20 * np.log10(level)) < 0.1


@pytest.mark.parametrize("side", [1, -1])
def test_tops_that_are_flat_on_one_side_alone_are_clipping(side):
    sound = side * voiced(48000, 2)
    assert of_kind(np.minimum(sound, 0.4 * sound.max()), 48000, "clipping")


def test_a_peak_between_samples_is_told_of_with_how_far_it_is_over():
    turns = (np.arange(48000) + 0.5) / 4
    tone = 10 ** (2 / 20) * np.sin(2 * np.pi * turns)  # every sample 1 dB below full scale
    sound = voiced(48000, 3)
    sound[60000:61000] = tone[:1000, None]
    (found,) = of_kind(sound, 48000, "inter_sample_over")
    assert found.value == pytest.approx(2.0, abs=0.25)
    assert abs(found.start - 60000) < 100


@pytest.mark.parametrize(
    ("name", "within_s"),
    [
        ("dc_offset", 1.1),
        ("dead_channel", 2.2),
        ("silence", 5.2),
        ("imbalance", 3.5),
        ("phase_inversion", 1.5),
    ],
)
def test_what_needs_seconds_is_told_within_those(name, within_s):
    fault, rate = FAULTS[name], 8000
    sound = voiced(rate, 10 + fault.seconds, f0=110)
    start = 9 * rate
    for strength in fault.strengths.values():
        frames = round(fault.seconds * rate)
        ruined = disturbed(fault, sound, rate, start=start, frames=frames, strength=strength)
        found = [one for one in scan(ruined, rate) if one.finding.kind == fault.kind]
        assert len(found) == 1, (name, strength)
        assert 0 < found[0].told - start <= within_s * rate


def test_a_microphone_on_one_channel_alone_is_no_fault():
    sound = voiced(48000, 12)
    sound[:, 1] = 0
    assert scan(sound, 48000) == []


def test_pauses_as_long_as_those_before_are_no_dead_channel():
    rate = 8000
    word, pause = voiced(rate, 3), np.zeros((round(3.5 * rate), 2), dtype=np.float32)
    fade = np.linspace(1, 0, len(word) // 4, dtype=np.float32)[:, None]
    word[-len(fade) :] *= fade
    sound = np.concatenate([word, pause] * 4)
    found = [fault.finding.kind for fault in scan(sound, rate)]
    assert found.count("silence") == found.count("dead_channel") == 0


@pytest.mark.parametrize("per_s", [4.0, 20.0])
def test_frames_that_are_lost_at_a_steady_rate_are_clocks_that_do_not_match(per_s):
    rate = 48000
    sound = chord(rate, 5)
    kept = np.ones(len(sound), dtype=bool)
    for at in np.arange(rate, len(sound), rate / per_s).astype(int):
        kept[at : at + 6] = False
    (found,) = of_kind(sound[kept], rate, "clock_mismatch")
    assert found.value == pytest.approx(per_s, rel=0.05)


def test_clicks_at_no_steady_rate_are_no_clocks():
    rng = np.random.default_rng(3)
    sound = voiced(48000, 6)
    for at in rng.integers(48000, len(sound), 20):
        sound[at] += 0.1
    assert of_kind(sound, 48000, "clock_mismatch") == []


@pytest.mark.parametrize("rule", KINDS, ids=lambda rule: rule.kind)
def test_every_kind_has_a_threshold_within_its_bounds_and_a_fault_to_inject(rule):
    low, high = rule.bounds
    assert low <= rule.threshold <= high
    assert rule.doc.endswith(".")


def test_every_fault_to_inject_is_of_a_kind_that_there_is():
    kinds = {rule.kind for rule in KINDS}
    assert {rule.kind for rule in WAVE} <= {fault.kind for fault in FAULTS.values()}
    assert {fault.kind for fault in FAULTS.values()} <= kinds
