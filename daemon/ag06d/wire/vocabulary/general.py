"""The operations on daemon and state: `hello`, `describe`, `snapshot`, `get`, `set`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from ag06d.wire.vocabulary.model import Answer, Arguments, Operation, Part, Value

Text = Annotated[str, Field(max_length=200)]


def _is_change(change: object) -> object:
    if isinstance(change, bool | int | float | str | Mapping):
        return change
    raise PydanticCustomError(
        "change", 'must be true or false, a number, text, {{"add": number}} or {{"toggle": true}}'
    )


Change = Annotated[
    Any,
    AfterValidator(_is_change),
    WithJsonSchema({"type": ["boolean", "integer", "number", "string", "object"]}),
]


class Steps(Part):
    """How far a slot's chain can go back and forth."""

    undo: int
    """Steps that `preset.undo` can take back."""
    redo: int
    """Steps that `preset.redo` can do again."""


class History(Part):
    """The steps of both slots."""

    a: Steps
    b: Steps


class Sequences(Part):
    """Sequence numbers of the newest parameters of each slot; `meters` tells which are in effect."""

    a: int
    """Of the newest parameters of slot A; `meters` echoes those in effect."""
    b: int
    """Of the newest parameters of slot B; likewise."""


class Hello(Answer):
    """The answer to `hello`."""

    protocol: str
    """`AG06/1`."""
    version: str
    """Version of the protocol's page that the daemon keeps to, `1.N`."""
    boot: str
    """Identity of this run of the daemon; another one means that all that was known is to be asked again."""
    operations: list[str]
    """Names of the daemon's own operations; `describe` has those of plugins too."""
    doors: dict[str, str] = Field(default_factory=dict)
    """Plugins that can be asked at a socket of their own, and its file in the runtime folder."""


class OperationDescription(Part):
    """An operation, as `describe` tells it."""

    doc: str
    """What it does."""
    arguments: dict[str, Any]
    """JSON Schema of the body; of a plugin's command, each argument's name and meaning."""
    reply: dict[str, Any] = Field(default_factory=dict)
    """JSON Schema of the reply's body; none of a plugin's command."""
    name: str = ""
    """The command's name within its plugin, of a plugin's command."""
    plugin: str = ""
    """The plugin, of a plugin's command."""
    direct: bool = False
    """Whether it can be asked at the plugin's own socket too, of a plugin's command."""


class PathDescription(Part):
    """A leaf of the state tree, as `describe` tells it."""

    kind: str
    """`bool`, `int`, `float` or `str`."""
    unit: str
    """Its unit, such as `dB`; empty without one."""
    low: float | None
    """Least value; null where nothing bounds it."""
    high: float | None
    """Largest value; likewise."""
    choices: list[Value]
    """All values that are allowed; empty where any within bounds is."""
    default: Value
    """Its value before anything was set."""
    doc: str
    """What it is."""


class TopicDescription(Part):
    """A topic, as `describe` tells it."""

    doc: str
    """What is published on it."""
    channel: str
    """`events`, `stream` or `both`."""
    body: dict[str, Any] = Field(default_factory=dict)
    """JSON Schema of the body, of the daemon's own topics."""
    name: str = ""
    """Its name, of a plugin's topic."""
    plugin: str = ""
    """The plugin that publishes it, of a plugin's topic."""
    fields: list[str] = Field(default_factory=list)
    """Names of the elements of the vector that each message carries, of a plugin's topic."""
    units: list[str] = Field(default_factory=list)
    """A unit for each of `fields`, or none."""
    version: int = 1
    """Raised whenever the meaning of `fields` changes."""


class Describe(Answer):
    """The answer to `describe`."""

    protocol: str
    """`AG06/1`."""
    version: str
    """Version of the protocol's page, `1.N`."""
    operations: dict[str, OperationDescription]
    paths: dict[str, PathDescription]
    topics: dict[str, TopicDescription]
    errors: dict[str, str]
    """Every error code and its meaning."""


class Snapshot(Answer):
    """The answer to `snapshot`."""

    boot: str
    """Identity of this run of the daemon."""
    revision: int
    """Revision of the tree; `state.` messages of higher ones come after it."""
    state: dict[str, Any]
    """The state tree, nested by the dots of its paths."""
    history: History


class GetArguments(Arguments):
    """The body of `get`."""

    path: Text = ""
    """A path of the state tree; empty for all of it."""


class Get(Answer):
    """The answer to `get`."""

    revision: int
    """Revision of the tree."""
    values: dict[str, Value]
    """Path to value, of the leaf at `path` or of all below it."""


class SetArguments(Arguments):
    """The body of `set`."""

    changes: dict[Text, Change] = Field(min_length=1)
    """Path to value, to `{"add": number}` or to `{"toggle": true}`; all are made, or none."""


class Changed(Answer):
    """The answer to what changes the state tree."""

    revision: int
    """Revision of the tree, now."""
    changed: dict[str, Value]
    """Path to value of what is another now; in a dry run, of what would be."""
    sequences: Sequences
    history: History


OPERATIONS = (
    Operation("hello", "Who answers, and in which version of the protocol", Hello),
    Operation("describe", "Every operation, path, topic and error, with units and ranges", Describe),
    Operation("snapshot", "The state tree with its revision, to begin following `state.`", Snapshot),
    Operation("get", "Part of the state tree", Get, GetArguments),
    Operation("set", "Change the state tree", Changed, SetArguments),
)
