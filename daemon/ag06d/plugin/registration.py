"""What hooks register: processors, topics, commands."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from ag06d.plugin.frame import Frame

if TYPE_CHECKING:
    import numpy.typing as npt

NAME: Final = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)*")  # of a topic or a command
NAME_MAX: Final = 100  # characters of a name, of a topic, command, field, unit or argument
DOC_MAX: Final = 1000  # characters of a doc
FIELDS_MAX: Final = 4096  # of one topic
ARGUMENTS_MAX: Final = 100  # of one command


class Processor(Protocol):
    """Sees every frame, in order, from one thread.

    What it raises is counted and logged; a processor that keeps raising, or takes too long, costs
    its own plugin at most. It may have a `close()`, called when the host ends in good order, and a
    `tick()`, called about every 100 ms whether or not there is sound: behind the same fence, but it is
    no frame in the plugin's account. In a replay it comes after every tenth frame instead.
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
            raise TypeError(f"topic {_shown(self.name)}: name, doc, fields and units are strings")
        _check_words("topic", self.name, [self.doc], [*self.fields, *self.units])
        if len(self.fields) > FIELDS_MAX:
            raise ValueError(f"topic {self.name}: {len(self.fields)} fields; at most {FIELDS_MAX} fit")
        if self.channel not in ("stream", "events"):
            raise ValueError(f"topic {self.name}: channel is stream or events, not {self.channel!r}")
        if len(self.units) not in (0, len(self.fields)):
            raise ValueError(f"topic {self.name}: {len(self.fields)} fields, but {len(self.units)} units")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command answers when arrays belong to it.

    They travel as raw frames, at most 61 of at most 1 MiB each; the body's `arrays` tells dtype and shape.
    """

    body: Mapping[str, Any]
    arrays: Sequence[npt.NDArray[Any]] = ()


Answered = Mapping[str, Any] | Answer
Steps = Generator[object, None, Answered]
CommandHandler = Callable[[Mapping[str, Any]], Answered | Steps]


@dataclass(frozen=True, slots=True)
class Command:
    """An operation that clients may ask of the plugin; its op is `PLUGIN.NAME`.

    The handler runs between two frames and must be as quick as a processor. It is given the request's
    body, in which `arrays` is the list of the arrays that came with it (read-only), and returns the
    reply's body or an `Answer`; a `RequestError` it raises is the answer.

    It may be a generator function, where the answer takes longer: it yields, whatever it likes, while
    the answer is not there yet, and is asked again every few milliseconds; it returns the answer. It is
    closed when the request's deadline has passed (5 s unless the client says otherwise) or the plugin ends.

    direct   clients may also ask at the plugin's own socket, past ag06d
    """

    name: str
    handler: CommandHandler
    doc: str
    arguments: Mapping[str, str] = field(default_factory=dict)
    direct: bool = False

    def __post_init__(self) -> None:
        """Refuse what could not be told to clients, or not be called."""
        words = [self.name, self.doc, *self.arguments, *self.arguments.values()]
        if not self.name or not all(isinstance(word, str) for word in words) or not callable(self.handler):
            raise TypeError(
                f"command {_shown(self.name)}: it is Command(name, handler, doc, arguments, direct)"
            )
        _check_words("command", self.name, [self.doc, *self.arguments.values()], self.arguments)
        if len(self.arguments) > ARGUMENTS_MAX:
            raise ValueError(
                f"command {self.name}: {len(self.arguments)} arguments; at most {ARGUMENTS_MAX} fit"
            )


def _check_words(what: str, name: str, docs: Iterable[str], names: Iterable[str]) -> None:
    """Refuse words that would not fit on a line, or what no client could ask for; raises ValueError."""
    if len(name) > NAME_MAX or not NAME.fullmatch(name):
        raise ValueError(
            f"{what} {_shown(name)}: a name is words of a-z, 0-9 and _ with dots between them, begins with "
            f"a letter and has at most {NAME_MAX} characters"
        )
    for text in docs:
        if len(text) > DOC_MAX:
            raise ValueError(f"{what} {name}: a doc of {len(text)} characters; at most {DOC_MAX} fit")
    for word in names:
        if len(word) > NAME_MAX or not word.isprintable():
            raise ValueError(
                f"{what} {name}: {_shown(word)}: a field, unit or argument: at most {NAME_MAX} characters, "
                "all of them printable"
            )


def _shown(name: object) -> str:
    return repr(name)[:NAME_MAX]
