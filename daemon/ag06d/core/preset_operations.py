"""The operations on presets: `preset.*`."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from ag06d.arena.parameters import Value
from ag06d.core.operation import Daemon, Table, changed
from ag06d.core.preset_files import PresetFolder, to_toml
from ag06d.core.presets import Preset, parse_preset
from ag06d.errors import PresetError, RequestError
from ag06d.tree import nest
from ag06d.wire.vocabulary import Slot
from ag06d.wire.vocabulary.presets import (
    ApplyArguments,
    DiffArguments,
    ImportArguments,
    NameArguments,
    SaveArguments,
    SlotArguments,
)


class PresetOperations:
    """The presets' part of the table of operations."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon

    def table(self) -> Table:
        """All of them."""
        return {
            "preset.list": self._list,
            "preset.show": self._show,
            "preset.apply": self._apply,
            "preset.save": self._save,
            "preset.diff": self._diff,
            "preset.undo": self._undo,
            "preset.redo": self._redo,
            "preset.export": self._export,
            "preset.import": self._import,
            "preset.delete": self._delete,
        }

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
        _parsed(to_toml(preset), name)  # what is saved can be read again
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
        preset = _parsed(arguments.toml, name)
        if path.is_file() and not arguments.overwrite:
            raise RequestError(
                "conflict", f"there is a preset {name} of yours", "give another name, or --overwrite it"
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


def _parsed(text: str, name: str) -> Preset:
    """The user's preset `name` in `text`; raises RequestError bad_request with every error."""
    try:
        return parse_preset(text, name, "user", f"the text for {name}")
    except PresetError as error:
        raise RequestError("bad_request", str(error), "nothing was saved") from error
