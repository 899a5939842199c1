"""The `features` plugin: what the sound is, as numbers, at every hop of 10 ms, and its spectrum."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from ag06_plugins.features.core import FEATURES, OCTAVES_HZ, Extractor, FeatureConfig, Octaves
from ag06d.plugin import Context, Frame, Processor, Topic, hookimpl

if TYPE_CHECKING:
    from pydantic import BaseModel

TOPIC = "feature.basic"
OCTAVES_TOPIC = "feature.octaves"
STREAMS = ("dry", "wet")
CHANNELS = ("left", "right")


class FeatureProcessor:
    """Publishes one float32 vector a hop: all features of the left channel, then of the right."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._extractor = Extractor(context.rate, context.hop, context.config)

    def process(self, frame: Frame) -> None:
        """Extract and publish."""
        if frame.lost or frame.gap_frames:
            self._extractor.reset()
        vector = self._extractor.extract(frame.dry)
        self._context.publish(TOPIC, {"version": 1}, vector.astype(np.float32, copy=False))


class OctaveProcessor:
    """Publishes the spectrum in octave bands of dry and wet, twenty times a second."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._octaves = Octaves(context.rate, len(STREAMS))

    def process(self, frame: Frame) -> None:
        """Measure, and publish what is due."""
        if frame.lost or frame.gap_frames:
            self._octaves.reset()
        levels = self._octaves.take(frame.dry, frame.wet)
        if levels is not None:
            self._context.publish(OCTAVES_TOPIC, {"version": 1}, levels.astype(np.float32, copy=False))


@hookimpl
def ag06_config_model() -> type[BaseModel]:
    """The section `[plugins.features]`."""
    return FeatureConfig


@hookimpl
def ag06_topics() -> Iterable[Topic]:
    """What is published, with every field's name and unit."""
    octaves = tuple(
        f"{stream}.{channel}.{centre:g}_hz"
        for stream in STREAMS
        for channel in CHANNELS
        for centre in OCTAVES_HZ
    )
    return [
        Topic(
            TOPIC,
            "Features of the dry sound at every hop of 10 ms; the position is the end of the window",
            fields=tuple(f"{channel}.{feature.name}" for channel in CHANNELS for feature in FEATURES),
            units=tuple(feature.unit for _ in CHANNELS for feature in FEATURES),
        ),
        Topic(
            OCTAVES_TOPIC,
            "Levels of dry and wet in octave bands, twenty a second; the position is the end of the window",
            fields=octaves,
            units=("dBFS",) * len(octaves),
        ),
    ]


@hookimpl
def ag06_processors(context: Context) -> Iterable[Processor]:
    """One for each topic."""
    return [FeatureProcessor(context), OctaveProcessor(context)]
