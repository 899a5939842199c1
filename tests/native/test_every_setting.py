"""Each parameter at its ends, at every rate, and all of them at random: stable, finite, below the ceiling."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ag06d.arena.parameters import CHAIN, Parameter, to_settings

from .conftest import Engine
from .reference import annex_2_peak, db, noise

RATES = [44100, 48000, 88200, 96000, 176400, 192000]
ON = {parameter.path: True for parameter in CHAIN if parameter.path.endswith(".enabled")}
AT_WORK = {
    "eq.low.gain_db": 12.0, "eq.peak1.gain_db": -12.0, "eq.peak2.gain_db": 12.0, "eq.high.gain_db": -12.0,
    "comp.sidechain_hz": 100.0, "comp.auto_makeup": True,
}  # fmt: skip


def ends(parameter: Parameter) -> tuple[object, ...]:
    if parameter.kind == "bool":
        return (False, True)
    return parameter.choices or (parameter.low, parameter.high)


def anything(parameter: Parameter) -> st.SearchStrategy[object]:
    if parameter.kind == "bool":
        return st.booleans()
    return (
        st.sampled_from(parameter.choices) if parameter.choices else st.floats(parameter.low, parameter.high)
    )


def run(rate: int, values: dict[str, object]) -> np.ndarray:
    """Noise of full scale, noise that is far too loud, then silence; none of it may trip the guard."""
    on = Engine(rate)
    on.settings = to_settings(values)
    loud = [noise(rate // 16, peak=1), noise(rate // 16, seed=2, peak=16)]
    out = on.run(np.concatenate([*loud, np.zeros((rate, 2), np.float32)]))
    assert np.isfinite(out).all()
    if on.settings.limiter.enabled:
        ceiling = db(on.settings.limiter.ceiling_db + on.settings.level.gain_db)
        assert annex_2_peak(out[:, 0].astype(float)) <= ceiling
    return out


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("parameter", CHAIN, ids=lambda parameter: parameter.path)
def test_every_parameter_is_stable_at_its_ends(rate, parameter):
    """Whatever rings in the silence dies away: the slowest, 20 Hz with a Q of 18, by 1/e in 0.29 s."""
    for value in ends(parameter):
        out = run(rate, ON | AT_WORK | {parameter.path: value})
        assert np.abs(out[-rate // 10 :]).max() < 0.1 * np.abs(out).max()


@settings(max_examples=50)
@given(rate=st.sampled_from(RATES), values=st.fixed_dictionaries({p.path: anything(p) for p in CHAIN}))
def test_any_setting_is_finite_and_keeps_the_ceiling(rate, values):
    run(rate, values | {"limiter.enabled": True})
