"""What somebody else put into the store's folder, or did to what is there, costs that and no more."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing

import pytest

from ag06_plugins.features.store.offline import maintain, open_offline
from ag06d.plugin import RequestError

from .conftest import NOW_NS, level

ROW = [-20.0, -10.0]


def rows_of(folder, report=print) -> int:
    return len(open_offline(folder, report).read("level"))


@pytest.mark.parametrize("name", ["foo.sqlite", "-1.sqlite", "9" * 20 + ".sqlite", "000000000001.sqlite.txt"])
@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_has_no_segments_name_in_the_log_is_let_alone(opened, folder, name, kind):
    foreign = folder / "log" / name
    foreign.parent.mkdir(parents=True)
    foreign.mkdir() if kind == "folder" else foreign.write_text("mine")
    store = opened(level())
    store.push("level", "dry", ROW)
    store.save(store.snapshot(), rotate=True)
    store.push("level", "wet", ROW)
    assert maintain(open_offline(folder)).sealed == 1
    assert rows_of(folder) == 2
    assert foreign.exists()


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_stands_where_the_next_segment_is_to_be_is_neither_written_nor_removed(opened, folder, kind):
    store = opened(level())
    foreign = folder / "log" / "000000000001.sqlite"
    foreign.mkdir() if kind == "folder" else foreign.write_text("mine")
    store.push("level", "dry", ROW)
    store.save(store.snapshot(), rotate=True)
    assert rows_of(folder) == 1
    assert foreign.is_dir() or foreign.read_text() == "mine"
    maintain(open_offline(folder))
    assert rows_of(folder) == 1


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO batch VALUES (99, 'level@1', 'dry', 'foo', 1, x'00', x'00')",
        "INSERT INTO batch VALUES (99, 'level@1', 'dry', 'foo', 1, x'0000000000000000', x'00')",
        "INSERT INTO batch VALUES (99, 'level@1', 'dry', 'object', 1, x'0000000000000000', x'00')",
        "INSERT INTO batch VALUES (99, 'level@1', 'dry', 'float32', 1, x'0000000000000000', x'')",
        "INSERT INTO batch VALUES (99, 'level@1', 'dry', 'float32', 1, x'ffffffffffffff7f', x'00000000')",
        "INSERT INTO batch VALUES (99, 'level@1', 'dry', 'float32', 1, x'', x'')",
        "INSERT INTO batch VALUES (99, '../..@1', 'dry', 'float32', 1, x'0000000000000000', x'00000000')",
    ],
)
def test_rows_in_the_log_that_are_none_cost_no_others(opened, folder, statement):
    opened(level()).push("level", "dry", ROW, [NOW_NS])
    with closing(sqlite3.connect(folder / "log" / "000000000001.sqlite")) as segment:
        segment.execute(statement)
        segment.commit()
    store = opened(level())
    assert store.get_online_features(["level:rms_db"], [{"stream": "dry"}]).values.tolist() == [[-20]]
    store.push("level", "wet", ROW)
    store.save(store.snapshot(), rotate=True)
    assert rows_of(folder) == 2
    maintain(open_offline(folder, print))
    assert rows_of(folder) == 2
    assert not (folder.parent / "v1").exists()


def test_a_database_of_somebody_else_is_set_aside(opened, folder):
    folder.mkdir()
    with closing(sqlite3.connect(folder / "store.sqlite")) as database:
        database.execute("CREATE TABLE newest (a)")
        database.execute("INSERT INTO newest VALUES (1)")
        database.commit()
    opened(level()).push("level", "dry", ROW)
    assert rows_of(folder) == 1
    with closing(sqlite3.connect(folder / "store.sqlite.spoiled")) as database:
        assert database.execute("SELECT a FROM newest").fetchall() == [(1,)]


def test_a_saved_row_that_is_none_is_left_out(opened, folder):
    store = opened(level())
    store.push("level", "dry", ROW)
    store.push("level", "wet", ROW)
    store.save(store.snapshot())
    with closing(sqlite3.connect(folder / "store.sqlite")) as database:
        database.execute("UPDATE newest SET dtype = 'foo' WHERE entity = 'dry'")
        database.commit()
    found = opened(level()).get_online_features(["level:rms_db"], [{"stream": "dry"}, {"stream": "wet"}])
    assert found.statuses.ravel().tolist() == [1, 0]


def test_a_log_that_was_removed_meanwhile_begins_again(opened, folder):
    store = opened(level())
    store.push("level", "dry", ROW)
    shutil.rmtree(folder / "log")
    store.push("level", "wet", ROW)
    assert rows_of(folder) == 1
    (folder / "log" / "000000000002.sqlite").unlink()
    store.push("level", "wet", ROW)
    store.push("level", "dry", ROW)
    assert rows_of(folder) == 2


class Spoiled(sqlite3.Connection):
    """A segment that SQLite finds spoiled when it writes."""

    def execute(self, *_):
        error = sqlite3.DatabaseError("database disk image is malformed")
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT_VTAB
        raise error


def test_a_segment_that_is_spoiled_while_it_is_written_is_left_for_the_next(opened, folder):
    store = opened(level())
    store.push("level", "dry", ROW)
    store.log._connection.close()
    store.log._connection = Spoiled(":memory:")
    with pytest.raises(RequestError, match="malformed"):
        store.push("level", "wet", ROW)
    store.push("level", "wet", ROW)
    store.save(store.snapshot(), rotate=True)
    assert maintain(open_offline(folder)).sealed == 2
    assert rows_of(folder) == 2
