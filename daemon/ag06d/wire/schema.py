"""JSON Schema of every message, and the tables of docs/protocol.md: `python -m ag06d.wire.schema DOCS`.

Both are written from ag06d.wire.vocabulary. The text around the tables, and the exchanges, are people's.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ag06d.wire.messages import ERRORS
from ag06d.wire.vocabulary import OPERATIONS, TOPICS
from ag06d.wire.vocabulary.fields import fields
from ag06d.wire.vocabulary.headers import ErrorBody, MessageHeader, ReplyHeader, RequestHeader
from ag06d.wire.vocabulary.model import Part, json_schema

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_HEADERS: dict[str, type[Part]] = {
    "header.request": RequestHeader,
    "header.reply": ReplyHeader,
    "header.message": MessageHeader,
    "error": ErrorBody,
}
_TABLE = re.compile(r"(?<=^<!-- fields: )([\w.]+)( -->\n).*?(?=^<!-- end -->$)", re.MULTILINE | re.DOTALL)


def schemas() -> dict[str, dict[str, Any]]:
    """Every schema by its name: `header.*`, `error`, `OP.arguments`, `OP.reply`, `topic.TOPIC`."""
    found = {name: json_schema(model) for name, model in _HEADERS.items()}
    for operation in OPERATIONS.values():
        description = operation.describe()
        found |= {f"{operation.name}.{part}": description[part] for part in ("arguments", "reply")}
    found |= {f"topic.{topic.name}": topic.describe()["body"] for topic in TOPICS.values()}
    return {name: {"$schema": _DIALECT, "title": name, **schema} for name, schema in found.items()}


def files() -> dict[str, str]:
    """Name to content of every file in docs/schema."""
    return {f"{name}.json": json.dumps(schema, indent=1) + "\n" for name, schema in schemas().items()}


def tables() -> dict[str, str]:
    """What stands between `<!-- fields: NAME -->` and `<!-- end -->` on the page, by NAME."""
    known = schemas()
    plain = (*_HEADERS, *(f"topic.{name}" for name in TOPICS))
    made = {name: _table("field", known[name]) for name in plain}
    for name, operation in OPERATIONS.items():
        asked, answered = (known[f"{name}.{part}"] for part in ("arguments", "reply"))
        parts = [_table("argument", asked), _table("reply", answered)]
        made[name] = f"\n{operation.doc}.\n" + "".join(part for part in parts if part)
    for name, topic in TOPICS.items():
        made[f"topic.{name}"] = f"\nOn {topic.channel}. {topic.doc}.\n{made[f'topic.{name}']}"
    made["errors"] = "\n| code | meaning |\n|---|---|\n" + "".join(
        f"| `{code}` | {meaning} |\n" for code, meaning in ERRORS.items()
    )
    return {name: f"{table}\n" for name, table in made.items()}


def _table(title: str, schema: Mapping[str, Any]) -> str:
    rows = "".join(f"{field.row()}\n" for field in fields(schema))
    return f"\n| {title} | | |\n|---|---|---|\n{rows}" if rows else ""


def fill(page: str) -> str:
    """`page` with its tables as they should be; raises KeyError for one that there is not."""
    made = tables()
    return _TABLE.sub(lambda match: f"{match[1]}{match[2]}{made[match[1]]}", page)


def main(docs: Path) -> None:
    """Write the tables of `protocol.md` and the files of `schema/` in `docs`."""
    page = docs / "protocol.md"
    page.write_text(fill(page.read_text()))
    folder = docs / "schema"
    folder.mkdir(exist_ok=True)
    written = files()
    for name, content in written.items():
        (folder / name).write_text(content)
    for path in folder.glob("*.json"):
        if path.name not in written:
            path.unlink()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
