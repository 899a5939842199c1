"""What is wrong with arguments, in a user's words rather than in those of a library or a type."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

PROBLEMS_TOLD = 10  # of arguments that are wrong in many places
SHOWN = 60  # characters of a wrong value
_SAID = {
    "missing": "is missing",
    "string_type": "must be text",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "dict_type": "must be a map",
    "model_type": "must be a map",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "too_short": "must not be empty",
    "string_too_short": "must not be empty",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    "string_too_long": "must have at most {max_length} characters",
    "too_long": "must have at most {max_length} entries",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
}
_SAY_NO_VALUE = {"missing", "too_short", "string_too_short", "string_too_long", "too_long"}


def problems(error: ValidationError) -> list[str]:
    """Each problem that was found, `where: what would be right, not what was given`; the first ten."""
    return [_problem(entry) for entry in error.errors(include_url=False)[:PROBLEMS_TOLD]]


def _problem(entry: Any) -> str:  # noqa: ANN401 - pydantic's ErrorDetails
    kind = entry["type"]
    said = _SAID[kind].format(**entry.get("ctx", {})) if kind in _SAID else entry["msg"]
    given = "" if kind in _SAY_NO_VALUE else f", not {show(entry['input'])}"
    return f"{'.'.join(map(str, entry['loc']))[:200]}: {said.removeprefix('Value error, ')}{given}"


def show(value: object) -> str:
    """A value that came in a message, in few characters and without the words of a programming language."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"{value:.60g}" if isinstance(value, float) else f"{value}"[:SHOWN]
    if isinstance(value, str):
        return f"'{value}'" if len(value) <= SHOWN else f"'{value[:SHOWN]}...'"
    return "bytes" if isinstance(value, bytes) else "a map" if isinstance(value, dict) else "a list"
