"""The state tree: what a person may set, with one writer and a revision for every change.

Leaves have paths such as `chain.a.comp.threshold_db`; the tree nests by their dots.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ag06d.arena import CHAIN, Parameter
from ag06d.arena.parameters import Value
from ag06d.errors import RequestError
from ag06d.wire.words import show

SLOTS = ("a", "b")
_WORDS = {"bool": "true or false", "int": "a whole number", "float": "a number", "str": "text"}
Change = Value | Mapping[str, Any]
Listener = Callable[[int, dict[str, Value]], None]

AUDIO: tuple[Parameter, ...] = (
    Parameter("audio.mute", default=False, doc="Silence the output; no preset changes it"),
    Parameter(
        "audio.bypass", default=False, doc="Let the input through as it is, delayed by the chain's latency"
    ),
    Parameter("audio.slot", "a", "Slot that is heard", choices=SLOTS),
)


def tree_parameters() -> dict[str, Parameter]:
    """Every leaf of the tree by its path."""
    leaves = {parameter.path: parameter for parameter in AUDIO}
    for slot in SLOTS:
        leaves |= {f"chain.{slot}.{parameter.path}": parameter for parameter in CHAIN}
        leaves[f"preset.{slot}"] = Parameter(
            f"preset.{slot}", "", f"Preset last applied to slot {slot.upper()}"
        )
    return leaves


class StateTree:
    """The tree, its revision, and those who hear of changes."""

    def __init__(self) -> None:
        self.parameters = tree_parameters()
        self._values: dict[str, Value] = {path: p.default for path, p in self.parameters.items()}
        self._listeners: list[Listener] = []
        self.revision = 0

    def listen(self, listener: Listener) -> None:
        """Have `listener(revision, changes)` called after every change."""
        self._listeners.append(listener)

    def flat(self, path: str = "") -> dict[str, Value]:
        """Path to value of the leaf at `path` or of all below it; raises RequestError unknown_path."""
        found = {
            leaf: value
            for leaf, value in self._values.items()
            if not path or f"{leaf}.".startswith(f"{path}.")
        }
        if not found:
            raise self._unknown(path, self._branches())
        return found

    def chain(self, slot: str) -> dict[str, Value]:
        """The chain of a slot: path within the chain to value."""
        prefix = f"chain.{slot}."
        return {path.removeprefix(prefix): value for path, value in self.flat(prefix.rstrip(".")).items()}

    def set(self, changes: Mapping[str, Change], *, dry_run: bool = False) -> dict[str, Value]:
        """Make all of `changes`, or none; return those that changed something.

        A value may be given as it is, or as `{"add": 1.5}` or `{"toggle": True}`. Raises RequestError:
        unknown_path, out_of_range (numbers and choices), bad_request (types), denied (preset.*, but for
        the name that is there).
        """
        wanted = {path: self._resolve(path, change) for path, change in changes.items()}
        return self.update(wanted, dry_run=dry_run)

    def update(self, values: Mapping[str, Value], *, dry_run: bool = False) -> dict[str, Value]:
        """Write values that are known to be right; the daemon's own way in."""
        changed = {path: value for path, value in values.items() if self._values[path] != value}
        if changed and not dry_run:
            self._values |= changed
            self.revision += 1
            for listener in self._listeners:
                listener(self.revision, changed)
        return changed

    def _branches(self) -> frozenset[str]:
        """What stands above leaves, such as `chain.a.comp`."""
        paths = [path.split(".") for path in self.parameters]
        return frozenset(".".join(words[:depth]) for words in paths for depth in range(1, len(words)))

    def _unknown(self, path: str, branches: Iterable[str] = ()) -> RequestError:
        near = difflib.get_close_matches(path, [*self.parameters, *branches], n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else "`ag06ctl get` lists all paths"
        return RequestError("unknown_path", f"there is no {show(path)} in the state tree", hint)

    def _resolve(self, path: str, change: Change) -> Value:
        parameter = self.parameters.get(path)
        if parameter is None:
            raise self._unknown(path)
        if path.startswith("preset."):
            if change == self._values[path]:
                return change  # what `get` prints can be given back
            raise RequestError("denied", f"{path} is set by applying a preset", "ag06ctl preset apply NAME")
        if not isinstance(change, Mapping):
            return checked(path, parameter, change)
        return checked(path, parameter, self._relative(path, parameter, change))

    def _relative(self, path: str, parameter: Parameter, change: Mapping[str, Any]) -> Value:
        now = self._values[path]
        toggled = change.get("toggle") is True and len(change) == 1
        if toggled and parameter.kind == "bool":
            return not now
        if toggled and len(parameter.choices) > 1:
            choices = parameter.choices
            return choices[(choices.index(now) + 1) % len(choices)]
        step = change.get("add")
        if set(change) == {"add"} and parameter.kind in ("int", "float") and _is_number(step):
            return float(now) + float(step)  # type: ignore[arg-type]  # both were just seen to be numbers
        raise RequestError(
            "bad_request",
            f"{path} is {_WORDS[parameter.kind]}, which this does not change",
            'give a value, {"add": number} for numbers, or {"toggle": true} for switches',
        )


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer that no float can hold
        return False


def checked(path: str, parameter: Parameter, value: object) -> Value:
    """`value` in the parameter's own type; raises RequestError bad_request or out_of_range."""
    hint = f"{path} is {parameter.allowed()}"
    wrong_type = RequestError("bad_request", f"{path}: {show(value)} is not {_WORDS[parameter.kind]}", hint)
    out_of_range = RequestError("out_of_range", f"{path}: {show(value)} is out of range", hint)
    result: Value
    match parameter.kind:
        case "bool" if isinstance(value, bool):
            result = value
        case "str" if isinstance(value, str):
            result = value
        case "int" if _is_number(value) and float(value).is_integer():  # type: ignore[arg-type]
            result = int(value)  # type: ignore[call-overload]
        case "float" if _is_number(value):
            result = float(value)  # type: ignore[arg-type]
        case _:
            raise wrong_type
    if parameter.choices and result not in parameter.choices:
        raise out_of_range
    if not parameter.choices and not _within(parameter, result):
        raise out_of_range
    return result


def _within(parameter: Parameter, value: Value) -> bool:
    if isinstance(value, str) or parameter.low is None or parameter.high is None:
        return True
    return parameter.low <= value <= parameter.high
