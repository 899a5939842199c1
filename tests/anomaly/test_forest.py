from __future__ import annotations

import hashlib
import math
import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import spearmanr
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.ensemble import IsolationForest as Theirs
from sklearn.ensemble._iforest import _average_path_length
from sklearn.metrics import roc_auc_score

from ag06d.anomaly import IsolationForest, path_length
from ag06d.anomaly.forest_file import HEADER
from ag06d.errors import ForestError

SEEDS = 10
TABLES = arrays(
    np.float32,
    st.tuples(st.integers(1, 40), st.integers(1, 5)),
    elements=st.one_of(
        st.floats(width=32, allow_nan=False, allow_infinity=False), st.sampled_from([0.0, 1.0])
    ),
)


def bell(rows: int, columns: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(rows, columns)).astype(np.float32)


def two_moons_and_noise() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(1)
    angle = generator.uniform(0, np.pi, 950)
    side = generator.integers(0, 2, 950) * 2 - 1
    normal = np.stack([np.cos(angle) + side / 2, side * (np.sin(angle) - 0.25)], axis=1)
    normal += generator.normal(0, 0.1, normal.shape)
    odd = generator.uniform(-3, 3, (50, 2))
    return np.concatenate([normal, odd]), np.arange(1000) >= 950


def one_class_odd(dataset, odd: int, share: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    """A bundled set, with a tenth as many rows of one class as of all others."""
    rows, labels = dataset.data, dataset.target == odd
    kept = np.flatnonzero(labels)[: max(1, round(share * np.count_nonzero(~labels)))]
    chosen = np.sort(np.concatenate([np.flatnonzero(~labels), kept]))
    return rows[chosen], labels[chosen]


SETS = {
    "synthetic": two_moons_and_noise,
    "breast_cancer": lambda: one_class_odd(load_breast_cancer(), 0),
    "wine": lambda: one_class_odd(load_wine(), 2),
    "digits": lambda: one_class_odd(load_digits(), 4),
}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("forest") / "small.agf"
    IsolationForest.fit(bell(50, 3), columns=["level", "höhe", "z"], trees=3, sample=16).save(path)
    return path


@pytest.mark.parametrize("rows", [*range(12), 100, 255, 256, 257, 32768])
def test_the_path_length_is_that_of_scikit_learn(rows):
    assert path_length(rows) == pytest.approx(float(_average_path_length([rows])[0]), rel=1e-14)


@pytest.mark.parametrize("name", SETS)
def test_scores_are_as_good_as_scikit_learns_and_in_the_same_order(name):
    rows, odd = SETS[name]()
    theirs = [
        -Theirs(n_estimators=100, random_state=seed).fit(rows).score_samples(rows) for seed in range(SEEDS)
    ]
    ours = [IsolationForest.fit(rows, seed=seed).score(rows) for seed in range(SEEDS)]
    assert spearmanr(np.mean(ours, axis=0), np.mean(theirs, axis=0)).statistic > 0.98
    np.testing.assert_allclose(np.mean(ours), np.mean(theirs), atol=0.005)
    auc_ours, auc_theirs = ([roc_auc_score(odd, scores) for scores in side] for side in (ours, theirs))
    error = math.hypot(np.std(auc_ours), np.std(auc_theirs)) / math.sqrt(SEEDS)
    assert np.mean(auc_ours) > np.mean(auc_theirs) - 3 * error


@settings(max_examples=60, deadline=None)
@given(TABLES, st.integers(-(2**70), 2**70), st.randoms(use_true_random=False))
def test_a_score_depends_on_the_row_alone(rows, seed, random):
    forest = IsolationForest.fit(rows, trees=7, sample=16, seed=seed)
    scores = forest.score(rows)
    order = random.sample(range(len(rows)), len(rows)) * 3
    np.testing.assert_array_equal(forest.score(rows[order]), scores[order])
    assert [forest.score_one(row) for row in rows] == scores.tolist()
    assert ((scores > 0) & (scores <= 1)).all()
    np.testing.assert_array_equal(
        IsolationForest.fit(rows, trees=7, sample=16, seed=seed).score(rows), scores
    )


@settings(max_examples=30, deadline=None)
@given(TABLES, st.integers(0, 100))
def test_what_is_saved_comes_back_with_the_same_bits(tmp_path_factory, rows, seed):
    path = tmp_path_factory.mktemp("forest") / "forest.agf"
    names = [f"column {at}" for at in range(rows.shape[1])]
    forest = IsolationForest.fit(rows, columns=names, trees=5, sample=8, seed=seed)
    forest.save(path)
    loaded = IsolationForest.load(path)
    assert (loaded.columns, loaded.trees, loaded.sample) == (tuple(names), 5, forest.sample)
    np.testing.assert_array_equal(loaded.score(rows), forest.score(rows))
    assert sorted(path.parent.iterdir()) == [path]


def test_a_far_row_scores_above_the_middle_and_the_farther_the_higher():
    rows = bell(2000, 4)
    forest = IsolationForest.fit(rows)
    distances = np.array([0, 2, 4, 8], np.float32)
    scores = forest.score(np.outer(distances, [1, -1, 1, 1]))
    assert (np.diff(scores) >= 0).all()
    assert scores[0] < 0.45
    assert scores[-1] > forest.score(rows).max()


def test_equal_rows_a_single_row_and_constant_columns_are_no_trouble():
    assert IsolationForest.fit(np.ones((300, 3))).score(np.zeros((1, 3))) == pytest.approx(0.5, abs=1e-7)
    assert IsolationForest.fit(np.ones((1, 3))).score(np.zeros((1, 3))) == 0.5
    rows = bell(500, 3)
    constant = np.insert(rows, 1, 7, axis=1)
    assert IsolationForest.fit(constant).score(constant + np.array([0, 1, 0, 0])).tolist() == pytest.approx(
        IsolationForest.fit(constant).score(constant).tolist()
    )


def test_rows_that_are_not_finite_have_no_score_and_are_left_out_of_fitting():
    rows = bell(100, 3).astype(np.float64)
    clean = np.delete(rows, [3, 50, 99], axis=0)
    rows[3, 0], rows[50, 1], rows[99, 2] = np.nan, -np.inf, 1e300  # which no float32 is
    forest = IsolationForest.fit(rows)
    assert forest.left_out == 3
    assert np.flatnonzero(np.isnan(forest.score(rows))).tolist() == [3, 50, 99]
    assert math.isnan(forest.score_one(rows[3]))
    np.testing.assert_array_equal(forest.score(clean), IsolationForest.fit(clean).score(clean))
    with pytest.raises(ValueError, match="none of 2 rows is finite"):
        IsolationForest.fit(rows[[3, 50]])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"rows": np.ones(3)}, r"shape \(3,\)"),
        ({"rows": np.ones((0, 3))}, "at least one row"),
        ({"rows": np.ones((3, 0))}, "0 columns"),
        ({"trees": 0}, "0 trees: there are 1 to 10000"),
        ({"sample": 40000}, "40000 sample: there are 1 to 32768"),
        ({"columns": ["a", "b"]}, "2 names for 3 columns"),
        ({"columns": ["a", "b", "a"]}, "two columns are called 'a'"),
        ({"columns": ["a", "b", "c\0"]}, "cannot be called"),
        ({"columns": ["a", "b", "\ud800"]}, "cannot be called"),
    ],
)
def test_what_cannot_be_fitted_is_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        IsolationForest.fit(**({"rows": np.ones((3, 3))} | wrong))


def test_rows_of_another_width_are_refused():
    forest = IsolationForest.fit(bell(10, 3))
    for rows in (np.ones((2, 2)), np.ones((2, 4)), np.ones(3)):
        with pytest.raises(ValueError, match="shape"):
            forest.score(rows)
    for row in (np.ones(2, np.float32), np.ones((1, 3), np.float32)):
        with pytest.raises(ValueError, match="shape"):
            forest.score_one(row)


def test_rows_may_lie_in_memory_as_they_like():
    rows = bell(40, 6)
    forest = IsolationForest.fit(rows)
    for other in (
        np.asfortranarray(rows),
        np.repeat(rows, 2, axis=1)[:, ::2],
        rows.astype(">f4"),
        rows.tolist(),
    ):
        np.testing.assert_array_equal(forest.score(other), forest.score(rows))
    assert forest.score_one(np.repeat(rows[0], 2)[::2]) == forest.score(rows)[0]


def test_a_file_with_any_bit_flipped_is_refused(saved, tmp_path):
    content = saved.read_bytes()
    path = tmp_path / "damaged.agf"
    for at in range(len(content)):
        damaged = bytearray(content)
        damaged[at] ^= 1 << at % 8
        path.write_bytes(damaged)
        with pytest.raises(ForestError, match=r"damaged\.agf: .*(again|begin with)"):
            IsolationForest.load(path)


def test_a_file_cut_off_or_continued_anywhere_is_refused(saved, tmp_path):
    content = saved.read_bytes()
    path = tmp_path / "damaged.agf"
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(ForestError, match=r"damaged\.agf"):
            IsolationForest.load(path)
    path.write_bytes(content + b"\0")
    with pytest.raises(ForestError, match="says"):
        IsolationForest.load(path)


def rewritten(content: bytes, at: int, new: bytes) -> bytes:
    """The file with something else in it and the checksum made right, as who means harm would."""
    body = content[:at] + new + content[at + len(new) : -32]
    return body + hashlib.sha256(body).digest()


def test_a_file_with_a_right_checksum_is_not_trusted_either(saved, tmp_path):
    content = saved.read_bytes()
    path = tmp_path / "hostile.agf"
    rows = bell(20, 3)
    generator = np.random.default_rng(0)
    refused = 0
    for _ in range(3000):
        at = int(generator.integers(8, len(content) - 32))
        path.write_bytes(rewritten(content, at, generator.bytes(int(generator.integers(1, 5)))))
        try:
            forest = IsolationForest.load(path)
        except ForestError:
            refused += 1
        else:
            scores = forest.score(np.resize(rows, (20, len(forest.columns))))
            assert ((scores > 0) & (scores <= 1)).all()
    assert 1000 < refused < 3000


def test_a_file_cannot_ask_for_more_memory_than_it_is_long(saved, tmp_path):
    path = tmp_path / "huge.agf"
    magic, version, columns, sample, _, _, named = HEADER.unpack_from(saved.read_bytes())
    path.write_bytes(HEADER.pack(magic, version, columns, sample, 0xFFFFFFFF, 0xFFFFFFFF, named))
    with pytest.raises(ForestError, match="has 32 bytes, and says"):
        IsolationForest.load(path)


def test_trees_of_more_nodes_than_the_file_has_are_refused(saved, tmp_path):
    path = tmp_path / "short.agf"
    content = saved.read_bytes()
    magic, version, columns, sample, trees, nodes, named = HEADER.unpack_from(content)
    header = HEADER.pack(magic, version, columns, sample, trees, nodes - 1, named)
    path.write_bytes(rewritten(content[:-40] + content[-32:], 0, header))
    with pytest.raises(ForestError, match="its trees have other nodes than it has"):
        IsolationForest.load(path)


def test_a_newer_file_says_what_it_needs(saved, tmp_path):
    path = tmp_path / "newer.agf"
    path.write_bytes(rewritten(saved.read_bytes(), 8, b"\x02"))
    with pytest.raises(ForestError, match="is of version 2, and this ag06d reads version 1"):
        IsolationForest.load(path)


def test_what_is_no_forest_is_told_by_its_name(tmp_path):
    (tmp_path / "text.agf").write_text("column,threshold\n" * 10)
    (tmp_path / "empty.agf").touch()
    os.mkfifo(tmp_path / "pipe.agf")
    for name, message in {
        "text.agf": "is no isolation forest; those begin with AG06FRST",
        "empty.agf": "is no isolation forest",
        "pipe.agf": "is no regular file",
        "absent.agf": "No such file",
        ".": "Is a directory",
    }.items():
        with pytest.raises(ForestError, match=message):
            IsolationForest.load(tmp_path / name)


def test_a_save_that_fails_leaves_what_was_there(saved, tmp_path, monkeypatch):
    path = tmp_path / "kept.agf"
    path.write_bytes(saved.read_bytes())
    forest = IsolationForest.load(path)

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ForestError, match=r"kept\.agf: the forest cannot be written: No space left"):
        forest.save(path)
    assert path.read_bytes() == saved.read_bytes()
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(ForestError, match="No such file"):
        forest.save(tmp_path / "absent" / "forest.agf")
