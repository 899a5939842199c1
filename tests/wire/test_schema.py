"""What is generated from the vocabulary: docs/schema and the tables of docs/protocol.md."""

from __future__ import annotations

import jsonschema
import pytest

from ag06d.wire import ERROR_CODES
from ag06d.wire.messages import PAGE_VERSION
from ag06d.wire.schema import files, fill, schemas, tables
from ag06d.wire.vocabulary.fields import Field, fields

COMMAND = "run `make schema`"


def test_the_committed_schemas_are_those_of_the_models(root):
    folder = root / "docs" / "schema"
    assert {path.name: path.read_text() for path in folder.iterdir()} == files(), COMMAND


def test_the_tables_of_the_page_are_those_of_the_models_and_all_stand_on_it(root):
    page = (root / "docs" / "protocol.md").read_text()
    assert fill(page) == page, COMMAND
    for name in tables():
        assert page.count(f"<!-- fields: {name} -->") == 1, name


def test_the_page_tells_its_version_and_every_error_code(root):
    page = (root / "docs" / "protocol.md").read_text()
    assert f"\nVersion {PAGE_VERSION} of this page." in page
    assert all(f"| `{code}` |" in page for code in ERROR_CODES)


@pytest.mark.parametrize("name", schemas())
def test_every_schema_is_one_and_every_field_says_what_it_is(name):
    schema = schemas()[name]
    jsonschema.Draft202012Validator.check_schema(schema)
    found = fields(schema)
    assert len({field.path for field in found}) == len(found)
    for field in found:
        above = {other.path for other in found if other.doc and field.path.startswith(f"{other.path}.")}
        assert field.doc or above, f"{name}: {field.path}"


def test_fields_are_told_with_their_paths_and_kinds():
    inner = {
        "type": "object",
        "properties": {"x": {"type": "integer", "description": "X"}},
        "required": ["x"],
    }
    ref = {"$ref": "#/$defs/Inner"}
    schema = {
        "$defs": {"Inner": inner},
        "required": ["a", "b", "list"],
        "properties": {
            "a": ref,
            "b": ref,
            "list": {"type": "array", "items": ref},
            "map": {"type": "object", "additionalProperties": ref},
            "names": {"type": "array", "items": {"type": "string"}, "description": "Names"},
            "slot": {"anyOf": [{"enum": ["a", "b"]}, {"type": "null"}], "description": "Slot"},
        },
    }
    assert fields(schema) == [
        Field("a|b.x", "integer", "X", required=True),
        Field("list[].x", "integer", "X", required=True),
        Field("map.NAME.x", "integer", "X", required=True),
        Field("names", "list of text", "Names", required=False),
        Field("slot", "`a` or `b` or null", "Slot", required=False),
    ]
