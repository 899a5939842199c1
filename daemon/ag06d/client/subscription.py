"""What one subscription has heard: gaps, restarts of the daemon, names of fields. No sockets here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Literal

from ag06d import wire
from ag06d.client.message import Message

Channel = Literal["events", "stream"]
CHANNELS: Final[tuple[Channel, ...]] = ("events", "stream")
WELCOME: Final = "welcome."
SCHEMA: Final = "schema."


class Continuity:
    """Counts what is missing between messages, from their sequence numbers.

    The daemon counts per run, channel and topic, from 0. Who joins a running daemon cannot know what
    came before, so there the first message of a topic tells nothing; of a run that begins later,
    everything from 0 on that does not arrive is missed.
    """

    def __init__(self) -> None:
        self._runs: set[str] = set()
        self._joined: dict[Channel, str] = {}
        self._boot: dict[Channel, str] = {}
        self._next: dict[Channel, dict[str, int]] = {channel: {} for channel in CHANNELS}

    def join(self, channel: Channel, boot: str) -> None:
        """`channel` is heard from the midst of the run `boot` on."""
        self._joined[channel] = boot
        if not self._runs:
            self._runs.add(boot)

    def take(self, channel: Channel, message: wire.Message) -> tuple[int, bool]:
        """How many messages of its topic are missing before `message`, and whether it begins a new run.

        Each channel arrives in order, but one may be behind the other: only the first message of a run
        on either of them begins it.
        """
        boot, sequence = str(message.header["boot"]), int(message.header["seq"])
        if self._boot.get(channel) != boot:
            self._boot[channel] = boot
            self._next[channel].clear()
        expected = self._next[channel].get(message.topic, sequence if boot == self._joined[channel] else 0)
        self._next[channel][message.topic] = sequence + 1
        begins = boot not in self._runs
        self._runs.add(boot)
        return max(0, sequence - expected), begins


class Schemas:
    """The fields of the topics that plugins have registered, in this run of the daemon."""

    def __init__(self) -> None:
        self._fields: dict[str, tuple[str, ...]] = {}

    def learn(self, topics: Mapping[str, Mapping[str, Any]]) -> None:
        """Take in schemas: what `describe` has as `topics`, or one from `schema.TOPIC.`."""
        for name, schema in topics.items():
            self._fields[f"{name}."] = tuple(schema.get("fields", ()))

    def forget(self) -> None:
        """Another run of the daemon: its plugins may be others."""
        self._fields.clear()

    def lacks(self, message: wire.Message) -> bool:
        """Whether `message` carries an array and nothing is known of its topic yet."""
        return "arrays" in message.body and message.topic not in self._fields

    def settle(self, topic: str) -> None:
        """Ask no more about `topic`: if its schema is not known by now, there is none."""
        self._fields.setdefault(topic, ())

    def name(self, message: Message) -> Message:
        """`message` with the names of its array's elements, as far as they are known."""
        return replace(message, fields=self._fields.get(message.topic, ()))


class Subscription:
    """One subscription to `topics`, from its welcome on."""

    def __init__(self, topics: Sequence[str]) -> None:
        self.schemas = Schemas()
        self._topics = tuple(topics)
        self._continuity = Continuity()
        self._begun = False  # another run, of which nothing was handed on yet

    def prefixes(self, channel: Channel) -> tuple[str, ...]:
        """What to subscribe to on `channel`, and for `welcome.` besides, until it comes."""
        return (*self._topics, SCHEMA) if channel == "events" else self._topics

    def welcomed(self, channel: Channel, frames: Sequence[bytes]) -> bool:
        """Whether this is the welcome, which says that the subscription is in effect."""
        message = wire.Message.decode(frames)
        if message.topic != WELCOME:
            return False
        self._continuity.join(channel, str(message.header["boot"]))
        return True

    def take(self, channel: Channel, frames: Sequence[bytes]) -> Message | None:
        """The message in `frames`, its fields not filled in yet; None for one that nobody asked for.

        Raises WireError.
        """
        heard = wire.Message.decode(frames)
        missed, begins = self._continuity.take(channel, heard)
        if begins:
            self.schemas.forget()
            self._begun = True
        if heard.topic.startswith(SCHEMA):
            self.schemas.learn({heard.topic.removeprefix(SCHEMA).rstrip("."): heard.body})
        if not heard.topic.startswith(self._topics):
            return None
        changed, self._begun = self._begun, False
        return Message(heard.topic, heard.header, heard.body, heard.buffers, missed, boot_changed=changed)
