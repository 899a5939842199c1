"""The topics on which features are published, with every field's name and unit."""

from __future__ import annotations

from typing import Final

from ag06_plugins.features.core import BASIC, CHANNELS, OCTAVES
from ag06_plugins.features.shipped import REDUCTIONS, STREAMS
from ag06_plugins.features.store.registry import Registry
from ag06d.features import elements
from ag06d.plugin import FeatureService, Topic

FIELDS: Final = tuple(name for name, _ in elements())
UNITS: Final = tuple(feature.unit for _, feature in elements())

DRY_TOPIC: Final = Topic(
    "feature.dry",
    "All features of the dry sound at every hop of 10 ms; the position is the end of the window",
    fields=FIELDS,
    units=UNITS,
)
WET_TOPIC: Final = Topic(
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
STALE_TOPIC: Final = Topic(
    "feature.stale",
    "A view went stale, for its newest row is older than its ttl_s, or is fresh again",
    channel="events",
)
STORE_TOPIC: Final = Topic(
    "feature.store",
    "The store cannot be written any more, such as for a full disk, or can again; and what its keeper did",
    channel="events",
)
ALL: Final = (BASIC_TOPIC, OCTAVES_TOPIC, DRY_TOPIC, WET_TOPIC, STALE_TOPIC, STORE_TOPIC)


def service_topic(registry: Registry, service: FeatureService) -> Topic:
    """The topic of a service: its values, NaN for one that is absent, and behind them their statuses."""
    fields: list[str] = []
    units: list[str] = []
    for text, view, indices in registry.select(service.features):
        unit = {column: field.unit for field in view.fields for column in field.columns}
        columns = [view.columns[i] for i in indices]
        whole = text.rpartition(":")[2] not in columns or len(columns) > 1
        fields += [f"{text.partition(':')[0]}:{column}" for column in columns] if whole else [text]
        units += [unit[column] for column in columns]
    what = service.description or "Features that are read together"
    return Topic(
        f"feature.service.{service.name}",
        f"{what}, {service.publish_hz:g} times a second at most; then the status of each",
        fields=tuple(fields),
        units=tuple(units),
    )
