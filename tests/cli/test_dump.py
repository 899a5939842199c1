from __future__ import annotations

import json
import tarfile
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ag06d.cli.dump import TOLD_MAX, described, plain, write

PARTS = {"status.json": b"{}\n", "log.txt": b"\xff\xfe"}
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.just([0.5] * 999)
)
BODIES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=100) | st.dictionaries(st.text(), inner), max_leaves=200
)


def longest(value) -> int:
    """Elements of the longest list in it."""
    if isinstance(value, dict):
        return max((longest(part) for part in value.values()), default=0)
    if isinstance(value, list):
        return max(len(value), *(longest(part) for part in value)) if value else 0
    return 0


@given(BODIES)
def test_whatever_is_published_nothing_that_could_be_sound_is_kept(body):
    kept = plain(body)
    assert longest(kept) <= TOLD_MAX
    json.dumps(kept)  # raises where bytes are left


def test_what_is_short_and_no_bytes_is_kept_as_it_is():
    body = {"state": "running", "levels": [-3.0, -4.0], "deep": {"list": [{"a": None}]}}
    assert plain(body) == body
    assert plain({"b": b"abc", "list": [0.5] * 1000}) == {"b": "<3 bytes>", "list": "<1000 elements>"}


@pytest.mark.parametrize("name", ["bug.zip", "bug.tar.gz", "bug.tgz"])
def test_every_part_is_in_one_folder_of_a_file_that_only_we_can_read(tmp_path, name):
    path = tmp_path / name
    write(path, PARTS)
    assert path.stat().st_mode & 0o777 == 0o600
    if name.endswith(".zip"):
        with zipfile.ZipFile(path) as archive:
            found = {entry: archive.read(entry) for entry in archive.namelist()}
    else:
        with tarfile.open(path) as archive:
            found = {entry.name: archive.extractfile(entry).read() for entry in archive}
    assert found.keys() == {"bug/status.json", "bug/log.txt"}
    assert found["bug/status.json"] == b"{}\n"
    assert found["bug/log.txt"] == PARTS["log.txt"]
    before = path.read_bytes()
    with pytest.raises(FileExistsError):
        write(path, {})
    assert path.read_bytes() == before


def test_of_a_description_the_names_are_kept_and_the_schemas_are_not():
    description = {
        "protocol": "AG06/1",
        "operations": {"get": {"doc": "Part of it", "arguments": {"type": "object"}}},
        "topics": {"x.y": {"doc": "d", "plugin": "x", "channel": "events", "fields": ["a"] * 100}},
        "paths": {"audio.mute": {"kind": "bool"}},
    }
    assert described(description) == {
        "protocol": "AG06/1",
        "operations": {"get": "Part of it"},
        "topics": {"x.y": {"channel": "events", "plugin": "x"}},
        "paths": ["audio.mute"],
    }
