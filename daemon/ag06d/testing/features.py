"""A feature store for tests: it tells what the test said, and remembers what was pushed and declared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ag06d.plugin import (
    Entity,
    FeatureService,
    FeatureView,
    HistoricalFeatures,
    OnlineFeatures,
    Pushed,
    RequestError,
    Status,
    To,
)


@dataclass(slots=True)
class FakeFeatures:
    """What `context.features` is in a test; see `ag06d.plugin.Features`.

    online    reference to value: what is read, of any entity; NOT_FOUND for others
    services  name to references
    pushed    (view, entity, rows, times_ns) of each push, rows two-dimensional
    declared  all that was declared, in order
    """

    online: dict[str, float] = field(default_factory=dict)
    services: dict[str, tuple[str, ...]] = field(default_factory=dict)
    pushed: list[tuple[str, str, npt.NDArray[Any], npt.NDArray[Any] | None]] = field(default_factory=list)
    declared: list[Entity | FeatureView | FeatureService] = field(default_factory=list)

    def _references(self, features: Sequence[str] | str) -> tuple[str, ...]:
        if not isinstance(features, str):
            return tuple(features)
        if features not in self.services:
            raise RequestError("unknown_path", f"there is no feature service {features!r}")
        return self.services[features]

    def get_online_features(
        self, features: Sequence[str] | str, entity_rows: Sequence[Mapping[str, str]]
    ) -> OnlineFeatures:
        """What `online` says, for each entity row the same."""
        names = self._references(features)
        row = np.array([self.online.get(name, np.nan) for name in names])
        found = [Status.PRESENT if name in self.online else Status.NOT_FOUND for name in names]
        shape = (len(entity_rows), len(names))
        return OnlineFeatures(
            names,
            np.broadcast_to(row, shape).copy(),
            np.broadcast_to(np.array(found, np.uint8), shape).copy(),
            np.zeros(shape, np.int64),
        )

    def get_historical_features(
        self,
        moments_ns: npt.NDArray[np.int64],
        entities: Mapping[str, str | Sequence[str]],  # noqa: ARG002 - of any entity
        features: Sequence[str] | str,
        *,
        as_known: bool = False,  # noqa: ARG002 - it was always so
        timeout_s: float = 5.0,  # noqa: ARG002 - nobody waits
    ) -> HistoricalFeatures:
        """What `online` says, at each moment."""
        names = self._references(features)
        row = np.array([self.online.get(name, np.nan) for name in names])
        return HistoricalFeatures(names, np.tile(row, (len(moments_ns), 1)))

    def push(
        self,
        view: str,
        entity: str,
        rows: npt.ArrayLike,
        times_ns: npt.ArrayLike | None = None,
        to: To = "online_and_offline",  # noqa: ARG002 - all is remembered
    ) -> Pushed:
        """Remember it."""
        values = np.atleast_2d(np.asarray(rows))
        self.pushed.append((view, entity, values, None if times_ns is None else np.atleast_1d(times_ns)))
        return Pushed(len(values), ())

    def apply(
        self,
        views: Iterable[FeatureView] = (),
        services: Iterable[FeatureService] = (),
        entities: Iterable[Entity] = (),
    ) -> list[str]:
        """Remember it."""
        self.declared += [*entities, *views, *services]
        return []
