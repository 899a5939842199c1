from __future__ import annotations

import numpy as np
import pytest

from ag06_plugins.anomaly.scoring import DETECTORS, described, score
from ag06_plugins.anomaly.statistics.tables import ranked
from ag06d.anomaly import SERIES_DETECTORS


@pytest.fixture(params=DETECTORS)
def detect(request):
    return DETECTORS[request.param]


def bell(rows: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(rows, 3))


def test_a_row_far_out_scores_highest(detect):
    rows = bell(200, 1)
    rows[150] = [9, -9, 9]
    assert score(detect, bell(1000), rows, 0).scores.argmax() == 150


def test_rows_that_are_not_finite_have_no_score_and_teach_nothing(detect):
    train, rows = bell(1000), bell(50, 1)
    wanted = score(detect, train, rows, 0).scores
    spoiled = np.insert(train, [0, 500], [np.nan, 1, 1], axis=0)
    holes = np.insert(rows, [7, 7, 50], [1, 1, -np.inf], axis=0)
    found = score(detect, spoiled, holes, 0)
    np.testing.assert_array_equal(np.isnan(found.scores), ~np.isfinite(holes).all(axis=1))
    np.testing.assert_array_equal(found.scores[np.isfinite(found.scores)], wanted)
    assert (found.left_out_rows, found.left_out_train) == (3, 2)


def test_where_nothing_can_be_learnt_it_is_said_and_where_nothing_can_be_scored_nothing_is(detect):
    with pytest.raises(ValueError, match="none of 2 rows"):
        score(detect, np.full((2, 3), np.nan), bell(5), 0)
    assert np.isnan(score(detect, bell(50), np.full((2, 3), np.inf), 0).scores).all()


def test_a_seed_gives_the_same_scores_again(detect):
    first, second = (score(detect, bell(500), bell(50, 1), 7).scores for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_each_detector_says_in_a_line_what_it_is():
    assert all(words.endswith(".") and 20 < len(words) < 120 for words in described().values())


@pytest.mark.parametrize("name", SERIES_DETECTORS)
def test_rows_that_are_odd_in_one_column_have_the_highest_scores(name):
    generator = np.random.default_rng(0)
    train, rows = (generator.normal(100, 5, (count, 4)) for count in (2000, 500))
    train[:, 3] = rows[:, 3] = 1
    odd = np.arange(25, 500, 50)
    rows[odd, 1] += 50
    scores = DETECTORS[name](train, rows, 0)
    assert set(np.argsort(scores)[-len(odd) :]) == set(odd)


@pytest.mark.parametrize("rows", [1, 2, 9, 40])
def test_a_few_rows_to_learn_from_are_no_error(detect, rows):
    train = np.random.default_rng(0).normal(0, 1, (rows, 2))
    assert detect(train, train, 0).shape == (rows,)


def test_ranks_are_shares_of_what_was_as_high():
    found = ranked(np.arange(99.0), np.array([-1.0, 98.0, 200.0, np.nan]))
    np.testing.assert_allclose(found[:3], [0, -np.log10(2 / 100), 2], atol=1e-9)
    assert np.isnan(found[3])
