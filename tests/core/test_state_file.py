from __future__ import annotations

import asyncio
import logging

import pytest
import tomli

from ag06d.core import state_file
from ag06d.core.state import StateTree
from ag06d.core.state_file import StateFile, restore


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "state.toml"


@pytest.fixture
def tree():
    return StateTree()


def write(path, text: str):
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text.encode(errors="surrogateescape"))


def keep(path, tree, *changes) -> None:
    """Make changes while the file is kept, and stop before it would be written by itself."""

    async def run() -> None:
        file = StateFile(path, tree)
        task = asyncio.create_task(file.keep())
        for change in changes:
            tree.set(change)
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await file.close()

    asyncio.run(run())


def test_what_was_kept_is_restored_to_the_last_leaf(path, tree):
    changes = {
        "audio.mute": True,
        "audio.slot": "b",
        "chain.b.eq.low.gain_db": -3.25,
        "chain.a.highpass.slope_db": 24,
    }
    keep(path, tree, changes)
    tree.update({"preset.a": "mine"})
    keep(path, tree, {"audio.bypass": True})
    again = StateTree()
    assert restore(path, again)
    assert again.flat() == tree.flat()
    assert {leaf: type(value) for leaf, value in again.flat().items()} == {
        leaf: type(value) for leaf, value in tree.flat().items()
    }


def test_a_change_is_on_the_disk_within_a_second_and_many_are_one_write(path, tree, monkeypatch):
    written = []
    put = state_file.write_atomically
    monkeypatch.setattr(state_file, "write_atomically", lambda *of: (written.append(of), put(*of)))
    monkeypatch.setattr(state_file, "SETTLE_S", 0.05)

    async def run() -> None:
        file = StateFile(path, tree)
        task = asyncio.create_task(file.keep())
        for ratio in range(4, 20):
            tree.set({"chain.a.comp.ratio": ratio})
            await asyncio.sleep(0)
        while not written:  # noqa: ASYNC110 - the thread tells nobody
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await file.close()

    asyncio.run(run())
    assert len(written) == 1
    assert tomli.loads(path.read_text())["state"]["chain"]["a"]["comp"]["ratio"] == 19.0
    assert state_file.SETTLE_S <= 1


def test_nothing_is_written_when_nothing_was_changed(path, tree):
    keep(path, tree)
    assert not path.exists()


def test_without_a_file_nothing_is_restored(path, tree, caplog):
    assert not restore(path, tree)
    assert tree.flat() == StateTree().flat()
    assert caplog.records == []


def test_what_is_not_known_or_not_allowed_is_told_of_and_the_rest_is_restored(path, tree, caplog):
    write(
        path,
        "schema = 1\n[state.audio]\nmute = true\nslot = 'c'\ncolour = 1\n"
        "[state.chain.a.comp]\nratio = 99.0\nknee_db = 'wide'\nmakeup_db = 2\n",
    )
    assert restore(path, tree)
    changed = {leaf: value for leaf, value in tree.flat().items() if value != StateTree().flat()[leaf]}
    assert changed == {"audio.mute": True, "chain.a.comp.makeup_db": 2.0}
    assert len(caplog.records) == 4
    for part in (
        "audio.colour is not known",
        "audio.slot: 'c'",
        "chain.a.comp.ratio: 99",
        "chain.a.comp.knee_db: 'wide'",
    ):
        assert part in caplog.text


@pytest.mark.parametrize(
    "text",
    ["schema = ", "", "schema = 1", "schema = 1\nstate = 3", "schema = 99\n[state.audio]\nmute = true",
     "schema = 0\n[state]", "schema = true\n[state]", "x = " + "[" * 5000, "\udcff"],
    ids=["not TOML", "empty", "no state", "state no table", "newer", "zero", "bool", "too deep", "not UTF-8"],
)  # fmt: skip
def test_a_corrupt_file_is_kept_aside_with_a_line_that_says_so(path, tree, caplog, text):
    write(path, text)
    assert not restore(path, tree)
    assert tree.flat() == StateTree().flat()
    assert not path.exists()
    assert (path.parent / "state.toml.~1~").read_bytes() == text.encode(errors="surrogateescape")
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert "kept as state.toml.~1~, the start presets are used" in record.message


def test_a_folder_that_cannot_be_written_is_told_of_once_and_stops_nothing(tmp_path, tree, caplog):
    (tmp_path / "state").write_text("a file where the folder should be")
    keep(tmp_path / "state" / "state.toml", tree, {"audio.mute": True}, {"audio.mute": False})
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "the state is not kept" in caplog.text
