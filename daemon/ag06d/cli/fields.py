"""The fields of a message by name, and the conditions on them that `watch --where` takes."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import typer

from ag06d.cli.output import nearest
from ag06d.cli.values import parse_value
from ag06d.tree import flatten

if TYPE_CHECKING:
    from ag06d.client import Message

OPERATORS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
    "=": operator.eq,
}
COMPARISON: Final = re.compile(r"\s*(?P<field>[\w.-]+)\s*(?P<operator>==|!=|<=|>=|<|>|=)\s*(?P<value>.+?)\s*")
ORDERED: Final = ("<", "<=", ">", ">=")


def body_of(message: Message) -> dict[str, Any]:
    """What a message says, its vector by name."""
    body = {key: value for key, value in message.body.items() if key != "arrays"}
    return body | {field: float(f"{value:.6g}") for field, value in message.vector.items()}


def fields_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """Every value by its path, the entries of a list by their number: `wet.peak_db.0`."""
    fields: dict[str, Any] = {}
    for path, value in flatten(body).items():
        if isinstance(value, list):
            fields |= {f"{path}.{at}": entry for at, entry in enumerate(value)}
        else:
            fields[path] = value
    return fields


def below(fields: Mapping[str, Any], name: str) -> list[str]:
    """The field `name`, or all below it."""
    return [field for field in fields if f"{field}.".startswith(f"{name}.")]


def unknown(fields: Mapping[str, Any], names: Iterable[str]) -> list[str]:
    """A line for each of `names` that `fields` has nothing of."""
    known = {field[:at] for field in fields for at in (*(i for i, c in enumerate(field) if c == "."), None)}
    return [f"no field {name}; {nearest(name, known)}" for name in names if not below(fields, name)]


@dataclass(frozen=True, slots=True)
class Comparison:
    """`field operator value`; of a field that has others below it, any may fit."""

    field: str
    sign: str
    value: Any

    def holds(self, fields: Mapping[str, Any]) -> bool:
        """Whether it is so; a field that is not there, or of another type, does not fit."""
        return any(self._fits(fields[field]) for field in below(fields, self.field))

    def _fits(self, value: object) -> bool:
        numbers = [
            isinstance(side, int | float) and not isinstance(side, bool) for side in (value, self.value)
        ]
        if numbers[0] != numbers[1] or (self.sign in ORDERED and not all(numbers)):
            return self.sign == "!="
        return OPERATORS[self.sign](value, self.value)


def parse_condition(text: str) -> list[Comparison]:
    """`wet.momentary_lufs>-20 and reduction_db.a.comp>=6`; all must hold. Raises typer.BadParameter."""
    comparisons = []
    for part in re.split(r"\s+and\s+", text):
        match = COMPARISON.fullmatch(part)
        if match is None:
            signs = " ".join(OPERATORS)
            raise typer.BadParameter(f"{part!r}: write FIELD>VALUE (or {signs}), joined by and")
        value = parse_value(match["value"].strip("'\""))
        comparisons.append(Comparison(match["field"], match["operator"], value))
        if match["operator"] in ORDERED and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise typer.BadParameter(f"{part!r}: {match['value']!r} is no number to compare with")
    return comparisons
