"""Bytes that the features of real sound have in the store at their declared precisions, and their errors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from bench.rig.store_day import BEGIN_NS, STEP_NS, registered

from ag06_plugins.features import shipped
from ag06_plugins.features.settings import StoreConfig
from ag06_plugins.features.store.offline import Offline
from ag06d.audio.recording import load_recording
from ag06d.features import Extractor

RATE = 48000


def size(folder: Path, recording: Path, copies: int) -> tuple[float, float]:
    """Share of the bytes of float64 that all views of 10 ms have, and the largest error in steps.

    The recording is heard `copies` times with another faint noise, for a day has longer files than a piece.
    """
    sound = load_recording(recording, RATE)
    generator = np.random.default_rng(0)
    extractor = Extractor(RATE)
    noises = (generator.normal(0, 1e-5, sound.shape).astype(np.float32) for _ in range(copies))
    rows = np.concatenate([extractor.extract(sound + noise) for noise in noises])
    times = BEGIN_NS + np.arange(len(rows), dtype=np.int64) * STEP_NS
    stored = 0
    worst = 0.0
    for part in shipped.parts(StoreConfig()):
        offline = Offline(folder / part.view.name, registered(part.view))
        values = rows[:, part.columns]
        offline.add(part.view.name, "dry", times, values, created_ns=BEGIN_NS)
        stored += sum(offline.sizes().values())
        steps = [f.precision for f in part.view.fields for _ in f.columns]
        wide = np.array([float(step) if isinstance(step, float) else np.inf for step in steps])
        error = np.abs(offline.read(part.view.name).values - values)
        worst = max(worst, float((error / wide).max()))
    return stored / (rows.size * 8), worst
