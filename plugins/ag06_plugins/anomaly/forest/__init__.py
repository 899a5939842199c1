"""The isolation forest of this studio: grown again in the background on rows of the last hours."""

from ag06_plugins.anomaly.forest.refitter import FOREST, Refitter, Timing

__all__ = ["FOREST", "Refitter", "Timing"]
