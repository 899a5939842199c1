"""The presets for music on what they are for: made sounds, since speech tells nothing of a plucked string."""

from __future__ import annotations

import numpy as np
import pytest
from ag06d._native import ffi, lib

from ag06d.arena.parameters import to_settings
from ag06d.core.presets import PresetLibrary

from .conftest import Engine, Meter
from .instruments import drums, guitar, pluck, scaled, synth

RATE = 48000
BLOCK = 480
SECONDS = 8
MUSIC = ("acoustic-guitar", "electric-guitar", "synth", "stream-music")
PEAK_DB = -6.0  # of what comes in: as loud as anybody sets a mixer
ALLOWED_LU = 1.0  # from the middle
LIMITED_SHARE = 0.05  # of the time, by more than 1 dB: a limiter is no compressor


def stereo(mono: np.ndarray) -> np.ndarray:
    return np.stack([mono, mono], axis=1).astype(np.float32)


SOUNDS = {
    "guitar": stereo(scaled(guitar(SECONDS, RATE), PEAK_DB)),
    "synth": stereo(scaled(synth(SECONDS, RATE), PEAK_DB)),
    "band": stereo(
        scaled(
            scaled(guitar(SECONDS, RATE), -6)
            + scaled(synth(SECONDS, RATE), -6)
            + scaled(drums(SECONDS, RATE), -3),
            PEAK_DB,
        )
    ),
}


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    library = PresetLibrary(tmp_path_factory.mktemp("none"))
    return lambda name: library.load(name).chain


def played(values, sound: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """What comes out of slot A, and by how many dB each stage turned down at the end of each block."""
    engine = Engine(RATE)
    engine.settings = to_settings(values)
    engine.begin()
    engine.feed(np.zeros((RATE // 10, 2), np.float32))
    blocks = ffi.addressof(engine._arena, "blocks")
    header, cursor, lost = ffi.new("ag06_block *"), ffi.new("uint64_t *"), ffi.new("uint64_t *")
    output, turned = [], {"gate": [], "limiter": []}
    for start in range(0, len(sound), BLOCK):
        output.append(engine.feed(sound[start : start + BLOCK]))
        cursor[0] = lib.ag06_ring_head(blocks) - 1
        lib.ag06_ring_read(blocks, cursor, header, 1, lost)
        for stage, entries in turned.items():
            entries.append(getattr(header.reduction[0], stage))
    return np.concatenate(output), {stage: np.array(entries) for stage, entries in turned.items()}


@pytest.fixture(scope="module")
def made(chain):
    """Each music preset's output and reductions for each sound, made once."""
    known = {}

    def made(name: str, sound: str):
        if (name, sound) not in known:
            known[name, sound] = played(chain(name), SOUNDS[sound])
        return known[name, sound]

    return made


@pytest.mark.parametrize("sound", SOUNDS)
@pytest.mark.parametrize("name", MUSIC)
def test_a_music_preset_keeps_its_ceiling_and_leaves_the_limiter_the_peaks(made, chain, name, sound):
    wet, turned = made(name, sound)
    assert np.isfinite(wet).all()
    assert Meter(RATE).feed(wet).true_peak_db <= chain(name)["limiter.ceiling_db"]
    assert np.mean(turned["limiter"] > 1) < LIMITED_SHARE


@pytest.mark.parametrize("sound", SOUNDS)
def test_music_presets_are_equally_loud(made, sound):
    loudness = [Meter(RATE).feed(made(name, sound)[0]).reading.integrated_lufs for name in MUSIC]
    assert max(loudness) - min(loudness) <= 2 * ALLOWED_LU


@pytest.mark.parametrize("hz", [82.4, 329.6])
@pytest.mark.parametrize("name", MUSIC)
def test_no_gate_cuts_into_a_string_that_dies_away(chain, name, hz):
    string = scaled(pluck(hz, 6, RATE, np.random.default_rng(1)), -12)
    _, turned = played(chain(name), stereo(string))
    level_db = 20 * np.log10(np.abs(string).reshape(-1, BLOCK).max(axis=1) + 1e-9)
    heard = level_db > level_db.max() - 36
    assert turned["gate"][heard].max() < 1
