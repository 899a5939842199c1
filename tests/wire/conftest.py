"""What msgpack can carry, for hypothesis."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=20)
    | st.binary(max_size=20)
)


def _nested(inner: st.SearchStrategy) -> st.SearchStrategy:
    return st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)


@pytest.fixture(scope="session")
def values() -> st.SearchStrategy:
    """Any value that a message may hold."""
    return st.recursive(LEAVES, _nested, max_leaves=12)


@pytest.fixture(scope="session")
def bodies(values) -> st.SearchStrategy:
    """Maps with string keys."""
    return st.dictionaries(st.text(max_size=8), values, max_size=5)
