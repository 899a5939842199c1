"""The feature store of another host, asked what no request can be made of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import zmq

from ag06d.errors import RequestError
from ag06d.host.distant import DistantFeatures
from ag06d.paths import Sockets


@pytest.fixture
def distant(tmp_path):
    """One whose door is there, and nobody behind it."""
    sockets = Sockets(tmp_path)
    address = sockets.door("features")
    Path(address.removeprefix("ipc://")).parent.mkdir(parents=True, exist_ok=True)
    with zmq.Context() as context, context.socket(zmq.ROUTER) as door:
        door.bind(address)
        made = DistantFeatures(context, sockets)
        yield made
        made.close()


@pytest.mark.parametrize(
    "ask",
    [
        lambda store: store.push("v", "x", [[object()]]),
        lambda store: store.push("v", "x", [[1.0], [2.0, 3.0]]),
        lambda store: store.push("v", "x", [["1"]]),
        lambda store: store.push("v", object(), [[1.0]]),
        lambda store: store.get_online_features(["v"], [1]),
        lambda store: store.get_historical_features(["x"], {"e": "x"}, ["v"]),
        lambda store: store.get_historical_features([1], {"e": "x"}, ["v"], timeout_s=float("nan")),
        lambda store: store.apply([1]),
    ],
)
def test_what_no_request_can_be_made_of_is_refused_as_the_store_would(distant, ask):
    with pytest.raises(RequestError) as caught:
        ask(distant)
    assert caught.value.code == "bad_request"


def test_more_than_a_message_may_have_is_refused_at_once(distant):
    with pytest.raises(RequestError) as caught:
        distant.push("v", "x", np.zeros((1_000_000, 1)))
    assert caught.value.code == "out_of_range"
