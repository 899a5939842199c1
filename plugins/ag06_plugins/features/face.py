"""The store as `context.features` of the plugins in the same host."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import get_args

import numpy as np
import numpy.typing as npt

from ag06_plugins.features.house import House
from ag06_plugins.features.looking import joining
from ag06d.plugin import (
    Entity,
    FeatureService,
    FeatureView,
    HistoricalFeatures,
    OnlineFeatures,
    Pushed,
    RequestError,
    To,
)

POLL_S = 0.002


class HostFeatures:
    """See `ag06d.plugin.Features`."""

    def __init__(self, house: House) -> None:
        self._house, self._store = house, house.store

    def get_online_features(
        self, features: Sequence[str] | str, entity_rows: Sequence[Mapping[str, str]]
    ) -> OnlineFeatures:
        """From memory."""
        return self._store.get_online_features(features, entity_rows)

    def get_historical_features(
        self,
        moments_ns: npt.NDArray[np.int64],
        entities: Mapping[str, str | Sequence[str]],
        features: Sequence[str] | str,
        *,
        as_known: bool = False,
        timeout_s: float = 5.0,
    ) -> HistoricalFeatures:
        """By the reader."""
        which = {name: one if isinstance(one, str) else list(one) for name, one in entities.items()}
        steps = joining(self._house, features, which, np.asarray(moments_ns), as_known=as_known)
        until_s = time.monotonic() + timeout_s
        while time.monotonic() < until_s:
            try:
                next(steps)
            except StopIteration as end:
                return HistoricalFeatures(tuple(end.value.body["names"]), end.value.arrays[0])
            time.sleep(POLL_S)
        steps.close()
        raise RequestError("deadline", f"the past was not looked up within {timeout_s:g} s", "ask for less")

    def push(
        self,
        view: str,
        entity: str,
        rows: npt.ArrayLike,
        times_ns: npt.ArrayLike | None = None,
        to: To = "online_and_offline",
    ) -> Pushed:
        """Online at once; to the disk by the writer, which keeps it waiting while there is no room."""
        if to not in get_args(To):
            raise RequestError("bad_request", f"to is {to!r:.100}", f"one of {', '.join(get_args(To))}")
        # Copies, for the caller may write over what is his while it waits for the disk.
        times = None if times_ns is None else copied(times_ns)
        found = self._store.check(view, entity, copied(rows), times)
        batches = [found.batch] if found.batch is not None else []
        if to != "online" and self._house.writer is not None:
            self._house.writer.stream(batches, found.letters)
        if found.batch is not None and to != "offline":
            self._store.take(found.batch)
        return found.pushed

    def apply(
        self,
        views: Iterable[FeatureView] = (),
        services: Iterable[FeatureService] = (),
        entities: Iterable[Entity] = (),
    ) -> list[str]:
        """Declare."""
        return self._house.declare(views, services, entities)


def copied(values: npt.ArrayLike) -> npt.ArrayLike:
    """As an array of its own; what cannot be one is left to whoever checks it."""
    try:
        return np.array(values)
    except (ValueError, TypeError, OverflowError):
        return values
