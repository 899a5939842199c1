"""Features of sound: what each is called, and the extractor that plugins and tools share."""

from ag06d.features.catalogue import (
    FLOOR_DB,
    GROUPS,
    HOP_FEATURES,
    SIGNAL_FEATURES,
    SIGNALS,
    Feature,
    elements,
)
from ag06d.features.extractor import Extractor

__all__ = [
    "FLOOR_DB",
    "GROUPS",
    "HOP_FEATURES",
    "SIGNALS",
    "SIGNAL_FEATURES",
    "Extractor",
    "Feature",
    "elements",
]
