"""The operations on presets: `preset.*`."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Literal

from ag06d.arena.parameters import Value
from ag06d.core.operation import Arguments, Daemon, Operation, changed
from ag06d.core.preset_files import PresetFolder, to_toml
from ag06d.core.presets import Preset, parse_preset
from ag06d.errors import PresetError, RequestError
from ag06d.tree import nest

Slot = Literal["a", "b"]


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


class PresetOperations:
    """The presets' part of the table of operations."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon

    def table(self) -> tuple[Operation, ...]:
        """All of them."""
        return (
            Operation("preset.list", "All presets, and what is wrong with unreadable ones", self._list),
            Operation("preset.show", "One preset with its chain", self._show, NameArguments),
            Operation("preset.apply", "Crossfade a slot to a preset", self._apply, ApplyArguments),
            Operation("preset.save", "Save a slot's chain as a preset", self._save, SaveArguments),
            Operation(
                "preset.diff", "Where two presets, or one and a slot, differ", self._diff, DiffArguments
            ),
            Operation(
                "preset.undo", "Take back the last change of a slot's chain", self._undo, SlotArguments
            ),
            Operation("preset.redo", "Do again what was undone", self._redo, SlotArguments),
            Operation("preset.export", "A preset as the text of its file", self._export, NameArguments),
            Operation("preset.import", "Save the text of a preset file", self._import, ImportArguments),
            Operation("preset.delete", "Put a preset of the user's aside", self._delete, NameArguments),
        )

    @property
    def _user(self) -> PresetFolder:
        return PresetFolder(self._daemon.presets.user_folder)

    def _slot(self, slot: Slot | None) -> str:
        return slot or str(self._daemon.state.flat("audio.slot")["audio.slot"])

    def _load(self, name: str) -> Preset:
        try:
            return self._daemon.presets.load(name)
        except PresetError as error:
            raise RequestError("bad_request", str(error), "mend the file; nothing was changed") from error

    def _list(self, *_: object) -> dict[str, Any]:
        presets, problems = self._daemon.presets.all()
        return {"presets": [preset.summary() for preset in presets], "problems": problems}

    def _show(self, arguments: NameArguments, _: object) -> dict[str, Any]:
        preset = self._load(arguments.name)
        return {**preset.summary(), "chain": nest(preset.chain)}

    def _apply(self, arguments: ApplyArguments, dry_run: bool) -> dict[str, Any]:  # noqa: FBT001 - the table's signature
        preset = self._load(arguments.name)
        slot = self._slot(arguments.slot)
        values: dict[str, Value] = {f"chain.{slot}.{path}": value for path, value in preset.chain.items()}
        values[f"preset.{slot}"] = preset.name
        changes = self._daemon.state.update(values, dry_run=dry_run)
        if not dry_run:
            self._daemon.announce("preset", {"name": preset.name, "slot": slot})
        return {"name": preset.name, "slot": slot, **changed(self._daemon, changes)}

    def _save(self, arguments: SaveArguments, dry_run: bool) -> dict[str, Any]:  # noqa: FBT001 - see _apply
        slot, name = self._slot(arguments.slot), arguments.name
        before = Preset(name, "", {}, origin="user")
        if self._user.holds(name):
            with suppress(PresetError):  # unreadable, it is kept as a backup all the same
                before = self._daemon.presets.load(name)
        preset = Preset(
            name,
            before.description if arguments.description is None else arguments.description,
            self._daemon.state.chain(slot),
            before.tags if arguments.tags is None else tuple(arguments.tags),
            before.author if arguments.author is None else arguments.author,
            "user",
        )
        written = self._user.write(preset, dry_run=dry_run)
        if not dry_run:
            self._daemon.state.update({f"preset.{slot}": name})
            self._announce(name, "saved")
        return {
            "name": name,
            "slot": slot,
            "shadows": self._daemon.presets.is_factory(name),
            **written.document(),
        }

    def _announce(self, name: str, action: str) -> None:
        self._daemon.announce("preset.files", {"name": name, "action": action})

    def _diff(self, arguments: DiffArguments, _: object) -> dict[str, Any]:
        left = self._load(arguments.name)
        if arguments.other is not None:
            right, chain = arguments.other, self._load(arguments.other).chain
        else:
            slot = self._slot(arguments.slot)
            right, chain = f"slot {slot}", self._daemon.state.chain(slot)
        differences = {
            path: {"left": value, "right": chain[path]}
            for path, value in left.chain.items()
            if value != chain[path]
        }
        return {"left": left.name, "right": right, "differences": differences}

    def _undo(self, arguments: SlotArguments, dry_run: bool) -> dict[str, Any]:  # noqa: FBT001 - see _apply
        slot = self._slot(arguments.slot)
        changes = self._daemon.history.undo(slot, dry_run=dry_run)
        return {"slot": slot, **changed(self._daemon, changes)}

    def _redo(self, arguments: SlotArguments, dry_run: bool) -> dict[str, Any]:  # noqa: FBT001 - see _apply
        slot = self._slot(arguments.slot)
        changes = self._daemon.history.redo(slot, dry_run=dry_run)
        return {"slot": slot, **changed(self._daemon, changes)}

    def _export(self, arguments: NameArguments, _: object) -> dict[str, Any]:
        preset = self._load(arguments.name)
        return {"name": preset.name, "origin": preset.origin, "toml": to_toml(preset)}

    def _import(self, arguments: ImportArguments, dry_run: bool) -> dict[str, Any]:  # noqa: FBT001 - see _apply
        name = arguments.name
        path = self._user.path(name)
        try:
            preset = parse_preset(arguments.toml, name, "user", f"the text for {name}")
        except PresetError as error:
            raise RequestError("bad_request", str(error), "nothing was saved") from error
        if path.is_file() and not arguments.overwrite:
            raise RequestError(
                "conflict", f"there is a preset {name} of yours", "give another name, or ask to overwrite it"
            )
        written = self._user.write(preset, dry_run=dry_run)
        if not dry_run:
            self._announce(name, "imported")
        return {"name": name, "shadows": self._daemon.presets.is_factory(name), **written.document()}

    def _delete(self, arguments: NameArguments, dry_run: bool) -> dict[str, Any]:  # noqa: FBT001 - see _apply
        name = arguments.name
        factory = self._daemon.presets.is_factory(name)
        if not self._user.holds(name):
            if factory:
                raise RequestError("denied", f"{name} comes with ag06d", "only your own can be deleted")
            self._load(name)  # says that there is none, and what is near
        written = self._user.remove(name, dry_run=dry_run)
        if not dry_run:
            self._announce(name, "deleted")
        return {"name": name, "uncovers": factory, **written.document()}
