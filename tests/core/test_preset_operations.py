from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
import tomli

from ag06d.core.history import History
from ag06d.core.operations import Operations
from ag06d.core.presets import PresetLibrary
from ag06d.core.state import StateTree
from ag06d.errors import RequestError
from ag06d.wire import Request

MINE = 'schema = 1\ndescription = "mine"\n[chain.comp]\nratio = 9\n'


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "state" / "presets"


@pytest.fixture
def daemon(folder):
    state = StateTree()
    announced = []
    return SimpleNamespace(
        state=state,
        presets=PresetLibrary(folder),
        history=History(state),
        sequences=lambda: {"a": 1, "b": 1},
        plugin_commands=dict,
        announced=announced,
        announce=lambda topic, body: announced.append((topic, body)),
    )


@pytest.fixture
def ask(daemon):
    operations = Operations(daemon)

    def ask(op, *, dry_run=False, **body):
        return asyncio.run(operations(Request(1, f"preset.{op}", body, dry_run=dry_run))).body

    return ask


@pytest.fixture
def refuse(ask):
    def refuse(op, **body) -> RequestError:
        with pytest.raises(RequestError) as caught:
            ask(op, **body)
        return caught.value

    return refuse


def test_only_what_differs_from_the_defaults_is_saved(ask, daemon, folder):
    daemon.state.set({"chain.a.comp.ratio": 9, "chain.a.eq.low.enabled": True, "chain.b.comp.ratio": 5})
    answer = ask("save", name="mine", description="my desk", tags=["voice"], author="me")
    assert answer == {
        "name": "mine", "slot": "a", "shadows": False, "path": str(folder / "mine.toml"), "backup": None,
    }  # fmt: skip
    assert tomli.loads((folder / "mine.toml").read_text()) == {
        "schema": 1,
        "description": "my desk",
        "tags": ["voice"],
        "author": "me",
        "chain": {"comp": {"ratio": 9.0}, "eq": {"low": {"enabled": True}}},
    }
    assert daemon.presets.load("mine").chain == daemon.state.chain("a")
    assert daemon.state.flat()["preset.a"] == "mine"
    assert daemon.announced == [("preset.files", {"name": "mine", "action": "saved"})]


def test_every_factory_preset_is_the_same_after_export_and_import(ask, daemon):
    for name in daemon.presets.names():
        ask("import", name="copy", toml=ask("export", name=name)["toml"], overwrite=True)
        copy, factory = daemon.presets.load("copy"), daemon.presets.load(name)
        assert (copy.chain, copy.description, copy.tags) == (factory.chain, factory.description, factory.tags)


def test_what_is_saved_over_is_kept_and_its_words_stay(ask, daemon, folder):
    ask("save", name="mine", description="my desk", tags=["voice"])
    before = (folder / "mine.toml").read_text()
    daemon.state.set({"chain.a.comp.ratio": 9})
    assert ask("save", name="mine")["backup"] == str(folder / "mine.toml.~1~")
    assert (folder / "mine.toml.~1~").read_text() == before
    mine = daemon.presets.load("mine")
    assert (mine.description, mine.tags, mine.chain["comp.ratio"]) == ("my desk", ("voice",), 9.0)
    assert ask("save", name="mine")["backup"] == str(folder / "mine.toml.~2~")
    assert ask("list")["problems"] == []


def test_a_factory_preset_is_shadowed_never_overwritten(ask, daemon):
    factory = daemon.presets.load("voice")
    assert ask("save", name="voice", slot="b")["shadows"]
    assert daemon.presets.load("voice").origin == "user"
    assert ask("delete", name="voice")["uncovers"]
    assert daemon.presets.load("voice") == factory


def test_what_is_deleted_is_kept_aside(ask, refuse, folder):
    ask("import", name="mine", toml=MINE)
    assert ask("delete", name="mine")["backup"] == str(folder / "mine.toml.~1~")
    assert names(folder) == ["mine.toml.~1~"]
    assert refuse("delete", name="mine").code == "unknown_path"
    assert refuse("delete", name="voice").code == "denied"


def test_two_presets_or_one_and_a_slot_are_compared(ask, daemon):
    ask("import", name="mine", toml=MINE)
    assert ask("diff", name="mine", other="flat") == {
        "left": "mine", "right": "flat", "differences": {"comp.ratio": {"left": 9.0, "right": 3.0}},
    }  # fmt: skip
    ask("apply", name="mine", slot="b")
    assert ask("diff", name="mine", slot="b")["differences"] == {}
    daemon.state.set({"chain.b.trim.gain_db": 2, "audio.slot": "b"})
    assert ask("diff", name="mine") == {
        "left": "mine", "right": "slot b", "differences": {"trim.gain_db": {"left": 0.0, "right": 2.0}},
    }  # fmt: skip


def test_applying_is_undone_and_redone(ask, daemon):
    before = daemon.state.flat()
    ask("apply", name="broadcast")
    after = daemon.state.flat()
    answer = ask("undo")
    assert answer["history"]["a"] == {"undo": 0, "redo": 1}
    assert (answer["slot"], answer["changed"]["preset.a"]) == ("a", "")
    assert daemon.state.flat() == before
    ask("redo", slot="a")
    assert daemon.state.flat() == after


def test_an_import_is_told_every_error_at_once_and_saves_nothing(refuse, folder):
    error = refuse("import", name="mine", toml="schema = 2\ncolour = 1\n[chain.comp]\nratio = 99\nknee = 1\n")
    assert error.code == "bad_request"
    for part in (
        "made by a newer ag06d",
        "colour: there is no such key",
        "ratio: 99 is out of range",
        "comp.knee",
    ):
        assert part in error.message
    assert not folder.exists()


def test_an_import_overwrites_only_when_told_to(ask, refuse, daemon, folder):
    ask("import", name="mine", toml=MINE)
    changed = MINE.replace("9", "8")
    assert refuse("import", name="mine", toml=changed).code == "conflict"
    assert daemon.presets.load("mine").chain["comp.ratio"] == 9
    assert ask("import", name="mine", toml=changed, overwrite=True)["backup"] == str(folder / "mine.toml.~1~")
    assert daemon.presets.load("mine").chain["comp.ratio"] == 8


@pytest.mark.parametrize(
    "name", ["", "..", "../x", "a/b", "Mine", "x" * 65, "a\0", "mine.toml", "-x", "mine\n"]
)
def test_no_name_leaves_the_folder(refuse, tmp_path, name):
    for error in (refuse("save", name=name), refuse("import", name=name, toml=MINE)):
        assert error.code == "bad_request"
        assert "64 at most" in error.hint
    assert list(tmp_path.rglob("*.toml")) == []


@pytest.mark.parametrize("description", ["two\nlines", "\a", "x" * 100_000])
def test_nothing_is_saved_that_could_not_be_read_again(refuse, folder, description):
    error = refuse("save", name="mine", description=description)
    assert (error.code, error.hint) == ("bad_request", "nothing was saved")
    assert not folder.exists()


def test_a_dry_run_writes_nothing(ask, folder):
    ask("import", name="mine", toml=MINE)
    listed = names(folder)
    assert ask("save", name="mine", dry_run=True)["backup"] == str(folder / "mine.toml.~1~")
    assert ask("save", name="new", dry_run=True)["backup"] is None
    assert ask("import", name="new", toml=MINE, dry_run=True)
    assert ask("delete", name="mine", dry_run=True)
    assert names(folder) == listed


def test_a_folder_that_cannot_be_written_is_an_answer(refuse, folder):
    folder.parent.mkdir()
    folder.write_text("a file where the folder should be")
    error = refuse("save", name="mine")
    assert error.code == "internal"
    assert "mine.toml: cannot be written" in error.message
