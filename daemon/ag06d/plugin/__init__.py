"""What a plugin may import: the hooks, and the types that they speak of."""

from ag06d.errors import RefusedError, RequestError
from ag06d.plugin.context import Clock, Context, Disturber
from ag06d.plugin.features import (
    Features,
    HistoricalFeatures,
    OnlineFeatures,
    Pushed,
    Rejected,
    Status,
    To,
)
from ag06d.plugin.frame import Frame, Reduction
from ag06d.plugin.hookspecs import hookimpl
from ag06d.plugin.registration import Answer, Command, Processor, Topic
from ag06d.plugin.version import DeprecatedApiWarning
from ag06d.plugin.views import Entity, FeatureField, FeatureService, FeatureView, Reference

__all__ = [
    "Answer",
    "Clock",
    "Command",
    "Context",
    "DeprecatedApiWarning",
    "Disturber",
    "Entity",
    "FeatureField",
    "FeatureService",
    "FeatureView",
    "Features",
    "Frame",
    "HistoricalFeatures",
    "OnlineFeatures",
    "Processor",
    "Pushed",
    "Reduction",
    "Reference",
    "RefusedError",
    "Rejected",
    "RequestError",
    "Status",
    "To",
    "Topic",
    "hookimpl",
]
