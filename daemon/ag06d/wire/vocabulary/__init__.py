"""The words of the protocol: every operation and topic of the daemon's own, with the models of their fields.

Daemon, clients, `describe`, docs/schema and the tables of docs/protocol.md are all made from these. An
operation is added by its models and a row here, by what carries it out in the daemon's table
(ag06d.core.operations), and by a section with an exchange on the page; `make schema` writes the rest.
"""

from typing import Final

from ag06d.wire.vocabulary import configuration, general, meters, plugins, presets, recordings, status, topics
from ag06d.wire.vocabulary.model import (
    Answer,
    Arguments,
    Body,
    NoArguments,
    Operation,
    Part,
    Slot,
    Topic,
    Value,
)

OPERATIONS: Final = {
    operation.name: operation
    for module in (general, status, plugins, meters, presets, recordings, configuration)
    for operation in module.OPERATIONS
}
TOPICS: Final = {
    topic.name: topic for module in (topics, plugins, recordings, configuration) for topic in module.TOPICS
}

__all__ = [
    "OPERATIONS",
    "TOPICS",
    "Answer",
    "Arguments",
    "Body",
    "NoArguments",
    "Operation",
    "Part",
    "Slot",
    "Topic",
    "Value",
]
