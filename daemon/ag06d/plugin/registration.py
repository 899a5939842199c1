"""What hooks register: processors, topics, commands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from ag06d.plugin.frame import Frame

CommandHandler = Callable[[Mapping[str, Any]], Mapping[str, Any]]


class Processor(Protocol):
    """Sees every frame, in order, from one thread.

    What it raises is counted and logged; a processor that keeps raising, or takes too long, costs
    its own plugin at most. It may have a `close()`, called when the host ends in good order.
    """

    def process(self, frame: Frame) -> None:
        """Look at one frame; it must return well within a hop (10 ms)."""


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic that the plugin publishes.

    name      without the final dot, such as `feature.basic`
    channel   `stream` for what comes many times a second and may be missed, `events` for what must not
    fields    names of the vector's elements, where messages carry one float32 vector
    units     one for each field
    version   raised whenever the meaning of the fields changes
    """

    name: str
    doc: str
    channel: Literal["stream", "events"] = "stream"
    fields: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    version: int = 1

    def __post_init__(self) -> None:
        """Refuse what the bus could not carry, while it is still the plugin's own call that fails."""
        words = [self.name, self.doc, *self.fields, *self.units]
        if not self.name or not all(isinstance(word, str) for word in words):
            raise TypeError(f"topic {self.name!r}: name, doc, fields and units are strings")
        if self.channel not in ("stream", "events"):
            raise ValueError(f"topic {self.name}: channel is stream or events, not {self.channel!r}")
        if len(self.units) not in (0, len(self.fields)):
            raise ValueError(f"topic {self.name}: {len(self.fields)} fields, but {len(self.units)} units")


@dataclass(frozen=True, slots=True)
class Command:
    """An operation that clients may ask of the plugin; its op is `PLUGIN.NAME`.

    The handler runs between two frames and must be as quick as a processor. It is given the
    request's body and returns the reply's; a `RequestError` it raises is the answer.
    """

    name: str
    handler: CommandHandler
    doc: str
    arguments: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what could not be told to clients, or not be called."""
        words = [self.name, self.doc, *self.arguments, *self.arguments.values()]
        if not self.name or not all(isinstance(word, str) for word in words) or not callable(self.handler):
            raise TypeError(f"command {self.name!r}: it is Command(name, handler, doc, arguments)")
