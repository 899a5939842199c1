"""A small store: the view `level` of the entity `stream`, and a clock that is set."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from ag06_plugins.features.store.store import FeatureStore
from ag06d.plugin import Entity, FeatureField, FeatureView

NOW_NS = 1_790_000_000_000_000_000
SECOND = 1_000_000_000


@dataclass
class Clock:
    now_ns: int = NOW_NS

    def __call__(self) -> int:
        return self.now_ns


def level(**changes) -> FeatureView:
    declared = {
        "name": "level",
        "entity": "stream",
        "ttl_s": 1.0,
        "fields": (
            FeatureField(name="rms_db", unit="dB", low=-120, high=20),
            FeatureField(name="peak_db", unit="dB", low=-120, high=20),
        ),
    }
    return FeatureView.model_validate(declared | changes)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "store"


@pytest.fixture
def opened(folder, clock):
    """Opens the store, as often as it is called; the one before is not closed, as after a kill."""
    stores = []

    def opened(*views: FeatureView) -> FeatureStore:
        if stores:
            stores[-1]._lock.close()  # which a kill would do
        stores.append(FeatureStore(folder, clock_ns=clock))
        assert stores[-1].apply(views, (), [Entity(name="stream")]) == []
        return stores[-1]

    yield opened
    for store in stores:
        store.close()


@pytest.fixture
def store(opened):
    return opened(level())
