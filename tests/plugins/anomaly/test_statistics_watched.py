from __future__ import annotations

import numpy as np
import pytest

from ag06_plugins.anomaly.statistics.watched import DEFAULT, LEAST_DB, Picked

COLUMNS = [*{name for series in DEFAULT for name in (series.column, series.beside) if name}]
AT = {name: index for index, name in enumerate(COLUMNS)}


def plainly(row: np.ndarray) -> np.ndarray:
    """Series by series, as they are defined."""

    def value(column: str, unit: str) -> float:
        return max(row[AT[column]], LEAST_DB) if unit in ("dB", "LUFS") else row[AT[column]]

    return np.array(
        [
            value(series.column, series.unit) - (value(series.beside, "dB") if series.beside else 0)
            for series in DEFAULT
        ]
    )


def test_series_are_their_columns_beside_others_and_levels_end_where_they_matter_no_more():
    picked = Picked(COLUMNS)
    for row in np.random.default_rng(0).uniform(-150, 50, (20, len(COLUMNS))).astype(np.float32):
        assert picked.take(row) == pytest.approx(plainly(row), abs=1e-4)


def test_what_is_no_number_stays_none_and_is_forgotten_by_the_next_row():
    picked, row = Picked(COLUMNS), np.zeros(len(COLUMNS), np.float32)
    row[AT["mid.rms_db"]] = np.nan
    missing = np.isnan(picked.take(row))
    assert missing.tolist() == [series.beside == "mid.rms_db" for series in DEFAULT]
    assert np.isfinite(picked.take(np.zeros(len(COLUMNS), np.float32))).all()
