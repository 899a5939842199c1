"""The `features` plugin: what dry and wet sound are, as numbers, at every hop of 10 ms."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import numpy as np

from ag06_plugins.features.core import BASIC, CHANNELS, OCTAVES, Basic, FeatureConfig, Octaves
from ag06d.features import FLOOR_DB, Extractor, elements
from ag06d.plugin import Context, Frame, Processor, Reduction, Topic, hookimpl

if TYPE_CHECKING:
    from pydantic import BaseModel

STREAMS: Final = ("dry", "wet")
FIELDS: Final = tuple(name for name, _ in elements())
UNITS: Final = tuple(feature.unit for _, feature in elements())
REDUCTIONS: Final = tuple(f"{stage}_reduction_db" for stage in Reduction._fields)

DRY: Final = Topic(
    "feature.dry",
    "All features of the dry sound at every hop of 10 ms; the position is the end of the window",
    fields=FIELDS,
    units=UNITS,
)
WET: Final = Topic(
    "feature.wet",
    "All features of the wet sound, and the largest gain reduction of each stage within the hop",
    fields=(*FIELDS, *REDUCTIONS),
    units=(*UNITS, *("dB" for _ in REDUCTIONS)),
)
BASIC_TOPIC: Final = Topic(
    "feature.basic",
    "Features of the dry sound that say most at a glance, at every hop of 10 ms; the position is the end "
    "of the window",
    fields=tuple(f"{channel}.{name}" for channel in CHANNELS for name, _, _ in BASIC),
    units=tuple(unit for _ in CHANNELS for _, unit, _ in BASIC),
    version=2,
)
OCTAVES_TOPIC: Final = Topic(
    "feature.octaves",
    "Levels of dry and wet in octave bands, twenty a second; the position is the end of the window",
    fields=tuple(
        f"{stream}.{channel}.{hertz}_hz" for stream in STREAMS for channel in CHANNELS for hertz, _ in OCTAVES
    ),
    units=("dBFS",) * (len(STREAMS) * len(CHANNELS) * len(OCTAVES)),
    version=2,
)


class FeatureProcessor:
    """Extracts all features of both streams once, and publishes one float32 vector on each topic."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._dry, self._wet = (Extractor(context.rate, rolloff=context.config.rolloff) for _ in STREAMS)
        self._basic = Basic(FIELDS, FLOOR_DB)
        self._octaves = Octaves(FIELDS)

    def process(self, frame: Frame) -> None:
        """Extract and publish."""
        if frame.lost or frame.gap_frames:
            self._dry.reset()
            self._wet.reset()
            self._octaves.reset()
        dry, wet = self._dry.extract(frame.dry)[0], self._wet.extract(frame.wet)[0]
        self._publish(BASIC_TOPIC, self._basic.of(dry))
        self._publish(DRY, dry)
        self._publish(WET, np.append(wet, np.array(frame.reduction_db, dtype=np.float32)))
        levels = self._octaves.take(dry, wet)
        if levels is not None:
            self._publish(OCTAVES_TOPIC, levels)

    def _publish(self, topic: Topic, vector: np.ndarray[tuple[int], np.dtype[np.float32]]) -> None:
        self._context.publish(topic.name, {"version": topic.version}, vector)


@hookimpl
def ag06_config_model() -> type[BaseModel]:
    """The section `[plugins.features]`."""
    return FeatureConfig


@hookimpl
def ag06_topics() -> Iterable[Topic]:
    """What is published, with every field's name and unit."""
    return [BASIC_TOPIC, OCTAVES_TOPIC, DRY, WET]


@hookimpl
def ag06_processors(context: Context) -> Iterable[Processor]:
    """One for all topics, for they are made of the same numbers."""
    return [FeatureProcessor(context)]
