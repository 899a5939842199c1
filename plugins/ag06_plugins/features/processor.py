"""The processor: extracts once a hop, publishes, and hands on to the store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from ag06_plugins.features.core import Basic, Octaves
from ag06_plugins.features.house import House
from ag06_plugins.features.keeping import Keeping
from ag06_plugins.features.shipped import STREAMS
from ag06_plugins.features.store.online import Plan
from ag06_plugins.features.topics import (
    BASIC_TOPIC,
    DRY_TOPIC,
    FIELDS,
    OCTAVES_TOPIC,
    WET_TOPIC,
    service_topic,
)
from ag06d.features import FLOOR_DB, Extractor
from ag06d.plugin import Context, Frame, Topic

HOPS_PER_S: Final = 100


@dataclass(slots=True)
class Served:
    """A service that is published every `hops`."""

    topic: Topic
    plan: Plan
    entities: dict[str, str]
    hops: int


class FeatureProcessor:
    """Extracts all features of both streams once, publishes float32 vectors, and keeps them in the store."""

    def __init__(self, context: Context, house: House) -> None:
        self._context, self._house = context, house
        self._dry, self._wet = (Extractor(context.rate, rolloff=context.config.rolloff) for _ in STREAMS)
        self._basic = Basic(FIELDS, FLOOR_DB)
        self._octaves = Octaves(FIELDS)
        self._keep_dry, self._keep_wet = (
            Keeping(stream, context.config, house.store, house.writer, context.rate) for stream in STREAMS
        )
        self._served = [
            Served(
                service_topic(house.store.registry, service),
                house.store.online.plan(service.features),
                service.entities,
                max(1, round(HOPS_PER_S / service.publish_hz)),
            )
            for service in house.served()
        ]
        self._hops = 0

    def process(self, frame: Frame) -> None:
        """Extract, publish, keep."""
        if frame.lost or frame.gap_frames:
            for part in (self._dry, self._wet, self._octaves, self._keep_dry, self._keep_wet):
                part.reset()
        event_ns = self._house.timeline.end_of(frame)
        dry, wet = self._dry.extract(frame.dry)[0], self._wet.extract(frame.wet)[0]
        self._publish(BASIC_TOPIC, self._basic.of(dry))
        self._publish(DRY_TOPIC, dry)
        self._publish(WET_TOPIC, np.append(wet, np.array(frame.reduction_db, dtype=np.float32)))
        levels = self._octaves.take(dry, wet)
        if levels is not None:
            self._publish(OCTAVES_TOPIC, levels)
        self._keep_dry.take(dry, frame.reduction_db, event_ns, disturbed=frame.disturbed)
        self._keep_wet.take(wet, frame.reduction_db, event_ns, disturbed=frame.disturbed)
        self._hops += 1
        for served in self._served:
            if self._hops % served.hops == 0:
                self._serve(served)

    def _serve(self, served: Served) -> None:
        found = self._house.store.online.read(
            served.plan, (served.entities,), self._house.timeline.now_ns(), counted=False
        )
        values = np.where(found.statuses[0] == 0, found.values[0], np.nan).astype(np.float32)
        body = {"version": served.topic.version, "entities": served.entities}
        self._context.publish(served.topic.name, body, values, found.statuses[0])

    def _publish(self, topic: Topic, vector: npt.NDArray[np.float32]) -> None:
        self._context.publish(topic.name, {"version": topic.version}, vector)

    def tick(self) -> None:
        """See to the store, whether or not there is sound."""
        self._house.tick()

    def close(self) -> None:
        """Keep what came last."""
        self._keep_dry.flush()
        self._keep_wet.flush()
        self._house.close()
