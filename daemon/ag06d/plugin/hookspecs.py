"""The hooks of a plugin. Each is called once, when the host starts; it registers things.

A plugin is a module in the entry-point group `ag06d.plugins`; it implements any of these with
`@ag06d.plugin.hookimpl`. A hook that raises, or refuses, costs this plugin alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import pluggy

if TYPE_CHECKING:
    from pydantic import BaseModel

    from ag06d.plugin.context import Context
    from ag06d.plugin.features import Declaration, Features
    from ag06d.plugin.registration import Command, Processor, Topic

PROJECT: Final = "ag06d"
ENTRY_POINTS: Final = "ag06d.plugins"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec(firstresult=True)
def ag06_config_model() -> type[BaseModel]:  # type: ignore[empty-body]
    """Return the pydantic model of the plugin's section `[plugins.NAME]`."""


@hookspec
def ag06_check(context: Context) -> None:
    """Raise `RefusedError` with the reason when the plugin cannot run in this environment."""


@hookspec
def ag06_feature_views(context: Context) -> Iterable[Declaration]:  # type: ignore[empty-body]
    """Return the entities, feature views and feature services that the plugin pushes or reads."""


@hookspec(firstresult=True)
def ag06_feature_store(context: Context) -> Features | None:
    """Return the feature store, if this plugin is the one that has it: `context.features` of all others."""


@hookspec
def ag06_topics(context: Context) -> Iterable[Topic]:  # type: ignore[empty-body]
    """Return the topics that the plugin publishes."""


@hookspec
def ag06_processors(context: Context) -> Iterable[Processor]:  # type: ignore[empty-body]
    """Return the processors that are to see every frame."""


@hookspec
def ag06_commands(context: Context) -> Iterable[Command]:  # type: ignore[empty-body]
    """Return the operations that clients may ask of the plugin."""
