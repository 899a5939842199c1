from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ag06_plugins.features.store.online import FUTURE_NS
from ag06_plugins.features.store.rows import Checker
from ag06d.plugin import FeatureField, FeatureView, RequestError

NOW = 1_790_000_000_000_000_000
FIELDS = (FeatureField(name="bounded", low=-1, high=1), FeatureField(name="free"))


def checker(**more) -> Checker:
    return Checker(FeatureView.model_validate({"name": "v", "entity": "e", "fields": FIELDS} | more))


def one(values, time_ns=NOW, *, newest_ns=0, **more) -> str:
    """Why a single row is rejected, empty if it is not."""
    made = checker(**more)
    rows, times = made.shaped(values, time_ns)
    good, rejected = made.check(rows, times, newest_ns, NOW)
    assert (good is None) == (not rejected)
    return rejected[0].reason if rejected else ""


@given(
    rows=hnp.arrays(np.float32, st.tuples(st.integers(1, 8), st.just(2))),
    offsets=st.lists(st.integers(-3, 3), min_size=8, max_size=8),
    order=st.sampled_from(["any", "increasing"]),
    nan=st.sampled_from(["reject", "allow"]),
)
def test_exactly_the_rows_that_keep_to_the_view_are_good(rows, offsets, order, nan):
    times = NOW + np.array(offsets[: len(rows)]) * FUTURE_NS
    made = checker(order=order, nan=nan)
    good, rejected = made.check(*made.shaped(rows, times), NOW, NOW)
    latest, wanted = NOW, []
    for row, time_ns in zip(rows, times, strict=True):
        fits = all(
            np.isnan(value) if nan == "allow" and np.isnan(value) else abs(value) <= bound
            for value, bound in zip(row.tolist(), (1, np.finfo(np.float32).max), strict=True)
        )
        timely = time_ns <= NOW + FUTURE_NS and (order == "any" or time_ns > latest)
        latest = max(latest, time_ns)
        wanted.append(fits and timely)
    assert (np.ones(len(rows), bool) if good is None else good).tolist() == wanted
    assert [r.index for r in rejected] == [i for i, fits in enumerate(wanted) if not fits]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ((1.5, 0), "bounded is 1.5; it is to be -1 to 1"),
        ((np.nan, 0), "bounded is nan; it is to be -1 to 1"),
        ((0, np.inf), "free is inf; it is to be -3.40282e+38 to 3.40282e+38"),
    ],
)
def test_the_reason_names_column_value_and_range(row, reason):
    assert one(row) == reason


def test_a_time_that_cannot_be_is_told():
    assert "before 1970" in one((0, 0), 0)
    assert "6.0 s in the future" in one((0, 0), NOW + 6_000_000_000)
    assert "increasing" in one((0, 0), NOW, newest_ns=NOW, order="increasing")


@pytest.mark.parametrize(
    ("rows", "times"),
    [
        (np.zeros((2, 3)), np.array([NOW, NOW])),
        (np.zeros((2, 2)), np.array([NOW])),
        (np.zeros((2, 2)), np.array([1.0, 2.0])),
        (np.array([["a", "b"]]), np.array([NOW])),
        (np.zeros((1, 2), dtype=complex), np.array([NOW])),
        (np.zeros((1, 1, 2)), np.array([NOW])),
        ([[1, 2], [3]], np.array([NOW])),
    ],
)
def test_what_is_no_rows_is_refused_whole(rows, times):
    with pytest.raises(RequestError) as caught:
        checker().shaped(rows, times)
    assert caught.value.code == "bad_request"


def test_whole_numbers_stay_whole():
    with pytest.raises(RequestError, match="float64"):
        checker(dtype="int64").shaped((1.5, 0), NOW)
    rows, _ = checker(dtype="int64").shaped((1, 2**62), NOW)
    assert rows.tolist() == [[1, 2**62]]


def test_what_does_not_fit_into_the_dtype_is_out_of_range():
    assert "inf" in one((0, 1e300))


def test_a_number_that_int64_cannot_have_does_not_become_another_one():
    with pytest.raises(RequestError, match=str(2**63 + 5)):
        checker(dtype="int64").shaped(np.array([[2**63 + 5, 0]], dtype=np.uint64), NOW)


def test_bounds_that_the_dtype_cannot_have_are_those_inside_of_it():
    def bounded(dtype, low, high):
        return {"fields": [{"name": "f", "low": low, "high": high}], "dtype": dtype}

    assert one((2**62,), **bounded("int64", -1e300, 1e300)) == ""
    assert one((1,), **bounded("int64", 0.5, 1.5)) == ""
    assert "it is to be 1 to 1" in one((0,), **bounded("int64", 0.5, 1.5))
    assert "it is to be 1 to 1" in one((2,), **bounded("int64", 0.5, 1.5))
    assert one((3e38,), **bounded("float32", -1e300, 1e300)) == ""
    assert "inf" in one((np.inf,), **bounded("float32", -1e300, 1e300))


@pytest.mark.parametrize("key", ["ttl_s", "period_s", "retention_days"])
@pytest.mark.parametrize("value", [np.inf, np.nan, 0, -1])
def test_no_time_of_a_view_is_without_end(key, value):
    with pytest.raises(ValueError, match=key):
        checker(**{key: value})


def test_a_time_to_live_is_one_that_can_be_counted():
    with pytest.raises(ValueError, match="ttl_s"):
        checker(ttl_s=1e300)
