import numpy as np

from {{ cookiecutter.module }}.core import PeakHold


def test_a_result_comes_with_each_full_window():
    hold = PeakHold(4)
    found = [hold.add(np.full((2, 2), level, np.float32)) for level in (0.5, -1, 0.25, 0.125)]
    assert found == [None, 1.0, None, 0.25]


def test_after_a_reset_the_past_does_not_count():
    hold = PeakHold(4)
    hold.add(np.ones((2, 2), np.float32))
    hold.reset()
    assert hold.add(np.zeros((4, 2), np.float32)) == 0.0
