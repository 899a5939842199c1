from __future__ import annotations

import math

import numpy as np
import pytest

from ag06_plugins.features.store.expressions import Expression

VALUES = {"v:a": np.array([1.0, 4.0, np.nan]), "v:b": np.array([2.0, -3.0, 1.0])}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('v["a"] - v["b"]', (-1, 7)),
        ('-v["a"] ** 2 / 4 % 3', (2.75, 2)),
        ('where((v["a"] > 2) & (v["b"] < 0), sqrt(v["a"]), 0.5)', (0.5, 2)),
        ('max(v["a"], 3) + min(v["b"], 0) + abs(v["b"])', (5, 4)),
        ('clip(v["a"], 2, 3) + log10(v["a"] * 0 + 100)', (4, 5)),
        ('(v["b"] == 2) | (v["a"] != v["a"])', (1, 0)),
    ],
)
def test_it_is_computed_for_all_rows_at_once(text, wanted):
    found = Expression(text)(VALUES)
    assert found[:2] == pytest.approx(wanted)
    assert math.isnan(found[2]) == ('"a"' in text)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('(v["a"] > 2) - (v["b"] > 0)', (-1, 1)),
        ('-(v["a"] > 2)', (0, -1)),
        ('(v["a"] > 2) + (v["b"] < 0)', (0, 2)),
        ('round(v["b"] > 0) * -1', (-1, 0)),
    ],
)
def test_what_is_true_counts_as_1(text, wanted):
    assert Expression(text)(VALUES)[:2] == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('abs(v["a"], v["b"])', "abs has 1 argument, not 2"),  # numpy would write over v["b"]
        ('clip(v["a"])', "clip has 3 arguments, not 1"),
        ('where(v["a"])', "where has 3 arguments, not 1"),
        ('max(v["a"], v["b"], v["b"])', "max has 2 arguments, not 3"),
        ("-" * 900 + 'v["a"]', "within each other"),
        ("not " * 240 + 'v["a"]', "not understood"),
        ("9" * 400 + ' + v["a"]', "larger than a float64"),
    ],
)
def test_what_could_not_be_computed_is_told_when_it_is_declared(text, problem):
    with pytest.raises(ValueError, match=problem):
        Expression(text)


def test_it_knows_what_it_reads():
    assert Expression('v["b"] * v["a"] + v["b"]').inputs == ("v:b", "v:a")


def test_a_missing_input_is_a_missing_value_even_where_it_does_not_count():
    assert np.isnan(Expression('where(v["b"] > 0, 1, v["a"] * 0)')(VALUES)[2])


@pytest.mark.parametrize("text", ['1 / (v["b"] - 2)', 'log(v["b"])', '(v["b"] * 1e200) ** 9'])
def test_what_has_no_value_raises_nothing(text):
    Expression(text)(VALUES)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "v",
        "v.a",
        'v["a"].real',
        'v["a"]; 1',
        'open("x")',
        '(lambda: v["a"])()',
        '[v["a"] for v in v]',
        'v["a"] if 1 else 2',
        'v["a"] and v["b"]',
        'v["a"] < v["b"] < 3',
        'where(v["a"], 1, *v)',
        'abs(x=v["a"])',
        'v["a"] @ v["b"]',
        "v[0]",
        '"a"',
        "((" * 600,
        "v" * 1001,
    ],
)
def test_nothing_else_of_python_is_understood(text):
    with pytest.raises(ValueError, match=r"understood|no expression|characters|reads no"):
        Expression(text)
