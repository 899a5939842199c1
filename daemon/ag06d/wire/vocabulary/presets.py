"""The operations on presets: `preset.*`."""

from __future__ import annotations

from typing import Any

from ag06d.wire.vocabulary.general import Changed
from ag06d.wire.vocabulary.model import Answer, Arguments, Operation, Part, Slot, Value


class NameArguments(Arguments):
    """The body of `preset.show`, `preset.export` and `preset.delete`."""

    name: str
    """Name of the preset."""


class ApplyArguments(NameArguments):
    """The body of `preset.apply`."""

    slot: Slot | None = None
    """Slot to load it into; default: the one that is heard."""


class SaveArguments(NameArguments):
    """The body of `preset.save`; what is left out stays as it is in a preset of the user's of that name."""

    slot: Slot | None = None
    """Slot whose chain is saved; default: the one that is heard."""
    description: str | None = None
    """One line."""
    tags: list[str] | None = None
    """Words to find it by."""
    author: str | None = None
    """Who made it."""


class DiffArguments(NameArguments):
    """The body of `preset.diff`."""

    other: str | None = None
    """The preset it is compared with; default: what is in a slot."""
    slot: Slot | None = None
    """Slot it is compared with, where there is no `other`; default: the one that is heard."""


class SlotArguments(Arguments):
    """The body of `preset.undo` and `preset.redo`."""

    slot: Slot | None = None
    """Slot whose last step it is; default: the one that is heard."""


class ImportArguments(NameArguments):
    """The body of `preset.import`."""

    toml: str
    """A preset file's text."""
    overwrite: bool = False
    """Put it in the place of a preset of the user's of that name, which is kept as a backup."""


class Summary(Part):
    """A preset, but for its chain."""

    name: str
    """Its name."""
    description: str
    """One line."""
    tags: list[str]
    """Words to find it by."""
    author: str
    """Who made it."""
    origin: str
    """`factory` or `user`."""


class Presets(Answer):
    """The answer to `preset.list`."""

    presets: list[Summary]
    problems: list[str]
    """What is wrong with files that cannot be read."""


class Shown(Summary, Answer):
    """The answer to `preset.show`."""

    chain: dict[str, Any]
    """Every parameter of the chain, nested by the dots of the paths."""


class SlotChanged(Changed):
    """The answer to `preset.undo` and `preset.redo`."""

    slot: Slot
    """The slot that it was."""


class Applied(SlotChanged):
    """The answer to `preset.apply`."""

    name: str
    """Name of the preset."""


class Written(Answer):
    """The answer to what writes a file."""

    name: str
    """Name of the preset."""
    path: str
    """Its file."""
    backup: str | None
    """The file with what was there before; null where nothing was."""


class Imported(Written):
    """The answer to `preset.import`."""

    shadows: bool
    """Whether it stands before a preset of the factory of that name."""


class Saved(Imported):
    """The answer to `preset.save`."""

    slot: Slot
    """The slot whose chain it has."""


class Deleted(Written):
    """The answer to `preset.delete`."""

    uncovers: bool
    """Whether a preset of the factory of that name is there again."""


class Difference(Part):
    """One value that differs."""

    left: Value
    """In the preset that was named."""
    right: Value
    """In what it was compared with."""


class Differences(Answer):
    """The answer to `preset.diff`."""

    left: str
    """Name of the preset."""
    right: str
    """What it was compared with: a preset's name, `slot a` or `slot b`."""
    differences: dict[str, Difference]


class Exported(Answer):
    """The answer to `preset.export`."""

    name: str
    """Name of the preset."""
    origin: str
    """`factory` or `user`."""
    toml: str
    """The text of its file."""


OPERATIONS = (
    Operation("preset.list", "All presets, and what is wrong with unreadable ones", Presets),
    Operation("preset.show", "One preset with its chain", Shown, NameArguments),
    Operation("preset.apply", "Crossfade a slot to a preset", Applied, ApplyArguments),
    Operation("preset.save", "Save a slot's chain as a preset", Saved, SaveArguments),
    Operation("preset.diff", "Where two presets, or one and a slot, differ", Differences, DiffArguments),
    Operation("preset.undo", "Take back the last change of a slot's chain", SlotChanged, SlotArguments),
    Operation("preset.redo", "Do again what was undone", SlotChanged, SlotArguments),
    Operation("preset.export", "A preset as the text of its file", Exported, NameArguments),
    Operation("preset.import", "Save the text of a preset file", Imported, ImportArguments),
    Operation("preset.delete", "Put a preset of the user's aside", Deleted, NameArguments),
)
