"""What a plugin registers: its hooks, each called once and in order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import pluggy
from pydantic_core import PydanticUndefined, to_jsonable_python

from ag06d.host.context import HostContext
from ag06d.plugin import Command, Features, Processor, Topic, hookspecs
from ag06d.plugin.features import sorted_out
from ag06d.plugin.version import check_api

if TYPE_CHECKING:
    from pydantic import BaseModel


@dataclass(slots=True)
class Registration:
    """What one plugin registered, and by which hooks."""

    api: str = ""
    hooks: list[str] = field(default_factory=list)
    settings: list[dict[str, Any]] = field(default_factory=list)
    topics: dict[str, Topic] = field(default_factory=dict)
    commands: dict[str, Command] = field(default_factory=dict)
    processors: list[Processor] = field(default_factory=list)
    declared: dict[str, list[Any]] = field(default_factory=dict)  # arguments of Features.apply
    features: Features | None = None

    def document(self) -> dict[str, Any]:
        """As it is told to ag06d."""
        return {
            "api": self.api,
            "hooks": self.hooks,
            "settings": self.settings,
            "topics": [asdict(topic) for topic in self.topics.values()],
            "commands": [
                {
                    "name": command.name,
                    "doc": command.doc,
                    "arguments": dict(command.arguments),
                    "direct": command.direct,
                }
                for command in self.commands.values()
            ],
        }


def hooks_of(plugin: object, name: str) -> pluggy.PluginManager:
    """A manager with the hooks of `plugin` alone, so that one that raises silences nobody else.

    Raises RefusedError (its API version), or pluggy.PluginValidationError (a hook that there is not).
    """
    check_api(plugin)
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    manager.register(plugin, name=name)
    manager.check_pending()
    return manager


def register(plugin: object, context: HostContext, section: Mapping[str, Any]) -> Registration:
    """Call the hooks of `plugin` and give `context` its config and topics.

    Raises RefusedError, pydantic.ValidationError (the plugin's section), pluggy.PluginValidationError
    (a hook that there is not), or whatever a hook raises.
    """
    manager = hooks_of(plugin, context.name)
    hook = manager.hook
    model = hook.ag06_config_model()
    context.config = model.model_validate(section) if model is not None else dict(section)
    context.data_folder.mkdir(parents=True, exist_ok=True)
    hook.ag06_check(context=context)
    declared = [entry for group in hook.ag06_feature_views(context=context) for entry in group]
    features = hook.ag06_feature_store(context=context)
    context.topics = {topic.name: topic for group in hook.ag06_topics(context=context) for topic in group}
    return Registration(
        api=check_api(plugin),
        hooks=[caller.name for caller in manager.get_hookcallers(plugin) or ()],
        settings=settings(context.config),
        topics=context.topics,
        commands={
            command.name: command for group in hook.ag06_commands(context=context) for command in group
        },
        processors=[processor for group in hook.ag06_processors(context=context) for processor in group],
        declared=sorted_out(declared),
        features=features,
    )


def settings(config: BaseModel | dict[str, Any]) -> list[dict[str, Any]]:
    """Each setting: `key`, `value`, `default` (null without one) and `doc`; secrets as stars."""
    if isinstance(config, dict):
        return [
            {"key": str(key), "value": _plain(value), "default": None, "doc": ""}
            for key, value in config.items()
        ]
    values = config.model_dump(mode="json", fallback=str)
    documents = []
    for key, about in type(config).model_fields.items():
        default = about.get_default(call_default_factory=True, validated_data={})
        documents.append(
            {
                "key": key,
                "value": values[key],
                "default": None if default is PydanticUndefined else _plain(default),
                "doc": about.description or "",
            }
        )
    return documents


def _plain(value: object) -> Any:  # noqa: ANN401 - what JSON can carry
    return to_jsonable_python(value, fallback=str)
