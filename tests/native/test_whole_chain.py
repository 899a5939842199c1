"""Every stage at once, in the engine and in a replay, against the float64 reference."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import tomli_w

from ag06d.arena.parameters import to_settings
from ag06d.paths import SHIPPED_RECORDING

from .reference import chain, error_db, latency, noise, speech

RATES = [44100, 48000, 96000, 192000]
FADE_S = 20e-3  # with which a stream begins
EVERYTHING = {
    "trim.gain_db": 6.0,
    "highpass.enabled": True,
    "highpass.slope_db": 24,
    "gate.enabled": True,
    "gate.threshold_db": -38.0,
    "gate.hysteresis_db": 5.0,
    "gate.ratio": 3.0,
    "gate.hold_ms": 30.0,
    "gate.release_ms": 60.0,
    **{f"eq.{band}.enabled": True for band in ("low", "peak1", "peak2", "high")},
    "eq.low.gain_db": 3.0,
    "eq.peak1.gain_db": -5.0,
    "eq.peak2.gain_db": 4.0,
    "eq.high.gain_db": 3.0,
    "deess.enabled": True,
    "deess.threshold_db": -38.0,
    "comp.enabled": True,
    "comp.threshold_db": -22.0,
    "comp.ratio": 3.5,
    "comp.auto_makeup": True,
    "comp.makeup_db": 3.0,
    "comp.sidechain_hz": 100.0,
    "limiter.enabled": True,
    "limiter.ceiling_db": -3.0,
    "level.gain_db": -2.0,
}


def without(*stages: str) -> dict[str, object]:
    return EVERYTHING | {f"{stage}.enabled": False for stage in stages}


def after_silence(frames: np.ndarray, count: int) -> np.ndarray:
    return np.concatenate([np.zeros((count, 2)), frames])


@pytest.mark.parametrize("rate", RATES)
def test_on_something_like_speech_it_is_the_reference(engine, rate):
    on, signal = engine(rate), speech(rate, 1)
    on.settings = to_settings(EVERYTHING)
    reference = chain(after_silence(signal, on.settled), rate, on.settings)[on.settled :]
    for stage in ("gate", "deess", "comp", "limiter"):  # each is at work
        less = chain(after_silence(signal, on.settled), rate, to_settings(without(stage)))[on.settled :]
        assert error_db(less, reference) > -40, stage
    assert error_db(on.run(signal), reference) < -120


def test_the_block_size_and_the_other_slot_change_no_bit(engine):
    on, signal = engine(48000), speech(48000, 1)
    outputs = []
    for block, other in [(4096, False), (64, False), (333, True)]:
        on.settings = to_settings(EVERYTHING)
        on.begin()
        if other:
            on.settings = to_settings({})
            on.publish(1)
        blocks = np.array_split(signal, range(block, len(signal), block))
        outputs.append(np.concatenate([on.feed(frames) for frames in blocks]))
    assert np.abs(outputs[0]).max() > 0.3
    assert all((output == outputs[0]).all() for output in outputs)


@pytest.mark.parametrize("rate", RATES)
def test_slot_b_is_slot_a(engine, rate):
    on, signal = engine(rate), noise(rate // 4)
    on.settings = to_settings(EVERYTHING)
    outputs = []
    for slot_b in (0, 4):
        on.begin()
        on.switch(slot_b)
        on.feed(np.zeros((rate // 10, 2)))
        outputs.append(on.feed(signal))
    assert np.abs(outputs[0]).max() > 0.1
    assert (outputs[0] == outputs[1]).all()


@pytest.fixture(scope="module")
def replayed(tmp_path_factory) -> np.ndarray:
    """The shipped recording through `ag06d replay`, with everything switched on."""
    folder = tmp_path_factory.mktemp("replay")
    tree: dict[str, object] = {}
    for path, value in EVERYTHING.items():
        *groups, leaf = path.split(".")
        branch = tree
        for group in groups:
            branch = branch.setdefault(group, {})
        branch[leaf] = value
    (folder / "presets").mkdir()
    (folder / "presets" / "everything.toml").write_text(tomli_w.dumps({"schema": 1, "chain": tree}))
    command = [Path(sys.executable).parent / "ag06d", "replay", SHIPPED_RECORDING, "--json"]
    command += ["--output", folder / "wet.wav", "-o", "preset.start=everything"]
    environment = os.environ | {"AG06D_STATE_DIR": str(folder)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["lost_frames"] == 0
    wet, _ = soundfile.read(folder / "wet.wav", dtype="float32")
    return wet


def test_a_replay_of_the_shipped_recording_is_the_reference(replayed):
    dry, rate = soundfile.read(SHIPPED_RECORDING, dtype="float32", always_2d=True)
    dry = np.broadcast_to(dry, (len(dry), 2))
    delay = latency(rate)
    reference = after_silence(chain(dry, rate, to_settings(EVERYTHING)), delay)[: len(dry)]
    along = np.clip((np.arange(len(dry)) + 1 - delay) / int(FADE_S * rate), 0, 1)
    begun = along**2 * (3 - 2 * along)
    assert error_db(replayed, begun[:, None] * reference) < -100
