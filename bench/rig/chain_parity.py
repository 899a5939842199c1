"""What ours and pedalboard's chain make of the same test signals: proof that both do the same work."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from bench.rig.chain_sides import (
    COMP,
    EQ,
    GATE,
    HIGHPASS,
    LIMITER,
    NOTHING,
    RATE,
    WHOLE,
    Harness,
    Sound,
    board,
)

from ag06d.arena.parameters import ChainValues

Wave = npt.NDArray[np.float64]

BLOCK = 512
SETTLE = RATE  # frames of silence: the fade-in of a new engine, and more
LEVELS_DB = (-60.0, -54.0, -48.0, -42.0, -36.0, -30.0, -24.0, -18.0, -12.0, -6.0)


def parity(harness: Harness, sound: Sound) -> dict[str, float]:
    """Largest differences, ours less theirs, in dB; peaks in dBFS."""
    eq, filters = (_response_db(harness, {**NOTHING, **stages}) for stages in (EQ, {**HIGHPASS, **EQ}))
    hz = np.fft.rfftfreq(RATE, 1 / RATE)
    tone = _stereo(2 * np.sin(2 * np.pi * 997 * np.arange(RATE) / RATE))
    limited, theirs = (side[RATE // 2 :] for side in _both(harness, {**LIMITER}, tone))
    whole, their_whole = _both(harness, WHOLE, sound)
    return {
        "eq_response_max_db": _apart(eq, (hz >= 20) & (hz <= 20000)),
        "highpass_and_eq_above_1_khz_max_db": _apart(filters, (hz >= 1000) & (hz <= 20000)),
        "compressor_static_max_db": _static_db(harness, COMP, LEVELS_DB),
        "gate_static_max_db": _static_db(harness, GATE, LEVELS_DB),
        "limited_peak_db": _db(np.abs(limited).max()),
        "limited_peak_db_pedalboard": _db(np.abs(theirs).max()),
        "recording_rms_db": _db(_rms(whole) / _rms(their_whole)),
    }


def _stereo(mono: Wave) -> Sound:
    return np.ascontiguousarray(np.stack([mono, mono], axis=1), np.float32)


def _db(linear: float) -> float:
    return float(20 * np.log10(max(linear, 1e-10)))


def _rms(frames: Sound) -> float:
    return float(np.sqrt(np.mean(np.square(frames.astype(np.float64)))))


def _both(harness: Harness, values: ChainValues, sound: Sound) -> tuple[Sound, Sound]:
    """What either side makes of `sound`, after silence; each with its own delay."""
    values = {**NOTHING, **values}
    padded = np.concatenate([np.zeros((SETTLE, 2), np.float32), sound, np.zeros((BLOCK, 2), np.float32)])
    padded = padded[: len(padded) // BLOCK * BLOCK]
    ours = np.empty_like(padded)
    harness.run("harness_process", harness.engine(values), padded, ours, BLOCK)
    theirs = board(values)(np.ascontiguousarray(padded.T), RATE, BLOCK)
    return ours[SETTLE:], theirs.T[SETTLE:]


def _response_db(harness: Harness, values: ChainValues) -> Wave:
    """Responses to an impulse, ours and theirs, at every whole number of Hz."""
    impulse = np.zeros(RATE)
    impulse[0] = 0.5
    sides = _both(harness, values, _stereo(impulse))
    spectra = [np.fft.rfft(side[:RATE, 0].astype(np.float64) / 0.5) for side in sides]
    return 20 * np.log10(np.maximum(np.abs(spectra), 1e-10))


def _apart(responses: Wave, where: npt.NDArray[np.bool_]) -> float:
    return float(np.abs(responses[0] - responses[1])[where].max())


def _static_db(harness: Harness, stage: ChainValues, levels_db: tuple[float, ...]) -> float:
    """Of a square wave, whose magnitude is the same in every frame, a second after it began."""
    square = np.sign(np.sin(2 * np.pi * (np.arange(2 * RATE) + 0.5) * 100 / RATE))
    apart = []
    for level_db in levels_db:
        sides = _both(harness, stage, _stereo(10 ** (level_db / 20) * square))
        ours, theirs = (_rms(side[RATE : 3 * RATE // 2]) for side in sides)
        apart.append(abs(_db(ours) - _db(theirs)))
    return max(apart)
