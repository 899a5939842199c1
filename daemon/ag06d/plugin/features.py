"""The feature store as a plugin has it, `context.features`, in whatever host the store itself runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from ag06d.plugin.views import Entity, FeatureService, FeatureView

To = Literal["online", "offline", "online_and_offline"]


class Status(IntEnum):
    """What a value is, as in Feast."""

    PRESENT = 0
    NOT_FOUND = 1  # no row of that entity
    OUTSIDE_MAX_AGE = 2  # the newest row is older than the view's ttl_s


@dataclass(frozen=True, slots=True)
class OnlineFeatures:
    """What was read: for each entity row (first axis) and feature (second axis).

    names     of the features
    values    float64 of shape (rows, features); NaN where the status is NOT_FOUND
    statuses  uint8 of the same shape: `Status`
    event_ns  int64 of the same shape: when each value was true, nanoseconds since the epoch, 0 without one
    """

    names: tuple[str, ...]
    values: npt.NDArray[np.float64]
    statuses: npt.NDArray[np.uint8]
    event_ns: npt.NDArray[np.int64]

    def to_dict(self) -> dict[str, list[float | None]]:
        """Name to the value of each entity row, None where there is none that counts."""
        counts = self.statuses == Status.PRESENT
        return {
            name: [
                float(value) if present else None
                for value, present in zip(self.values[:, at], counts[:, at], strict=True)
            ]
            for at, name in enumerate(self.names)
        }


@dataclass(frozen=True, slots=True)
class HistoricalFeatures:
    """A training table: float64 `values` of shape (moments, features), NaN where nothing was known."""

    names: tuple[str, ...]
    values: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that was not taken: its place in what was pushed, and why."""

    index: int
    reason: str


@dataclass(frozen=True, slots=True)
class Pushed:
    """What became of a push; `rejected` rows are in the dead-letter table, the others are kept."""

    accepted: int
    rejected: Sequence[Rejected]


class Features(Protocol):
    """What a plugin may ask of the feature store. Everything raises RequestError, as the bus would answer."""

    def get_online_features(
        self, features: Sequence[str] | str, entity_rows: Sequence[Mapping[str, str]]
    ) -> OnlineFeatures:
        """The newest values of `features` (references, or a service's name) for each entity row.

        An entity row says for each entity which one, such as `{"stream": "dry"}`. Some microseconds where the
        store runs in the same host, else some hundred.
        """

    def get_historical_features(
        self,
        moments_ns: npt.NDArray[np.int64],
        entities: Mapping[str, str | Sequence[str]],
        features: Sequence[str] | str,
        *,
        as_known: bool = False,
        timeout_s: float = 5.0,
    ) -> HistoricalFeatures:
        """What was true of `features` at each moment, within its time to live, and never from after.

        `entities` says which one, for all moments or for each. `as_known` leaves out what came later than
        the moment. It waits for the answer: not for a plugin whose frames cannot wait.
        """

    def push(
        self,
        view: str,
        entity: str,
        rows: npt.ArrayLike,
        times_ns: npt.ArrayLike | None = None,
        to: To = "online_and_offline",
    ) -> Pushed:
        """Add rows of one entity; the good ones go in, the others to the dead letters.

        view      NAME or NAME@VERSION
        entity    which one, such as `dry`
        rows      (n, columns), or one row (columns,); the view's dtype, or numbers that fit
        times_ns  (n,) int64, when each was true, nanoseconds since the epoch; without: now
        to        online alone (lost with the process), offline alone, or both
        """

    def apply(
        self,
        views: Iterable[FeatureView] = (),
        services: Iterable[FeatureService] = (),
        entities: Iterable[Entity] = (),
    ) -> list[str]:
        """Declare; what could not be, a sentence each."""


Declaration = Entity | FeatureView | FeatureService


def sorted_out(declared: Iterable[Declaration]) -> dict[str, list[Any]]:
    """Declarations of all kinds as the arguments of `Features.apply`; raises TypeError for anything else."""
    kinds: dict[type, str] = {Entity: "entities", FeatureView: "views", FeatureService: "services"}
    sorted_: dict[str, list[Any]] = {name: [] for name in kinds.values()}
    for entry in declared:
        if type(entry) not in kinds:
            raise TypeError(f"{entry!r:.100} is no Entity, FeatureView or FeatureService")
        sorted_[kinds[type(entry)]].append(entry)
    return sorted_
