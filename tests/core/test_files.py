from __future__ import annotations

import pytest

from ag06d.core import files
from ag06d.core.files import back_up, next_backup, write_atomically


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_written_whole_and_leaves_nothing_beside_it(tmp_path):
    path = tmp_path / "folder" / "state.toml"
    write_atomically(path, "first")
    write_atomically(path, "é")
    assert path.read_bytes() == "é".encode()
    assert names(path.parent) == ["state.toml"]
    assert path.stat().st_mode & 0o777 == 0o640


def test_what_fails_half_way_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "state.toml"
    write_atomically(path, "old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(path, "new")
    assert path.read_text() == "old"
    assert names(tmp_path) == ["state.toml"]


def test_backups_are_numbered_after_the_highest_there_is(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("one")
    assert back_up(path).name == "mine.toml.~1~"
    (tmp_path / "mine.toml.~7~").touch()
    (tmp_path / "other.toml.~9~").touch()
    (tmp_path / "mine.toml.~x~").touch()
    path.write_text("two")  # in place: a backup must not be the same file once it is written anew
    write_atomically(path, "three")
    assert back_up(path).name == "mine.toml.~8~"
    assert next_backup(path).name == "mine.toml.~9~"
    assert (tmp_path / "mine.toml.~8~").read_text() == path.read_text() == "three"
