"""What a chain does, as curves: computed from the very coefficients that the callback would run on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ag06d.arena import CHAIN, chain_defaults
from ag06d.arena.parameters import Value, design
from ag06d.errors import PlotError

Curve = npt.NDArray[np.float64]

POINTS = 512
LOWEST_HZ, HIGHEST_HZ = 20.0, 20000.0
LEVELS_DB: Curve = np.linspace(-80.0, 0.0, 321)
STAGES = ("highpass", "gate", "eq", "deess", "comp", "limiter")
BANDS = {"low": "low shelf", "peak1": "peak 1", "peak2": "peak 2", "high": "high shelf"}


def magnitude_db(sections: list[Any], frequencies_hz: Curve, rate: float) -> Curve:
    """Gain of second-order sections in a row (b0 b1 b2 a1 a2 each), in dB."""
    z = np.exp(-2j * np.pi * frequencies_hz / rate)
    gain = np.ones_like(z)
    for s in sections:
        gain = gain * (s.b0 + s.b1 * z + s.b2 * z**2) / (1 + s.a1 * z + s.a2 * z**2)
    return np.asarray(20 * np.log10(np.maximum(np.abs(gain), 1e-10)))


def hertz(frequency_hz: float) -> str:
    """A frequency as it stands beside an axis."""
    kilohertz = frequency_hz / 1000
    return f"{kilohertz:g}k" if kilohertz >= 1 else f"{frequency_hz:g}"


def decibels(linear: float) -> float:
    """20 log10, for a gain above 0."""
    return float(20 * np.log10(linear))


def gate_gain_db(gate: Any, levels_db: Curve) -> Curve:  # noqa: ANN401 - a struct of ag06_chain.h
    """Of the closed gate, once it has settled."""
    return np.asarray(np.clip(gate.slope * (levels_db - gate.threshold_db), -gate.range_db, 0.0))


def deess_gain_db(deess: Any, levels_db: Curve) -> Curve:  # noqa: ANN401 - likewise
    """By the level above the corner."""
    return np.asarray(-np.clip(deess.slope * (levels_db - deess.threshold_db), 0.0, deess.range_db))


def comp_gain_db(comp: Any, levels_db: Curve) -> Curve:  # noqa: ANN401 - likewise
    """Without make-up; the knee is quadratic."""
    over, knee = levels_db - comp.threshold_db, comp.half_knee
    within = np.clip(over + knee, 0.0, 2 * knee)
    return np.asarray(comp.slope * (within**2 / (4 * knee) + np.maximum(over - knee, 0.0)))


@dataclass(frozen=True, slots=True)
class PresetCurves:
    """The frequency response and the static curves of a chain.

    `response_db` is high-pass and EQ together, `bands_db` each of those that do something. `output_db`
    is the level out for `LEVELS_DB` in, through trim, gate, compressor, limiter and level, for a sound
    on which the EQ and the de-esser do nothing; `gains_db` is what each stage that is on does at a level
    at its own input, `comp` without its make-up.
    """

    rate: float
    frequencies_hz: Curve
    response_db: Curve
    bands_db: Mapping[str, Curve]
    output_db: Curve
    gains_db: Mapping[str, Curve]
    thresholds_db: Mapping[str, float]
    facts: tuple[str, ...]

    @classmethod
    def of(cls, chain: Mapping[str, Value], rate: float) -> PresetCurves:
        """From a chain's values at `rate` frames per second."""
        block = design(chain, rate)
        top = min(HIGHEST_HZ, 0.49 * rate)
        frequencies = np.geomspace(LOWEST_HZ, top, POINTS)
        highpass, eq = list(block.highpass), list(block.eq)
        bands = {"high-pass": magnitude_db(highpass, frequencies, rate)} if chain["highpass.enabled"] else {}
        for (band, title), section in zip(BANDS.items(), eq, strict=True):
            if chain[f"eq.{band}.enabled"]:
                bands[title] = magnitude_db([section], frequencies, rate)
        return cls(
            rate=rate,
            frequencies_hz=frequencies,
            response_db=magnitude_db([*highpass, *eq], frequencies, rate),
            bands_db=bands,
            output_db=static_curve(block),
            gains_db=stage_gains(block, chain),
            thresholds_db={
                stage: float(getattr(block, stage).threshold_db)
                for stage in ("gate", "deess", "comp")
                if chain[f"{stage}.enabled"]
            },
            facts=tuple(facts(chain)),
        )


def only(chain: Mapping[str, Value], stage: str) -> dict[str, Value]:
    """`chain` with every stage but `stage` doing nothing; raises PlotError when that leaves no curve."""
    if stage not in STAGES:
        raise PlotError(f"{stage} has no curve; those that have are {', '.join(STAGES)}")
    switches = [path for path in chain if path.startswith(f"{stage}.") and path.endswith(".enabled")]
    if not any(chain[path] for path in switches):
        raise PlotError(f"{stage} is off, so that there is nothing to draw")
    neutral = {
        path: False if path.endswith(".enabled") else value for path, value in chain_defaults().items()
    }
    return {path: value if path.startswith(f"{stage}.") else neutral[path] for path, value in chain.items()}


def static_curve(block: Any) -> Curve:  # noqa: ANN401 - an ag06_chain_block
    """Level out for `LEVELS_DB` in."""
    level = LEVELS_DB + decibels(block.trim)
    level = level + gate_gain_db(block.gate, level)
    level = level + comp_gain_db(block.comp, level) + block.comp.makeup_db
    level = np.minimum(level, decibels(block.limiter.ceiling))
    return np.asarray(level + decibels(block.level))


def stage_gains(block: Any, chain: Mapping[str, Value]) -> dict[str, Curve]:  # noqa: ANN401 - likewise
    """The gain of each stage that is on, by the level at its input."""
    gains = {}
    if chain["gate.enabled"]:
        gains["gate"] = gate_gain_db(block.gate, LEVELS_DB)
    if chain["deess.enabled"]:
        gains["deess"] = deess_gain_db(block.deess, LEVELS_DB)
    if chain["comp.enabled"]:
        gains["comp"] = comp_gain_db(block.comp, LEVELS_DB)
    if chain["limiter.enabled"]:
        gains["limiter"] = np.minimum(decibels(block.limiter.ceiling) - LEVELS_DB, 0.0)
    return gains


def facts(chain: Mapping[str, Value]) -> list[str]:
    """What is set to other than its default, in the words of the parameters."""
    return [
        f"{parameter.path} {chain[parameter.path]:g} {parameter.unit}".rstrip()
        for parameter in CHAIN
        if parameter.kind != "bool" and chain[parameter.path] != parameter.default
    ]
