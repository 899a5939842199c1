from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import freqz

from ag06d.arena import chain_defaults
from ag06d.core.presets import PresetLibrary
from ag06d.paths import FACTORY_PRESETS
from ag06d.plot.curves import LEVELS_DB, PresetCurves, hertz, magnitude_db

RATE = 48000
MARGIN_DB = 0.5  # by which the limiter stays below its ceiling


def curves(**changes) -> PresetCurves:
    values = chain_defaults() | {path.replace("__", "."): value for path, value in changes.items()}
    return PresetCurves.of(values, RATE)


def at(curve, level_db: float) -> float:
    return float(np.interp(level_db, LEVELS_DB, curve))


def test_the_response_is_that_of_the_coefficients():
    class Section:
        b0, b1, b2, a1, a2 = 0.9, -1.7, 0.81, -1.6, 0.7

    frequencies = np.geomspace(20, 20000, 50)
    _, gain = freqz([0.9, -1.7, 0.81], [1, -1.6, 0.7], frequencies, fs=RATE)
    np.testing.assert_allclose(
        magnitude_db([Section, Section], frequencies, RATE), 40 * np.log10(np.abs(gain)), atol=1e-9
    )


def test_a_high_pass_and_a_peak_have_the_gain_that_was_set():
    drawn = curves(highpass__enabled=True, eq__peak2__enabled=True, eq__peak2__gain_db=6.0)
    assert np.interp(80, drawn.frequencies_hz, drawn.response_db) == pytest.approx(-3.01, abs=0.05)
    assert np.interp(3000, drawn.frequencies_hz, drawn.response_db) == pytest.approx(6, abs=0.05)
    assert drawn.bands_db.keys() == {"high-pass", "peak 2"}


def test_a_chain_that_does_nothing_is_straight_to_its_ceiling():
    drawn = curves()
    assert not drawn.response_db.any()
    ceiling = -1 - MARGIN_DB
    np.testing.assert_allclose(drawn.output_db, np.minimum(LEVELS_DB, ceiling), atol=1e-9)
    assert drawn.gains_db.keys() == {"limiter"}
    assert not curves(limiter__enabled=False).gains_db


def test_the_compressor_turns_its_ratio_above_its_knee():
    drawn = curves(
        comp__enabled=True, comp__threshold_db=-30.0, comp__ratio=3.0, comp__knee_db=6.0, comp__makeup_db=4.0
    )
    assert at(drawn.output_db, -50) == pytest.approx(-46)
    assert at(drawn.output_db, -12) == pytest.approx(-30 + 18 / 3 + 4)
    assert at(drawn.gains_db["comp"], -30) == pytest.approx((1 / 3 - 1) * 3**2 / 12)
    assert at(drawn.gains_db["comp"], -12) == pytest.approx(-12)


def test_gate_and_de_esser_stop_at_their_range():
    drawn = curves(
        gate__enabled=True,
        gate__ratio=3.0,
        gate__range_db=15.0,
        deess__enabled=True,
        deess__threshold_db=-30.0,
    )
    assert at(drawn.gains_db["gate"], -52) == pytest.approx(-4)
    assert at(drawn.gains_db["gate"], -70) == pytest.approx(-15)
    assert at(drawn.gains_db["deess"], -26) == pytest.approx(-3)
    assert at(drawn.gains_db["deess"], 0) == pytest.approx(-10)
    assert drawn.thresholds_db == {"gate": -50.0, "deess": -30.0}


def test_trim_and_level_move_the_curve():
    drawn = curves(trim__gain_db=6.0, level__gain_db=-10.0)
    assert at(drawn.output_db, -40) == pytest.approx(-44)
    assert at(drawn.output_db, 0) == pytest.approx(-11 - MARGIN_DB)


@pytest.mark.parametrize("rate", [44100, 48000, 192000])
@pytest.mark.parametrize("name", sorted(path.stem for path in FACTORY_PRESETS.glob("*.toml")))
def test_every_factory_preset_has_finite_curves(tmp_path, name, rate):
    drawn = PresetCurves.of(PresetLibrary(tmp_path).load(name).chain, rate)
    for curve in (drawn.response_db, drawn.output_db, *drawn.bands_db.values(), *drawn.gains_db.values()):
        assert np.isfinite(curve).all()


def test_frequencies_are_written_short():
    assert [hertz(hz) for hz in (20, 632, 1000, 2500, 20000)] == ["20", "632", "1k", "2.5k", "20k"]
