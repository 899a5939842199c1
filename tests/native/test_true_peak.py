"""The limiter's promise: the true peak stays under the ceiling, whoever measures it, on any input."""

from __future__ import annotations

import numpy as np
import pytest

from .reference import annex_2_peak, db, resampled_peak

RATES = [44100, 48000, 88200, 96000, 176400, 192000]
COUNT = 24000


def random(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def tone(turns: float, phase: float = 0) -> np.ndarray:
    """`turns` a sample."""
    return np.sin(2 * np.pi * turns * np.arange(COUNT) + phase)


def impulses() -> np.ndarray:
    samples = np.zeros(COUNT)
    samples[:: COUNT // 100 + 7] = 1
    samples[3 :: COUNT // 37] = -1
    return samples


INDEX = np.arange(COUNT)
SIGNALS = {
    "white noise": random(1).standard_normal(COUNT) / 3,
    "low-passed noise": np.convolve(random(2).standard_normal(COUNT), np.ones(3) / 3, "same"),
    "random bits": random(3).choice([-1.0, 1.0], COUNT),
    "sparse random bits": random(4).choice([-1.0, 0, 0, 0, 0, 0, 0, 0, 1.0], COUNT),
    "square at fs/480": np.sign(tone(1 / 480, 0.1)),
    "square at fs/9.6": np.sign(tone(1 / 9.6003, 0.1)),
    "square at fs/4": np.sign(tone(1 / 4, 0.1)),
    "impulses": impulses(),
    "fs/4 at 45 degrees": tone(1 / 4, np.pi / 4),
    "fs/6 at 30 degrees": tone(1 / 6, np.pi / 6),
    "0.45 fs": tone(0.45, 0.3),
    "0.49 fs in bursts": tone(0.49) * (INDEX % 8000 < 4000),
    "Nyquist": np.cos(np.pi * INDEX),
    "Nyquist in bursts": np.cos(np.pi * INDEX) * (INDEX % 4800 < 2400),
    "Nyquist in bursts of four": np.cos(np.pi * INDEX) * (INDEX % 97 < 4),
    "Nyquist that turns over": np.cos(np.pi * (INDEX + INDEX // 40)),
    "chirp": np.sin(2 * np.pi * np.cumsum(np.linspace(4e-4, 0.4999, COUNT))),
    "fast chirps": np.sin(2 * np.pi * np.cumsum(np.tile(np.linspace(0, 0.4999, 240), COUNT // 240))),
    "onsets": tone(1 / 48.1) * (INDEX % 6000 > 3000),
    "steps": np.repeat(random(5).uniform(-1, 1, COUNT // 120), 120),
    "clicks on a tone": 0.1 * tone(1 / 100) + impulses(),
    "DC that turns over": np.where(INDEX % 3000 < 1500, 1.0, -1.0),
}


# rate, level of the signal, ceiling, release
CONDITIONS = [
    (48000, 0, -1, 60),
    (48000, 24, -1, 5),
    (48000, 12, 0, 5),
    (48000, 6, -24, 1000),
    (48000, -6, -9, 20),
    *((rate, 18, -3, 5) for rate in RATES if rate != 48000),
]


@pytest.mark.parametrize("name", SIGNALS)
@pytest.mark.parametrize("condition", CONDITIONS, ids=str)
def test_no_meter_reads_more_than_the_ceiling(engine, name, condition):
    rate, level_db, ceiling_db, release_ms = condition
    on = engine(rate)
    on.settings.limiter = {"enabled": 1, "ceiling_db": ceiling_db, "release_ms": release_ms}
    samples = np.clip(SIGNALS[name] * db(level_db), -16, 16)
    other = np.roll(samples, 11) * 0.7
    out = on.run(np.stack([samples, other], axis=1).astype(np.float32)).astype(float)
    for channel in out.T:
        assert annex_2_peak(channel) <= db(ceiling_db)
        assert resampled_peak(channel) <= db(ceiling_db)
    assert np.abs(out).max() > min(db(ceiling_db - 8), np.abs(samples).max() / 2)  # nor much less
