from __future__ import annotations

import pytest

from ag06_plugins.anomaly.finding import Finding

HOP = 480


@pytest.fixture
def finding():
    """Makes a finding of one hop, as a detector would tell it."""

    def make(kind="clipping", start=0, **fields) -> Finding:
        usual = {
            "detector": kind,
            "channel": "left",
            "end": start + HOP,
            "value": 10.0,
            "unit": "frames",
            "threshold": 4.0,
            "score": 0.7,
            "severity": "medium",
        }
        return Finding(kind=kind, start=start, **usual | fields)

    return make
