from __future__ import annotations

import asyncio
import re
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ag06d.core.history import History
from ag06d.core.operations import ENTRIES_MAX, Operations
from ag06d.core.presets import PresetLibrary
from ag06d.core.state import StateTree, checked
from ag06d.errors import RequestError
from ag06d.wire import ERROR_CODES, Reply, Request, pack, unpack
from ag06d.wire.messages import ERRORS
from ag06d.wire.vocabulary import OPERATIONS, TOPICS
from ag06d.wire.vocabulary.fields import fields
from ag06d.wire.words import PROBLEMS_TOLD

PATIENCE_S = 60  # for what must come at all; nothing depends on how soon


class FakeRecordings:
    """One that runs already; tests/core/test_recordings.py has the real ones."""

    def prepare(self, path: str | None, source: str, **_: Any) -> SimpleNamespace:
        return SimpleNamespace(path=path or f"date-{source}.wav", position=128)

    async def start(self, _: object, **__: Any) -> SimpleNamespace:
        return SimpleNamespace(name="r2")

    def named(self, name: str | None) -> SimpleNamespace:
        return SimpleNamespace(document=lambda: {"recording": name or "r1"})

    async def stop(self, recording: SimpleNamespace) -> None:
        recording.document = lambda: {"recording": "r1", "state": "finished"}

    def documents(self) -> list[dict[str, Any]]:
        return [{"recording": "r1"}]


class FakeHosts:
    """With one plugin; tests/core/test_hosts.py has the real ones."""

    def info(self, plugin: str) -> dict[str, Any]:
        return {"plugin": plugin, "hooks": []}

    def running(self, plugin: str) -> None:
        if plugin != "x":
            raise RequestError("conflict", f"plugin {plugin} is disabled")

    def enable(self, _: str, *, dry_run: bool) -> bool:
        return dry_run

    def disable(self, _: str, *, dry_run: bool) -> bool:
        return not dry_run


class FakeDaemon:
    """What the operations need, with a plugin that has one quick command and one that never ends."""

    boot = "b007"

    def __init__(self, presets: PresetLibrary) -> None:
        self.state = StateTree()
        self.presets = presets
        self.history = History(self.state)
        self.resets = 0
        self.recordings = FakeRecordings()
        self.hosts = FakeHosts()
        self.traced: list[tuple[str, float]] = []
        self.announced: list[tuple[str, dict[str, Any]]] = []

    def status(self) -> dict[str, Any]:
        return {"state": "running", "hosts": {"live": {"pid": 1}}, "plugins": {"x": {"host": "live"}}}

    def meters(self) -> dict[str, Any]:
        return {"frames": 128, "resets": self.resets}

    def reset_meters(self) -> int:
        self.resets += 1
        return self.resets

    def sequences(self) -> dict[str, int]:
        return {"a": self.state.revision, "b": 0}

    def topics(self) -> dict[str, dict[str, Any]]:
        return {"x.y": {"doc": "a topic"}}

    def plugin_commands(self) -> dict[str, dict[str, Any]]:
        return {"x.echo": {"doc": "says it again"}, "x.sleep": {"doc": "never ends"}}

    def doors(self) -> dict[str, str]:
        return {"x": "plugin-x.sock"}

    async def plugin_command(self, request: Request) -> Reply:
        if request.op == "x.sleep":
            await asyncio.Event().wait()
        return Reply(request.id, "ok", request.body, request.buffers)

    def trace(self, plugin: str, seconds: float) -> None:
        self.traced.append((plugin, seconds))

    async def reload(self, *, dry_run: bool = False) -> dict[str, Any]:
        return {"applied": [], "hosts": [], "needs_restart": [], "dry_run": dry_run}

    def announce(self, topic: str, body: dict[str, Any]) -> None:
        self.announced.append((topic, body))


@pytest.fixture
def daemon(tmp_path):
    return FakeDaemon(PresetLibrary(tmp_path))


@pytest.fixture
def ask(daemon):
    """The body of the answer, which could be sent."""
    operations = Operations(daemon)

    def ask(op: str, body: dict[str, Any] | None = None, **header: Any) -> dict[str, Any]:
        answer = operations(Request(1, op, body or {}, **header))
        reply = asyncio.run(asyncio.wait_for(answer, PATIENCE_S))
        assert (reply.re, reply.status) == (1, "ok")
        assert unpack(pack(reply.body)) == reply.body
        return reply.body

    return ask


@pytest.fixture
def refuse(ask):
    def refuse(op: str, body: dict[str, Any] | None = None, **header: Any) -> RequestError:
        with pytest.raises(RequestError) as caught:
            ask(op, body, **header)
        assert caught.value.code in ERROR_CODES
        return caught.value

    return refuse


def test_hello_names_protocol_boot_and_operations(ask):
    answer = ask("hello")
    assert (answer["protocol"], answer["boot"]) == ("AG06/1", "b007")
    assert answer["doors"] == {"x": "plugin-x.sock"}
    assert {"hello", "describe", "get", "set", "snapshot", "preset.apply"} <= set(answer["operations"])


def test_describe_tells_all_operations_paths_and_topics(ask, daemon):
    answer = ask("describe")
    assert set(answer["operations"]) == {*ask("hello")["operations"], "x.echo", "x.sleep"}
    assert answer["paths"].keys() == daemon.state.parameters.keys()
    assert answer["topics"].keys() == {*TOPICS, *daemon.topics()}
    assert answer["errors"] == ERRORS
    assert ask("hello")["operations"] == sorted(OPERATIONS)
    for path in answer["paths"].values():
        assert path.keys() == {"kind", "unit", "low", "high", "choices", "default", "doc"}


def table_of(page: str, name: str) -> dict[str, set[tuple[str, bool]]]:
    """Fields in the tables of one section of the page, by the title of the table, and which must be there."""
    section = page.partition(f"<!-- fields: {name} -->")[2].partition("<!-- end -->")[0]
    tables: dict[str, set[tuple[str, bool]]] = {"argument": set(), "reply": set(), "field": set()}
    title = ""
    for cell, optional in re.findall(r"^\| (.+?)(\??) \| ", section, re.MULTILINE):
        if cell in tables:
            title = cell
        else:
            tables[title].add((cell.strip("`").replace("\\|", "|"), not optional))
    return tables


def test_the_page_and_describe_tell_the_same_operations_topics_and_errors_field_by_field(ask, root):
    page = (root / "docs" / "protocol.md").read_text()
    described = ask("describe")

    def named(schema: dict[str, Any]) -> set[tuple[str, bool]]:
        return {(field.path, field.required) for field in fields(schema)}

    own = described["operations"].keys() - {"x.echo", "x.sleep"}
    assert set(re.findall(r"^### `([a-z.]+[a-z])`$", page, re.MULTILINE)) == own
    for name in own:
        told, shown = described["operations"][name], table_of(page, name)
        assert (shown["argument"], shown["reply"]) == (named(told["arguments"]), named(told["reply"])), name
    topics = described["topics"].keys() - {"x.y"}
    assert set(re.findall(r"^### `([\w.]+)\.`$", page, re.MULTILINE)) == topics
    for name in topics:
        assert table_of(page, f"topic.{name}")["field"] == named(described["topics"][name]["body"]), name
    codes = page.partition("<!-- fields: errors -->")[2].partition("<!-- end -->")[0]
    assert re.findall(r"^\| `(\w+)` \|", codes, re.MULTILINE) == list(described["errors"])


def test_every_operation_that_hello_names_can_be_asked(ask):
    text = ask("preset.export", {"name": "voice"})["toml"]
    ask("preset.import", {"name": "mine", "toml": text})
    ask("preset.apply", {"name": "mine"})
    ask("set", {"changes": {"chain.a.comp.ratio": 9}})
    ask("preset.undo")
    named = ("show", "apply", "delete", "diff", "save", "export")
    bodies = {f"preset.{verb}": {"name": "mine"} for verb in named} | {
        "set": {"changes": {"audio.mute": True}},
        "preset.import": {"name": "other", "toml": text},
        **{f"plugins.{verb}": {"name": "x"} for verb in ("info", "enable", "disable", "trace")},
    }
    for operation in ask("hello")["operations"]:
        assert ask(operation, bodies.get(operation, {}), dry_run=True)


def test_meters_are_reset_but_not_in_a_dry_run(ask):
    assert ask("meters.reset") == {"resets": 1}
    assert ask("meters.reset", dry_run=True) == {"resets": 1}
    assert ask("meters")["resets"] == 1


def test_a_plugin_is_switched_and_traced_but_not_in_a_dry_run(ask, refuse, daemon):
    assert ask("plugins.enable", {"name": "x"}, dry_run=True) == {"plugin": "x", "changed": True}
    assert ask("plugins.disable", {"name": "x"}) == {"plugin": "x", "changed": True}
    told = {"plugin": "x", "topic": "trace.x.", "seconds": 5.0}
    assert ask("plugins.trace", {"name": "x", "seconds": 5}, dry_run=True) == told
    assert daemon.traced == []
    assert ask("plugins.trace", {"name": "x", "seconds": 5}) == told
    assert daemon.traced == [("x", 5.0)]
    assert refuse("plugins.trace", {"name": "y"}, dry_run=True).code == "conflict"
    assert refuse("plugins.trace", {"name": "x", "seconds": 601}).code == "bad_request"


def test_a_recording_is_begun_and_ended_but_not_in_a_dry_run(ask):
    would = {"path": "date-dry.wav", "position": 128}
    assert ask("record.start", {"source": "dry"}, dry_run=True) == {"recording": None} | would
    assert ask("record.start", {"source": "dry"}) == {"recording": "r2"} | would
    assert ask("record.stop", dry_run=True) == {"recording": "r1"}
    assert ask("record.stop") == {"recording": "r1", "state": "finished"}
    assert ask("record.list") == {"recordings": [{"recording": "r1"}]}


def test_status_hosts_and_plugins_are_one_document(ask):
    status = ask("status")
    assert ask("hosts.list") == {"hosts": status["hosts"]}
    assert ask("plugins.list") == {"plugins": status["plugins"]}


def test_a_snapshot_is_the_nested_tree_at_its_revision(ask, daemon):
    daemon.state.set({"chain.b.comp.ratio": 5})
    answer = ask("snapshot")
    assert (answer["boot"], answer["revision"]) == ("b007", 1)
    assert answer["state"]["chain"]["b"]["comp"]["ratio"] == 5.0


def test_get_gives_values_below_a_path(ask, refuse):
    assert ask("get", {"path": "audio.mute"}) == {"revision": 0, "values": {"audio.mute": False}}
    assert len(ask("get")["values"]) > 40
    assert refuse("get", {"path": "nowhere"}).code == "unknown_path"


def test_set_changes_all_or_nothing_and_tells_what_changed(ask, refuse, daemon):
    answer = ask(
        "set", {"changes": {"audio.mute": True, "audio.slot": "a", "chain.a.comp.ratio": {"add": 1}}}
    )
    assert answer["changed"] == {"audio.mute": True, "chain.a.comp.ratio": 4.0}
    assert answer["revision"] == daemon.state.revision == 1
    assert answer["sequences"] == {"a": 1, "b": 0}
    before = daemon.state.flat()
    assert refuse("set", {"changes": {"audio.mute": False, "audio.slot": "c"}}).code == "out_of_range"
    assert daemon.state.flat() == before


def test_a_dry_run_changes_and_announces_nothing(ask, daemon):
    before = daemon.state.flat()
    assert ask("set", {"changes": {"audio.mute": True}}, dry_run=True)["changed"] == {"audio.mute": True}
    assert ask("preset.apply", {"name": "voice"}, dry_run=True)["changed"]
    assert daemon.state.flat() == before
    assert daemon.state.revision == 0
    assert daemon.announced == []


@pytest.mark.parametrize("slot", [None, "a", "b"])
def test_a_preset_is_applied_to_the_slot_that_is_named_or_else_to_the_one_that_is_heard(ask, daemon, slot):
    daemon.state.set({"audio.slot": "b", "audio.mute": True})
    answer = ask("preset.apply", {"name": "broadcast"} | ({"slot": slot} if slot else {}))
    applied, other = ("a", "b") if slot == "a" else ("b", "a")
    assert (answer["slot"], answer["name"]) == (applied, "broadcast")
    assert daemon.state.chain(applied) == daemon.presets.load("broadcast").chain
    assert daemon.state.chain(other) == StateTree().chain(other)
    assert daemon.state.flat("preset") == {f"preset.{applied}": "broadcast", f"preset.{other}": ""}
    assert daemon.state.flat("audio.mute") == {"audio.mute": True}
    assert daemon.announced == [("preset", {"name": "broadcast", "slot": applied})]


def test_presets_are_listed_and_shown(ask, refuse):
    listed = ask("preset.list")
    assert listed["problems"] == []
    for summary in listed["presets"]:
        shown = ask("preset.show", {"name": summary["name"]})
        assert shown.items() >= summary.items()
        assert shown["chain"]["comp"]["ratio"] >= 1
    assert refuse("preset.show", {"name": "../voice"}).code == "unknown_path"


def test_a_broken_preset_is_listed_as_a_problem_and_refused_when_asked_for(ask, refuse, tmp_path):
    (tmp_path / "voice.toml").write_text("schema = 9")
    assert "voice.toml: schema: 9" in ask("preset.list")["problems"][0]
    for operation in ("preset.show", "preset.apply"):
        error = refuse(operation, {"name": "voice"})
        assert error.code == "bad_request"
        assert "voice.toml: schema: 9" in error.message


@pytest.mark.parametrize(
    ("operation", "body", "field"),
    [
        ("get", {"path": 3}, "path"),
        ("get", {"path": None}, "path"),
        ("set", {}, "changes"),
        ("set", {"changes": {}}, "changes"),
        ("set", {"changes": [1]}, "changes"),
        ("set", {"changes": {"audio.mute": None}}, "changes.audio.mute"),
        ("set", {"changes": {"audio.mute": [True]}}, "changes.audio.mute"),
        ("preset.show", {}, "name"),
        ("preset.show", {"name": 1}, "name"),
        ("preset.apply", {"name": "voice", "slot": "c"}, "slot"),
        ("preset.apply", {"slot": "a"}, "name"),
        ("record.start", {"source": "air"}, "source"),
        ("record.start", {"before_s": -1}, "before_s"),
        ("record.start", {"duration_s": float("inf")}, "duration_s"),
        ("record.start", {"path": ""}, "path"),
    ],
)
def test_a_wrong_argument_is_named(refuse, operation, body, field):
    error = refuse(operation, body)
    assert error.code == "bad_request"
    assert error.message.startswith(f"{operation}: {field}")
    assert error.hint == "see `describe`"


def test_fields_that_are_not_known_are_ignored(ask):
    assert ask("get", {"path": "audio.mute", "since": 7, "format": {"x": 1}})["values"] == {
        "audio.mute": False
    }


@pytest.mark.parametrize("operation", ["", "nonsense", "x.other", "preset", "SET", "__init__"])
def test_an_operation_that_there_is_not_is_unknown_op(refuse, operation):
    error = refuse(operation)
    assert error.code == "unknown_op"
    assert "describe" in error.hint


def test_a_plugins_command_is_passed_on(ask):
    assert ask("x.echo", {"a": [1, 2]}) == {"a": [1, 2]}


@pytest.mark.parametrize("deadline_ms", [-1, 0, 5, 200])
def test_what_is_not_done_by_its_deadline_is_answered_so(refuse, deadline_ms):
    error = refuse("x.sleep", deadline_ms=deadline_ms)
    assert error.code == "deadline"
    assert error.message == f"x.sleep was not done within {deadline_ms} ms"


def test_what_is_done_by_its_deadline_is_answered(ask):
    assert ask("x.echo", {"a": 1}, deadline_ms=60_000) == {"a": 1}
    assert ask("get", {"path": "audio.mute"}, deadline_ms=60_000)["revision"] == 0


@pytest.mark.parametrize("value", [True, None], ids=["right", "wrong"])
@pytest.mark.parametrize("number", [ENTRIES_MAX + 1, 100_000])
def test_too_many_changes_at_once_are_refused_in_few_words(refuse, daemon, number, value):
    error = refuse("set", {"changes": {f"path{n}": value for n in range(number)}})
    assert error.code == "bad_request"
    assert error.message.startswith("set: changes")
    assert error.message.count(";") < PROBLEMS_TOLD
    assert len(error.message) < 2000
    assert daemon.state.revision == 0


def test_of_many_problems_the_first_are_told(refuse):
    error = refuse("set", {"changes": {f"path{n}": [n] for n in range(ENTRIES_MAX)}})
    assert error.code == "bad_request"
    assert error.message.count(";") == PROBLEMS_TOLD - 1


@pytest.mark.parametrize(
    ("operation", "body"),
    [("get", {"path": "chain.a." * 100_000}), ("set", {"changes": {"x" * 500_000: 1}})],
)
def test_a_path_that_is_far_too_long_is_refused_before_anybody_looks_for_one_like_it(refuse, operation, body):
    assert refuse(operation, body).code == "bad_request"


WORDS = st.sampled_from([*StateTree().parameters, "add", "toggle", "voice", "mine", "a", "dry", "schema = 1"])
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(max_size=20)
    | st.binary(max_size=8)
    | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8) | WORDS, inner),
    max_leaves=8,
)
ARGUMENTS = sorted({name for operation in OPERATIONS.values() for name in operation.arguments.model_fields})


@given(
    op=st.sampled_from([*OPERATIONS, "x.echo"]) | st.text(max_size=20),
    body=st.dictionaries(st.sampled_from(ARGUMENTS) | st.text(max_size=8), VALUES, max_size=5),
    dry_run=st.booleans(),
)
def test_whatever_is_asked_is_answered_or_refused_in_words_and_leaves_the_tree_within_its_bounds(
    tmp_path_factory, op, body, dry_run
):
    daemon = FakeDaemon(PresetLibrary(tmp_path_factory.mktemp("presets")))
    try:
        reply = asyncio.run(Operations(daemon)(Request(1, op, body, dry_run=dry_run)))
    except RequestError as error:
        reply = Reply.failed(1, error)
    assert unpack(pack(reply.body)) is not None
    if reply.status == "error":
        said = reply.body["message"]
        assert reply.body["code"] in ERROR_CODES
        assert said
        assert len(said) < 5000
        assert not re.search("<class|Traceback|Input should|NoneType|(Value|Type)Error", said)
    for path, value in daemon.state.flat().items():
        if not path.startswith("preset."):
            assert checked(path, daemon.state.parameters[path], value) == value
