from __future__ import annotations

import numpy as np

from ag06_plugins.anomaly.statistics.heard import Heard
from ag06d.audio.recording import load_recording
from ag06d.features import Extractor
from ag06d.paths import SHIPPED_RECORDING

RATE = 48_000
WANTED = ("mid.rms_db", "mid.noise_floor_db", "mid.voicing", "mid.spectral_flatness")


def shares(sound: np.ndarray, skip_s: float = 5.0) -> dict[str, float]:
    extractor, heard = Extractor(RATE), Heard()
    at = [extractor.fields.index(name) for name in WANTED]
    rows = extractor.extract(np.ascontiguousarray(sound, np.float32))
    kinds = [heard.take(*map(float, row[at])) for row in rows][round(skip_s * 100) :]
    return {kind: kinds.count(kind) / len(kinds) for kind in set(kinds)}


def after_silence(sound: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    mono = np.concatenate([np.zeros(2 * RATE), sound]) + generator.normal(0, 1e-3, 2 * RATE + len(sound))
    return np.stack([mono, mono], axis=1)


def test_two_voices_are_speech_with_pauses():
    found = shares(load_recording(SHIPPED_RECORDING, RATE))
    assert found["speech"] > 0.6
    assert found["silence"] > 0.1
    assert found.get("music", 0) + found.get("noise", 0) < 0.05


def test_chords_are_music_and_hiss_is_noise():
    generator = np.random.default_rng(0)
    t = np.arange(20 * RATE) / RATE
    swells = 0.6 + 0.4 * np.sin(2 * np.pi * t / 4)
    chord = 0.1 * swells * sum(np.sin(2 * np.pi * f * k * t) / k for f in (220, 277, 330) for k in (1, 2, 3))
    assert shares(after_silence(chord, generator))["music"] > 0.9
    assert shares(after_silence(generator.normal(0, 0.05, 20 * RATE), generator))["noise"] > 0.9


def test_a_room_alone_is_silence_whatever_its_floor():
    for level in (1e-5, 1e-3, 3e-2):
        room = np.random.default_rng(0).normal(0, level, (20 * RATE, 2))
        assert shares(room)["silence"] > 0.99


def test_hops_without_numbers_are_silence_and_do_no_harm():
    heard = Heard()
    assert heard.take(np.nan, np.nan, np.nan, np.nan) == "silence"
    for _ in range(500):
        heard.take(-65, -65, 0, 0.5)
    assert heard.take(-65, -65, 0, 0.5) == "silence"
    assert heard.take(-20, -65, 0, 0.5) != "silence"
