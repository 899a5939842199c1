"""What the daemon itself publishes: every topic with its channel and its body."""

from __future__ import annotations

from ag06d.wire.vocabulary.general import History, Sequences
from ag06d.wire.vocabulary.meters import MetersBody
from ag06d.wire.vocabulary.model import Body, Slot, Topic, Value
from ag06d.wire.vocabulary.status import RunningDevice


class Welcome(Body):
    """The body of `welcome.`."""

    channel: str
    """`events` or `stream`."""
    last: dict[str, int]
    """Topic to `seq` of its newest message on this channel, of the 200 topics that were published last."""


class Heartbeat(Body):
    """The body of `heartbeat.`."""

    state: str
    """As in `status`."""
    revision: int
    """Revision of the state tree."""
    last: dict[str, int]
    """Topic to `seq` of its newest message on this channel, of the 200 topics that were published last."""


class StateBody(Body):
    """The body of `state.`."""

    revision: int
    """Revision of the tree with these changes."""
    changes: dict[str, Value]
    """Path to value."""
    sequences: Sequences
    history: History


class AudioState(Body):
    """The body of `audio.state.`."""

    state: str
    """As in `status`."""
    reason: str
    """Why; empty where nothing is to be said."""
    device: RunningDevice
    """As in `status`, of a device that runs; else empty."""


class AudioStream(Body):
    """The body of `audio.stream.`."""

    streams: int
    """How many were begun since the daemon started."""
    position: int
    """Sample position."""
    gap_frames_total: int
    """Frames that never came since the daemon started."""


class HostBody(Body):
    """The body of `host.`."""

    host: str
    """Its name."""
    state: str
    """`starting`, `running`, `probation`, or `ended` when it is no longer configured."""
    reason: str
    """Why; empty where nothing is to be said."""
    restarts: int
    """How many times its process was replaced."""


class PluginBody(Body):
    """The body of `plugin.`."""

    plugin: str
    """Its name."""
    host: str
    """The host that ran it, or is to."""
    state: str
    """`quarantined`, `refused` or `disabled`; `starting` when it was enabled."""
    reason: str
    """Why."""


class PresetBody(Body):
    """The body of `preset.`."""

    name: str
    """Name of the preset."""
    slot: Slot
    """The slot that it was applied to."""


class PresetFiles(Body):
    """The body of `preset.files.`."""

    name: str
    """Name of the preset."""
    action: str
    """`saved`, `imported` or `deleted`."""


class SchemaBody(Body):
    """The body of `schema.TOPIC.`."""

    name: str
    """The topic, without its final dot."""
    plugin: str
    """The plugin that publishes it."""
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


TOPICS = (
    Topic("welcome", "Whenever somebody subscribes to it: the subscription is in effect", "both", Welcome),
    Topic("heartbeat", "Each second", "both", Heartbeat),
    Topic("state", "A change of the state tree", "events", StateBody),
    Topic("audio.state", "A change of state of the sound", "events", AudioState),
    Topic("audio.stream", "A stream of the device began", "events", AudioStream),
    Topic("host", "A change of state of a plugin host", "events", HostBody),
    Topic("plugin", "A plugin is no longer run, or again", "events", PluginBody),
    Topic("preset", "A preset was applied", "events", PresetBody),
    Topic("preset.files", "A preset's file was written or put aside", "events", PresetFiles),
    Topic(
        "schema.TOPIC",
        "A topic of a plugin: when it is registered, and all of them whenever somebody subscribes",
        "events",
        SchemaBody,
    ),
    Topic("meters", "Levels, loudness and gain reduction, twenty times a second", "stream", MetersBody),
)
