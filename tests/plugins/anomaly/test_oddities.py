"""What was learned by the statistics and the forest, as the plugin has it in one life after the other."""

from __future__ import annotations

import time

import numpy as np
import pytest

from ag06_plugins.anomaly import oddities
from ag06_plugins.anomaly.forest import FOREST, Timing
from ag06_plugins.anomaly.oddities import COLUMNS, ENTITIES, FOREST_FOLDER, SERVICE, Oddities, service
from ag06_plugins.anomaly.settings import StatisticsConfig
from ag06d.anomaly import IsolationForest
from ag06d.plugin import Status

HOP = 480
HOPS_PER_S = 100
PATIENCE_S = 60


class Life:
    """One life of it, in which sound of no meaning is heard."""

    def __init__(self, context) -> None:
        context.feature_store.services[SERVICE] = service().features
        self.context, self.oddities = context, Oddities(context, StatisticsConfig())
        self.position = 0
        self._generator = np.random.default_rng(0)

    def hear(self, seconds: int, **values: float) -> None:
        for hop in range(seconds * HOPS_PER_S):
            if hop % HOPS_PER_S == 0:
                features = zip(service().features, self._generator.normal(-30, 1, len(COLUMNS)), strict=True)
                self.context.feature_store.online = dict(features) | values
            self.oddities.take(self.position, self.position / HOP / HOPS_PER_S, "")
            self.position += HOP

    def until_grown(self) -> dict:
        """The status, once a forest is taken in; only ticks do that."""
        give_up = time.monotonic() + PATIENCE_S
        while self.oddities.watch.forest is None:
            assert time.monotonic() < give_up, "never"
            self.oddities.tick()
            time.sleep(0.01)
        return self.oddities.status()["forest"]


@pytest.fixture
def live(ag06_context, monkeypatch):
    """Begins lives, of which each ends before the next one."""
    monkeypatch.setattr(oddities, "SECONDS", Timing(every=1, least=20, refit_s=600))
    lives = []

    def begin() -> Life:
        for before in lives:
            before.oddities.close()
        lives.append(Life(ag06_context))
        return lives[-1]

    yield begin
    for one in lives:
        one.oddities.close()


def test_a_forest_is_grown_on_each_second_and_taken_in_by_a_tick(live):
    life = live()
    life.hear(19)
    life.oddities.tick()
    assert life.oddities.status()["forest"] | {"last": {}} == {
        "asked": False, "last": {}, "refits": 0, "refused": 0, "rows": 19, "running": False, "trees": 0,
        "trouble": "",
    }  # fmt: skip
    life.hear(3)
    life.oddities.tick()
    status = life.oddities.status()["forest"]
    assert (status["running"], status["asked"]) == (True, False)
    grown = life.until_grown()
    assert (grown["refits"], grown["trees"], grown["last"]["rows"]) == (1, 100, 22)
    names = tuple(series.column for series in life.oddities.watch.watched)
    assert life.oddities.watch.forest.columns == names


def test_the_next_life_asks_the_forest_of_the_last_one(live):
    before = live()
    before.hear(25)
    before.until_grown()
    before.hear(1)
    row = before.oddities.watch.second
    after = live()
    after.oddities.tick()
    assert after.oddities.watch.forest is not before.oddities.watch.forest
    assert after.oddities.watch.forest.score_one(row) == before.oddities.watch.forest.score_one(row)


@pytest.mark.parametrize("left", ["damaged", "of other columns"])
def test_a_forest_that_is_of_no_use_is_counted_said_and_grown_anew_and_the_rest_goes_on(
    live, ag06_context, left
):
    path = ag06_context.data_folder / FOREST_FOLDER / FOREST
    path.parent.mkdir(parents=True)
    IsolationForest.fit(np.random.default_rng(0).normal(size=(50, 2))).save(path)
    if left == "damaged":
        path.write_bytes(path.read_bytes()[:-1])
    life = live()
    life.oddities.tick()
    status = life.oddities.status()
    assert (status["forest"]["refused"], status["forest"]["asked"]) == (1, False)
    assert str(path) in status["forest"]["trouble"]
    life.hear(25)
    assert life.oddities.watch.scores()["contexts"][0]["seconds"] > 20
    assert life.until_grown() | {"last": {}} == {
        "asked": True, "last": {}, "refits": 1, "refused": 1, "rows": 25, "running": False, "trees": 100,
        "trouble": "",
    }  # fmt: skip


def test_a_replay_grows_no_forest_and_keeps_nothing(live, ag06_context, monkeypatch):
    monkeypatch.setattr(ag06_context, "lockstep", True)
    life = live()
    life.hear(25)
    life.oddities.tick()
    life.oddities.close()
    assert life.oddities.status()["forest"] is None
    assert life.oddities.watch.forest is None
    assert not ag06_context.data_folder.exists() or not list(ag06_context.data_folder.iterdir())


def test_what_the_store_does_not_tell_is_no_number_and_the_rest_is_read(live):
    life = live()
    life.hear(2)
    missing = service().features[COLUMNS.index("balance")]
    del life.context.feature_store.online[missing]
    before = life.oddities.watch.counts.left_out
    life.oddities.take(life.position, 0.0, "")
    assert life.oddities.watch.counts.left_out == before + 1
    assert ENTITIES == {"stream": "dry"}


def test_a_value_that_is_too_old_counts_as_none(live, monkeypatch):
    life = live()
    life.hear(1)
    left_out = life.oddities.watch.counts.left_out
    read = life.context.feature_store.get_online_features

    def old(features, entity_rows):
        found = read(features, entity_rows)
        found.statuses[:, 0] = Status.OUTSIDE_MAX_AGE
        return found

    monkeypatch.setattr(
        type(life.context.feature_store), "get_online_features", lambda _, *asked: old(*asked)
    )
    life.hear(1)
    assert life.oddities.watch.counts.left_out > left_out


def test_a_store_that_did_not_answer_is_trouble_until_it_does(live):
    life = live()
    service_ = life.context.feature_store.services.pop(SERVICE)
    life.oddities.take(0, 0.0, "")
    assert (life.oddities.unread, bool(life.oddities.status()["trouble"])) == (1, True)
    life.context.feature_store.services[SERVICE] = service_
    life.hear(1)
    assert life.oddities.status()["trouble"] == ""
