"""Plugins one by one: `plugins.*`, but for `plugins.list`, and the topic `trace.PLUGIN.`."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from ag06d.wire.vocabulary.model import Answer, Arguments, Body, Operation, Part, Topic
from ag06d.wire.vocabulary.status import Plugin


class PluginArguments(Arguments):
    """The body of `plugins.info`, `plugins.enable` and `plugins.disable`."""

    name: Annotated[str, Field(max_length=200)]
    """Name of the plugin."""


class TraceArguments(PluginArguments):
    """The body of `plugins.trace`."""

    seconds: Annotated[float, Field(ge=0, le=600, allow_inf_nan=False)] = 60.0
    """How long, from now; asking again goes on, 0 ends it."""


class Setting(Part):
    """A setting of a plugin."""

    key: str
    """Its key in the plugin's section."""
    value: Any
    """What is in effect; a secret as stars."""
    default: Any
    """What it is where nothing is said; null where something has to be."""
    doc: str
    """What it means."""


class OfferedTopic(Part):
    """A topic that a plugin registered."""

    name: str
    """Without its final dot."""
    doc: str
    """What is published on it."""
    channel: str
    """`events` or `stream`."""
    fields: list[str]
    """Names of the elements of the vector that each message carries."""
    units: list[str]
    """A unit for each of `fields`, or none."""
    version: int
    """Raised whenever the meaning of `fields` changes."""


class OfferedCommand(Part):
    """An operation that a plugin registered."""

    name: str
    """The operation is `PLUGIN.NAME`."""
    doc: str
    """What it does."""
    arguments: dict[str, str]
    """Name to meaning."""
    direct: bool = False
    """Whether it can be asked at the plugin's own socket too."""


class PluginInfo(Plugin, Answer):
    """The answer to `plugins.info`."""

    plugin: str
    """Its name."""
    distribution: str | None
    """What it was installed with; null for a plugin that is a file."""
    version: str | None
    """Of the distribution."""
    file: str | None
    """Where its code is; null while that is not known."""
    api: str
    """The version of the plugin API that it was written for; empty while that is not known."""
    hooks: list[str]
    """The hooks that it has."""
    settings: list[Setting]
    topics: list[OfferedTopic]
    commands: list[OfferedCommand]


class Switched(Answer):
    """The answer to `plugins.enable` and `plugins.disable`."""

    plugin: str
    """Its name."""
    changed: bool
    """False when it was so already."""


class Traced(Answer):
    """The answer to `plugins.trace`."""

    plugin: str
    """Its name."""
    topic: str
    """What to subscribe to, on `stream`."""
    seconds: float
    """How long it goes on."""


class Event(Part):
    """Something that happened around a plugin."""

    what: str
    """`frame`, `tick`, `error`, `publish`, `call`, `reply`, `message`, `command` or `close`."""
    mono: int
    """CLOCK_MONOTONIC in nanoseconds."""
    took_us: float | None = None
    """Time in the plugin, of a `frame`, `tick`, `reply`, `message`, `command` or `close`, in microseconds."""
    topic: str | None = None
    """Of a `publish`."""
    bytes: int | None = None
    """Of a `publish`."""
    sent: bool | None = None
    """Of a `publish`: false when it had to be dropped."""
    op: str | None = None
    """Of a `call`."""
    name: str | None = None
    """Of a `message`, its topic; of a `reply`, its status; of a `command`, its name."""
    traceback: str | None = None
    """Of an `error`."""


class TraceBody(Body):
    """The body of `trace.PLUGIN.`."""

    events: list[Event]
    """In order, since the message before."""
    omitted: int
    """Further events of the same time that are not told."""


OPERATIONS = (
    Operation(
        "plugins.info",
        "A plugin: where it comes from, what it offers, its settings",
        PluginInfo,
        PluginArguments,
    ),
    Operation(
        "plugins.enable",
        "Bring back a plugin that was disabled, quarantined or refused; its host begins again",
        Switched,
        PluginArguments,
    ),
    Operation(
        "plugins.disable",
        "Take a plugin out of its host, which begins again without it; remembered until it is enabled",
        Switched,
        PluginArguments,
    ),
    Operation("plugins.trace", "Publish for a while what happens around a plugin", Traced, TraceArguments),
)

TOPICS = (
    Topic(
        "trace.PLUGIN", "What happens around a plugin, while `plugins.trace` asks for it", "stream", TraceBody
    ),
)
