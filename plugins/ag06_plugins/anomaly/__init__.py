"""The `anomaly` plugin: what is wrong with the sound, within one hop, with the evidence."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from ag06_plugins.anomaly.commands import Commands
from ag06_plugins.anomaly.guard import guard_of
from ag06_plugins.anomaly.oddities import service
from ag06_plugins.anomaly.processor import AnomalyProcessor
from ag06_plugins.anomaly.settings import AnomalyConfig
from ag06_plugins.anomaly.topics import topics
from ag06d.plugin import Command, Context, FeatureService, Processor, Topic, hookimpl

if TYPE_CHECKING:
    from pydantic import BaseModel

AG06_API: Final = "1.2"


@hookimpl
def ag06_config_model() -> type[BaseModel]:
    """The section `[plugins.anomaly]`."""
    return AnomalyConfig


@hookimpl
def ag06_feature_views() -> Iterable[FeatureService]:
    """What is read of the store."""
    return [service()]


@hookimpl
def ag06_topics() -> Iterable[Topic]:
    """One for each kind of alert."""
    return topics()


@hookimpl
def ag06_commands(context: Context) -> Iterable[Command]:
    """The operations on alerts."""
    return Commands(context, guard_of(context)).all()


@hookimpl
def ag06_processors(context: Context) -> Iterable[Processor]:
    """One for all detectors, for their findings are told together."""
    return [AnomalyProcessor(guard_of(context))]
