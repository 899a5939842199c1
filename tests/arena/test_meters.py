"""The readings of dry and wet, as they are told."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from ag06d._native import ffi, lib

from ag06d.arena import Arena, Meters
from ag06d.arena.meters import PROGRAMME
from ag06d.arena.stats import SILENCE_DB
from ag06d.audio.stream import Engine

RATE = 48000
BLOCK = 128


@pytest.fixture
def arena():
    arena = Arena.create(RATE, 0.1)
    yield arena
    arena.close()


@pytest.fixture
def play(arena):
    """Plays a tone of so many seconds at a peak level."""
    engines = [Engine(arena, 0)]

    def play(seconds: float, db: float) -> None:
        wave = 10 ** (db / 20) * np.sin(2 * np.pi * 1000 * np.arange(round(seconds * RATE)) / RATE)
        sound = np.stack([wave, wave], axis=1).astype(np.float32)
        for start in range(0, len(sound), BLOCK):
            part = sound[start : start + BLOCK]
            lib.ag06_callback(ffi.from_buffer(part), ffi.NULL, len(part), ffi.NULL, 0, engines[0].pointer)

    yield play
    engines.clear()


def test_before_any_sound_all_is_silence_and_can_be_sent(arena):
    document = Meters(arena).document()
    for stream in (document["dry"], document["wet"]):
        assert stream["integrated_lufs"] == stream["true_peak_dbtp"] == SILENCE_DB
        assert stream["max_peak_db"] == [SILENCE_DB, SILENCE_DB]
        assert (stream["lra_lu"], stream["crest_db"], stream["correlation"]) == (0, [0, 0], 0)
    json.dumps(document, allow_nan=False)


def test_a_tone_reads_its_loudness_its_peak_and_its_crest(arena, play):
    play(4, -20)
    document = Meters(arena).document()
    for stream in (document["dry"], document["wet"]):
        for scale in ("momentary", "short_term", "integrated", "max_momentary", "max_short_term"):
            assert stream[f"{scale}_lufs"] == pytest.approx(-20, abs=0.1), scale
        assert stream["true_peak_dbtp"] == pytest.approx(-20, abs=0.05)
        assert stream["momentary_rms_db"] == pytest.approx([-23.01, -23.01], abs=0.02)
        assert stream["crest_db"] == pytest.approx([3.01, 3.01], abs=0.02)
        assert stream["correlation"] == pytest.approx(1)


def test_a_reset_begins_the_programme_afresh_and_is_echoed(arena, play):
    meters = Meters(arena)
    play(4, -10)
    play(0.1, -30)  # until the chain's delay holds nothing of what was louder
    assert meters.reset() == 1
    assert meters.document()["resets"] == 0  # not yet: the callback does it
    play(4, -30)
    assert meters.document()["resets"] == 1
    for stream in meters.programme().values():
        assert stream.keys() == set(PROGRAMME)
        assert stream["integrated_lufs"] == pytest.approx(-30, abs=0.1)
        assert stream["max_peak_db"] == pytest.approx([-30, -30], abs=0.05)


def test_a_stream_that_begins_anew_goes_on_with_the_programme(arena, play):
    play(2, -10)
    again = Engine(arena, 0)
    silence = np.zeros((RATE // 2, 2), np.float32)
    lib.ag06_callback(ffi.from_buffer(silence), ffi.NULL, len(silence), ffi.NULL, 0, again.pointer)
    dry = Meters(arena).document()["dry"]
    assert dry["momentary_lufs"] == SILENCE_DB
    assert dry["integrated_lufs"] == pytest.approx(-10, abs=0.1)
    assert dry["max_peak_db"][0] == pytest.approx(-10, abs=0.05)
    del again


def test_a_callback_that_died_while_writing_leaves_the_readings_before(arena, play):
    meters = Meters(arena)
    play(1, -20)
    before = meters.document()
    arena.pointer.meters.newest.of[0].momentary_lufs = math.nan
    arena.pointer.meters.version.raw |= 1
    assert meters.document() == before
