"""A store in a folder of its own, with views of every dtype and precision, and a writer of its log."""

from __future__ import annotations

import numpy as np
import pytest

from ag06_plugins.features.store.log import Batch, Log
from ag06_plugins.features.store.offline import Offline
from ag06_plugins.features.store.registry import Registry
from ag06d.plugin import Entity, FeatureField, FeatureService, FeatureView

SECOND = 1_000_000_000
DAY = 86_400 * SECOND


def declared() -> Registry:
    registry = Registry()
    level = FeatureView(
        name="level",
        entity="stream",
        ttl_s=30,
        retention_days=3,
        fields=(
            FeatureField(name="rms_db", precision=0.01),
            FeatureField(name="bands", shape=(2,), precision="f16"),
            FeatureField(name="exact"),
        ),
    )
    count = FeatureView(name="count", entity="stream", dtype="int64", fields=(FeatureField(name="exact"),))
    taste = FeatureView(name="taste", entity="user", dtype="float64", fields=(FeatureField(name="score"),))
    ratio = FeatureView(
        name="ratio",
        entity="stream",
        source="on_demand",
        fields=(FeatureField(name="of_both", expression='level["exact"] / count["exact"]'),),
    )
    service = FeatureService(
        name="model", features=("level:exact", "count", "level:rms_db"), entities={"stream": "dry"}
    )
    problems = registry.apply(
        [level, count, taste, ratio], [service], [Entity(name="stream"), Entity(name="user")]
    )
    assert problems == []
    return registry


class Store:
    """The writing end and the reading end of one folder."""

    def __init__(self, folder):
        self.folder = folder
        self.log = Log(folder / "log")
        self.reports = []
        self.registry = declared()
        self.offline = Offline(folder, self.registry, report=self.reports.append)

    def push(self, view, entity, times, rows, created=0):
        """`times` in seconds, and the rows, or one number for all of a row's values."""
        self.push_ns(view, entity, [round(at * SECOND) for at in times], rows, round(created * SECOND))

    def push_ns(self, view, entity, times, rows, created):
        of = self.registry.view(view)
        values = np.asarray(rows, dtype=of.dtype)
        if values.ndim == 1:
            values = np.repeat(values[:, np.newaxis], len(of.columns), axis=1)
        self.log.append([Batch(of.key, entity, np.asarray(times, dtype=np.int64), values, created)])

    def files(self):
        return sorted(path for path in self.offline.folder.rglob("*") if path.is_file())


@pytest.fixture
def store(tmp_path):
    made = Store(tmp_path)
    yield made
    made.log.close()


@pytest.fixture(scope="session")
def new_store():
    """A function that makes one in a folder, for a test that needs many."""
    return Store
