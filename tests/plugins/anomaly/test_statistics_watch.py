from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from ag06_plugins.anomaly.finding import Finding
from ag06_plugins.anomaly.statistics.settings import StatisticsSettings
from ag06_plugins.anomaly.statistics.statefile import load_state, save_state
from ag06_plugins.anomaly.statistics.watch import StatisticalWatch
from ag06d.anomaly import IsolationForest
from ag06d.features import elements

COLUMNS = [name for name, _ in elements()]
AT = {name: index for index, name in enumerate(COLUMNS)}
LEVELS = [index for index, name in enumerate(COLUMNS) if name.endswith("_db") or "octave_db" in name]
HOP, RATE = 4800, 48_000  # hops of 100 ms are as good, and ten times as few
SETTINGS = StatisticsSettings(warm_up_s=300, window_s=300)

Change = Callable[[np.ndarray], None]


class Studio:
    """Rows of features of somebody who talks in sentences, in a room with a noise floor."""

    def __init__(self, settings: StatisticsSettings = SETTINGS, seed: int = 0) -> None:
        self.watch = StatisticalWatch(COLUMNS, settings, HOP, RATE)
        self.position, self.wall_s = 0, 1.75e9
        self._generator = np.random.default_rng(seed)

    def sound(self, seconds: float, change: Change | None = None, context: str = "") -> list[Finding]:
        """What was told of it, the same finding only once, as it was told last."""
        found: dict[tuple[str, int], Finding] = {}
        for _ in range(round(seconds / 5)):
            for row in self._sentence():
                if change is not None:
                    change(row)
                for finding in self.watch.take(row, self.position, self.wall_s, context):
                    key = finding.detector, finding.start
                    assert finding.end == self.position + HOP or finding.ended
                    assert key not in found or not found[key].ended
                    assert key not in found or finding.end >= found[key].end
                    found[key] = finding
                self.position += HOP
                self.wall_s += HOP / RATE
        return list(found.values())

    def _sentence(self) -> np.ndarray:
        """Five seconds: words with short pauses, and a long pause."""
        generator = self._generator
        rows = np.zeros((50, len(COLUMNS)), dtype=np.float32)
        loud = (np.arange(50) % 5 < 4) & (np.arange(50) < 40)
        level = np.where(loud, generator.normal(-25, 3) + generator.normal(0, 1, 50), -65)
        rows[:, LEVELS] = level[:, None] - 10 + generator.normal(0, 0.6, (50, len(LEVELS)))
        rows[:, LEVELS] += generator.normal(0, 1.2, len(LEVELS))
        for signal in ("left", "right", "mid"):
            rows[:, AT[f"{signal}.rms_db"]] = level
            rows[:, AT[f"{signal}.noise_floor_db"]] = -65 + generator.normal(0, 0.3)
            rows[:, AT[f"{signal}.voicing"]] = np.where(loud, 0.9, 0.2)
            rows[:, AT[f"{signal}.spectral_flatness"]] = np.where(loud, 0.02, 0.5)
            rows[:, AT[f"{signal}.spectral_centroid"]] = generator.normal(2000, 200)
        rows[:, AT["short_term_lufs"]] = generator.normal(-25, 2)
        rows[:, AT["correlation"]] = 0.9
        return rows


def noise_floor_by_9_db(row: np.ndarray) -> None:
    for signal in ("left", "right", "mid"):
        row[AT[f"{signal}.noise_floor_db"]] += 9
        row[AT[f"{signal}.rms_db"]] = max(row[AT[f"{signal}.rms_db"]], -56)


def treble_by_7_db(row: np.ndarray) -> None:
    for band in ("4k", "8k", "16k"):
        row[AT[f"mid.octave_db_{band}"]] += 7


def one_side(row: np.ndarray) -> None:
    row[AT["balance"]] = -0.6


def test_nothing_is_said_of_an_hour_of_ordinary_sound():
    studio = Studio()
    assert studio.sound(3600) == []
    warm = {entry["heard"] for entry in studio.watch.scores()["contexts"] if entry["warm"]}
    assert warm == {"speech", "silence"}


@pytest.mark.parametrize(
    ("change", "shown"),
    [(noise_floor_by_9_db, "noise_floor"), (treble_by_7_db, "octave_db_"), (one_side, "balance")],
)
def test_what_changes_for_long_is_told_with_the_feature_that_shows_it(change, shown):
    studio = Studio()
    assert studio.sound(1500) == []
    changed_at = studio.position
    found = studio.sound(120, change)
    assert found
    assert all(finding.start >= changed_at - 10 * RATE for finding in found)
    first = min(found, key=lambda finding: finding.start)
    assert first.start < changed_at + 60 * RATE
    assert shown in first.feature
    assert any(shown in name for name in first.evidence)
    assert first.kind == "unusual"
    assert 0.99 < first.score <= 1
    assert first.value > first.threshold
    assert first.evidence["heard"] in ("speech", "silence")


def test_it_ends_once_and_what_lasts_becomes_usual():
    studio = Studio()
    studio.sound(1500)
    studio.sound(60, noise_floor_by_9_db)
    told = studio.sound(600, noise_floor_by_9_db)
    assert all(finding.ended for finding in told)
    assert studio.sound(900, noise_floor_by_9_db) == []


def test_nothing_is_said_before_a_kind_of_sound_is_known():
    studio = Studio(replace(SETTINGS, warm_up_s=1400))
    assert studio.sound(1500) == []
    assert studio.sound(100, noise_floor_by_9_db) == []


def test_each_preset_is_compared_with_itself():
    studio = Studio()
    assert studio.sound(1500, context="podcast") == []
    assert studio.sound(1500, treble_by_7_db, context="bright") == []
    assert studio.sound(60, context="podcast") == []
    assert studio.sound(100, treble_by_7_db, context="podcast") != []


def test_kinds_of_sound_are_forgotten_beyond_a_number_the_longest_unheard_first():
    studio = Studio(StatisticsSettings(warm_up_s=300, window_s=60, contexts=4))
    for preset in ("a", "b", "a", "c"):
        studio.sound(20, context=preset)
    kept = {entry["context"] for entry in studio.watch.scores()["contexts"]}
    assert kept == {"a", "c"}


def test_values_that_are_no_numbers_and_gaps_are_counted_and_the_rest_goes_on():
    studio = Studio()
    studio.sound(1500)

    def broken(row: np.ndarray) -> None:
        row[AT["mid.crest_db"]] = np.nan
        row[AT["balance"]] = np.inf

    assert studio.sound(60, broken) == []
    assert studio.watch.counts.left_out == 2 * 600
    studio.position += 10 * HOP
    assert studio.sound(60) == []
    assert studio.watch.counts.gaps == 1
    assert studio.sound(100, treble_by_7_db) != []


def test_wrong_alarms_make_a_detector_ask_for_more_within_bounds():
    studio = Studio()
    studio.sound(1500)
    for name in ("ensemble", "collective", "zscore", "modified_zscore", "ewma", "cusum"):
        studio.watch.set_threshold_factor(name, 1e9)
    found = studio.sound(60, one_side)
    assert all(finding.threshold > 9 for finding in found)
    with pytest.raises(KeyError, match="no detector is called 'ears'"):
        studio.watch.set_threshold_factor("ears", 2)


def test_what_was_learned_is_saved_and_another_one_goes_on_with_it(tmp_path):
    studio, after = Studio(), Studio(seed=1)
    studio.sound(1500)
    save_state(tmp_path / "statistics", studio.watch.state())
    assert after.watch.restore(load_state(tmp_path / "statistics"))
    assert after.sound(60) == []
    assert after.sound(100, treble_by_7_db) != []
    assert list(tmp_path.iterdir()) == [tmp_path / "statistics"]


def test_a_state_of_something_else_is_refused_whole_and_counted():
    studio = Studio()
    studio.sound(20)
    state = studio.watch.state()
    for wrong in (
        {},
        {**state, "names": np.array(["left.rms_db"])},
        {**state, "0/window": np.zeros(3)},
        {**state, "season/mean": np.zeros((3, 3))},
        {name: value for name, value in state.items() if "whole" not in name},
    ):
        assert not studio.watch.restore(wrong)
    assert studio.watch.counts.refused_states == 5
    assert studio.watch.restore(state)


def test_columns_of_which_none_is_watched_are_refused_and_one_channel_is_enough():
    with pytest.raises(ValueError, match="none of the columns is watched"):
        StatisticalWatch(["temperature"])
    mono = StatisticalWatch([name for name, _ in elements(("left",))])
    assert {series.channel for series in mono.watched} == {"left", "both"}
    assert any("octave" in series.column for series in mono.watched)


def seconds_of(studio: Studio, seconds: float) -> np.ndarray:
    """The rows of the seconds of sound, as a forest is grown on them."""
    taken, take = [], studio.watch.take

    def taking(*arguments):
        found = take(*arguments)
        if studio.watch.second is not None:
            taken.append(studio.watch.second.copy())
        return found

    studio.watch.take = taking
    studio.sound(seconds)
    studio.watch.take = take
    return np.array(taken)


def test_a_second_is_the_mean_of_its_hops_and_told_once():
    studio = Studio()
    rows = seconds_of(studio, 100)
    assert 90 <= len(rows) <= 100
    assert np.isfinite(rows).all()
    at = [series.column for series in studio.watch.watched].index("correlation")
    assert rows[:, at] == pytest.approx(0.9)


def test_forests_that_replace_each_other_raise_no_alarm_of_ordinary_sound():
    studio = Studio()
    rows = seconds_of(studio, 700)
    for seed in range(4):
        studio.watch.forest = IsolationForest.fit(rows[seed * 100 :][:300], seed=seed)
        assert studio.sound(500) == []
    assert studio.sound(100, treble_by_7_db) != []
