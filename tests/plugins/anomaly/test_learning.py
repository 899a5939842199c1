from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ag06_plugins.anomaly.alerts.learning import LEAST, MOST, raised, raised_shares, share

FINITE = st.floats(-100, 100)


@given(threshold=FINITE, room=st.floats(0.01, 100), beyond=st.floats(0.0, 500))
def test_a_wrong_alert_raises_the_threshold_within_its_bounds_whatever_its_sign(threshold, room, beyond):
    highest = threshold + room
    part = share(threshold + beyond, threshold, highest)
    assert LEAST <= part <= MOST
    assert threshold < raised(threshold, highest, part) <= highest


def test_what_was_seen_is_not_told_again_where_that_is_within_half_of_the_way():
    assert raised(10.0, 20.0, share(13.0, 10.0, 20.0)) > 13.0


def test_at_the_highest_bound_nothing_moves():
    assert share(5.0, 4.0, 4.0) == 0.0


@given(st.lists(st.tuples(st.sampled_from(["hum", "click"]), st.floats(LEAST, MOST)), max_size=50))
def test_labels_add_up_in_any_order_and_never_go_beyond_the_bound(labels):
    shares = raised_shares(labels)
    assert all(0 < part <= 1 for part in shares.values())
    backwards = raised_shares(reversed(labels))
    assert shares.keys() == backwards.keys()
    assert all(abs(shares[kind] - backwards[kind]) < 1e-9 for kind in shares)
