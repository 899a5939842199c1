"""Features of sound: what each is called, and the extractor and statistics that plugins and tools share."""

from ag06d.features.catalogue import (
    FLOOR_DB,
    GROUPS,
    HOP_FEATURES,
    SIGNAL_FEATURES,
    SIGNALS,
    Feature,
    elements,
    scale,
)
from ag06d.features.extractor import Extractor
from ag06d.features.sliding import STATISTICS, WINDOWS_S, Sliding, statistic_names

__all__ = [
    "FLOOR_DB",
    "GROUPS",
    "HOP_FEATURES",
    "SIGNALS",
    "SIGNAL_FEATURES",
    "STATISTICS",
    "WINDOWS_S",
    "Extractor",
    "Feature",
    "Sliding",
    "elements",
    "scale",
    "statistic_names",
]
