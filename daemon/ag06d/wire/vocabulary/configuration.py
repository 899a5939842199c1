"""The operation `config.reload` and the topic that tells of every reload."""

from __future__ import annotations

from ag06d.wire.vocabulary.model import Answer, Body, Operation, Part, Topic


class Changes(Part):
    """What a reload did, or would do. Settings are told by their paths, such as `bus.meters_hz`."""

    applied: list[str]
    """Settings that changed and are in effect, in a host as soon as it has begun again."""
    hosts: list[str]
    """Hosts that begin, begin again where they left off, or end."""
    needs_restart: list[str]
    """Settings that changed and take effect when ag06d is started again."""


class Reloaded(Changes, Answer):
    """The answer to `config.reload`."""


class ConfigBody(Changes, Body):
    """The body of `config.`."""

    state: str
    """`reloaded`, or `refused` where something is wrong; the configuration before then stays in effect."""
    problems: list[str]
    """What is wrong, each with its file and line; the first twenty."""


OPERATIONS = (
    Operation("config.reload", "Read the configuration again, and apply what can be applied", Reloaded),
)

TOPICS = (Topic("config", "The configuration was read again", "events", ConfigBody),)
