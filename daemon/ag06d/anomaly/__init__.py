"""What is wrong with sound and odd in numbers: detectors of native/ that plugins and tools share."""

from ag06d.anomaly.faults import MEASURES, FaultMeter
from ag06d.anomaly.forest import IsolationForest, path_length
from ag06d.anomaly.series import SERIES_DETECTORS, SeriesDetectors, SeriesSettings
from ag06d.errors import ForestError

__all__ = [
    "MEASURES",
    "SERIES_DETECTORS",
    "FaultMeter",
    "ForestError",
    "IsolationForest",
    "SeriesDetectors",
    "SeriesSettings",
    "path_length",
]
