"""What the words of the protocol are made of: operations and topics, and models of all that they carry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from pydantic.json_schema import GenerateJsonSchema

Value = bool | int | float | str
Slot = Literal["a", "b"]


class Part(BaseModel):
    """A map within a message; fields that are not known are ignored."""

    model_config = ConfigDict(extra="ignore", use_attribute_docstrings=True)


class Untitled(GenerateJsonSchema):
    """JSON Schema without titles that only say a field's name again."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ANN401, ARG002 - pydantic's signature
        """Never."""
        return False


def json_schema(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON Schema of `model`."""
    return model.model_json_schema(schema_generator=Untitled)


class Arguments(Part):
    """The body of a request; a value of another type is refused, never converted."""

    model_config = ConfigDict(strict=True)


class NoArguments(Arguments):
    """An empty body."""


class Answer(Part):
    """The body of a reply that is no error."""


class Body(Part):
    """The body of a published message."""


@dataclass(frozen=True, slots=True)
class Operation:
    """What a client may ask: its name, its meaning, and the models of what is asked and answered."""

    name: str
    doc: str
    answer: type[Answer]
    arguments: type[Arguments] = NoArguments

    def describe(self) -> dict[str, Any]:
        """What `describe` tells of it."""
        return {
            "doc": self.doc,
            "arguments": json_schema(self.arguments),
            "reply": json_schema(self.answer),
        }


@dataclass(frozen=True, slots=True)
class Topic:
    """What the daemon itself publishes; `name` is without the final dot."""

    name: str
    doc: str
    channel: Literal["events", "stream", "both"]
    body: type[Body]

    def describe(self) -> dict[str, Any]:
        """What `describe` tells of it."""
        return {"doc": self.doc, "channel": self.channel, "body": json_schema(self.body)}
