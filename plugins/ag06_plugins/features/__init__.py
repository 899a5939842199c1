"""The `features` plugin: what dry and wet sound are, as numbers, at every hop of 10 ms, and kept."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from ag06_plugins.features.commands import Commands
from ag06_plugins.features.face import HostFeatures
from ag06_plugins.features.house import house_of
from ag06_plugins.features.processor import FeatureProcessor
from ag06_plugins.features.settings import FeatureConfig
from ag06_plugins.features.topics import ALL, service_topic
from ag06d.plugin import Command, Context, Features, Processor, Topic, hookimpl

if TYPE_CHECKING:
    from pydantic import BaseModel

AG06_API: Final = "1.1"


@hookimpl
def ag06_config_model() -> type[BaseModel]:
    """The section `[plugins.features]`."""
    return FeatureConfig


@hookimpl
def ag06_feature_store(context: Context) -> Features:
    """This plugin's."""
    return HostFeatures(house_of(context))


@hookimpl
def ag06_topics(context: Context) -> Iterable[Topic]:
    """What is published, with every field's name and unit."""
    house = house_of(context)
    return [*ALL, *(service_topic(house.store.registry, service) for service in house.served())]


@hookimpl
def ag06_commands(context: Context) -> Iterable[Command]:
    """The operations on the store."""
    return Commands(house_of(context)).all()


@hookimpl
def ag06_processors(context: Context) -> Iterable[Processor]:
    """One for all topics, for they are made of the same numbers."""
    return [FeatureProcessor(context, house_of(context))]
