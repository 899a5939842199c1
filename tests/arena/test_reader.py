from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
from ag06d._native import ffi, lib
from hypothesis import given, settings
from hypothesis import strategies as st

from ag06d.arena import Arena, HopReader, HostCell
from ag06d.audio.recording import RecordingDevice
from ag06d.audio.stream import Engine

RATE = 48000
FADE_IN = round(0.0225 * RATE)  # frames: a stream begins in silence
PATIENCE_S = 60  # for what must come at all; nothing depends on how soon


@given(
    frames=st.integers(1, 40_000),
    block=st.integers(16, 4096),
    hop=st.integers(16, 2000),
    seed=st.integers(0, 9),
)
@settings(max_examples=25)
def test_every_hop_of_a_recording_in_lockstep_is_read_once_in_order_and_bit_for_bit(frames, block, hop, seed):
    sound = np.random.default_rng(seed).uniform(-0.5, 0.5, (frames, 2)).astype(np.float32)
    arena, cell = Arena.create(RATE, 0.1), HostCell()  # a ring much shorter than the sound
    dry, wet, positions, times = [], [], [], []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sound.wav"
        soundfile.write(path, sound, RATE, subtype="FLOAT")
        reader = HopReader(arena, hop, 0)
        device = RecordingDevice(path, Engine(arena, 0), block, loop=False, lockstep=True, readers=[cell])
    for _ in range(frames // hop):
        read = reader.next(PATIENCE_S)
        assert (read.lost, read.gap_frames) == (0, 0)
        dry.append(reader.dry.copy())
        wet.append(reader.wet.copy())
        positions.append(read.position)
        times.append(read.mono_ns)
        cell.pointer.position.raw = reader.position
    assert reader.next(0) is None
    device.stop()
    assert positions == list(range(0, len(positions) * hop, hop))
    assert times == sorted(times)
    assert reader.lost == 0
    whole = len(positions) * hop
    if whole:
        np.testing.assert_array_equal(np.concatenate(dry), sound[:whole])
        settled = np.concatenate(wet)[FADE_IN + arena.latency :]
        np.testing.assert_array_equal(settled, sound[FADE_IN : FADE_IN + len(settled)])
    del device
    cell.close()
    arena.close()


@pytest.fixture
def engine():
    arena = Arena.create(RATE, 0.1)
    engine = Engine(arena, 0)
    yield engine
    arena.close()


def feed(engine: Engine, frames: int) -> None:
    sound = np.zeros((frames, 2), np.float32)
    lib.ag06_callback(
        ffi.from_buffer(sound), ffi.from_buffer(sound.copy()), frames, ffi.NULL, 0, engine.pointer
    )


def test_a_reader_that_is_overtaken_counts_what_it_lost_to_the_frame(engine):
    reader = HopReader(engine.arena, 480, 0)
    feed(engine, 480)
    assert reader.next(0).position == 0
    for _ in range(10):
        feed(engine, 4096)
    hop = reader.next(0)
    assert hop.lost == hop.position - 480 == reader.lost > 0
    assert reader.next(0).lost == 0
    assert reader.position == hop.position + 2 * 480


def test_the_arrays_are_the_same_at_every_hop_and_cannot_be_written(engine):
    reader = HopReader(engine.arena, 480, 0)
    dry, wet = reader.dry, reader.wet
    feed(engine, 960)
    reader.next(0)
    reader.next(0)
    assert reader.dry is dry
    assert reader.wet is wet
    for array in (dry, wet):
        assert (array.dtype, array.shape, array.flags.writeable) == (np.float32, (480, 2), False)
