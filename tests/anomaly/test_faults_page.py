"""docs/faults.md says of every kind what its rule says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ag06_plugins.anomaly.faults.kinds import KINDS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "faults.md"


@pytest.mark.parametrize("rule", KINDS, ids=lambda rule: rule.kind)
def test_the_page_has_each_kind_with_its_measure_and_limits(rule):
    (row,) = re.findall(rf"^\| `{rule.kind}` \|.*$", PAGE.read_text(), re.MULTILINE)
    _, _, measure, threshold, severe, *_ = row.split("|")
    assert f"`{rule.measure.rpartition('.')[2]}`" in measure
    low, high = rule.bounds
    assert threshold.strip() == f"{rule.threshold:g} ({low:g} to {high:g})"
    assert severe.strip() == ", ".join(f"{step:g}" for step in rule.severe)
