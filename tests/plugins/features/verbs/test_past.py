"""Values over time, as they are put side by side and drawn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ag06_plugins.features.verbs.past import Line, in_a_table, rows_of, series, text

SECOND = 10**9
Moments = st.lists(st.integers(0, 10_000), max_size=20, unique=True).map(sorted)


def line(name: str, moments, values=None) -> Line:
    times_ns = np.array(moments, dtype=np.int64)
    return Line(
        name, "dB", times_ns, np.arange(1.0, len(times_ns) + 1) if values is None else np.array(values)
    )


@given(st.lists(Moments, min_size=1, max_size=4).filter(any))
def test_no_value_is_lost_or_moved_to_another_row_of_its_line(every):
    lines = [line(str(at), moments) for at, moments in enumerate(every)]
    rows = list(rows_of(lines))
    assert [time_ns for time_ns, _ in rows] == sorted({time_ns for time_ns, _ in rows})
    for at, one in enumerate(lines):
        assert [row[at] for _, row in rows if row[at] is not None] == one.values.tolist()


def test_means_of_the_same_part_stand_in_one_row():
    lines = [line("a", [0, 100, 200, 300]), line("b", [12, 101, 195])]
    assert list(rows_of(lines)) == [(0, [1, 1]), (100, [2, 2]), (195, [3, 3]), (300, [4, None])]


def test_what_is_not_known_is_a_dash_in_the_table_and_nothing_in_csv():
    lines = [line("a", [0, SECOND], [0.5, np.nan])]
    assert [row.split()[1] for row in in_a_table(lines)[1:]] == ["0.5", "-"]
    assert text(lines).splitlines() == ["event_time,a", "0,0.5", f"{SECOND},"]


def test_a_pause_is_not_drawn_over_and_lines_keep_their_values():
    steady = [*range(0, 10 * SECOND, SECOND), *range(60 * SECOND, 70 * SECOND, SECOND)]
    lines = [line("a", steady), line("b", [SECOND // 2, 30 * SECOND, 69 * SECOND], [1, 2, 3])]
    drawn = series(lines, 0, 70 * SECOND)
    at = {float(second): place for place, second in enumerate(drawn.times_s)}
    assert np.isnan(
        drawn.values["a"][[place for second, place in at.items() if 9 < second < 60 and second != 30]]
    ).all()
    assert drawn.values["a"][[at[second / SECOND] for second in steady]].tolist() == lines[0].values.tolist()
    assert drawn.values["b"][[at[0.5], at[30.0], at[69.0]]].tolist() == [1, 2, 3]
    assert drawn.values["b"][at[60.0]] == pytest.approx(2 + 30 / 39)
