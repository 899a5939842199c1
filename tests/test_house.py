"""The arrows of the house: what may import what, how long a module may be, what no file may tell."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ag06d.wire import ERROR_CODES

ROOT = Path(__file__).parents[1]
SOURCES = [ROOT / "daemon", ROOT / "plugins"]
MODULES = {
    ".".join(path.relative_to(source).with_suffix("").parts).removesuffix(".__init__"): path
    for source in SOURCES
    for path in sorted(source.rglob("*.py"))
}
LINES_MAX = 400
INSIDE = ("ag06d.core", "ag06d.audio", "ag06d.host", "ag06d.recorder", "ag06d.arena")
CONTROL = ("ag06d.cli", "ag06d.client")
COMPOSED = {"ag06d.cli.daemon", "ag06d.cli.foreground"}  # they run the daemon, so they may put it together


def imports(path: Path) -> Iterator[str]:
    """Every module that is imported, anywhere in the file; `from a import b` counts as a and as a.b."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def within(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def is_verbs(name: str) -> bool:
    """Whether it is a plugin's part of `ag06ctl`, which no host loads."""
    return bool(re.match(r"ag06_plugins\.\w+\.verbs(\.|$)", name))


def offences(
    *of: str, never: tuple[str, ...], but: tuple[str, ...] = (), among: Callable[[str], bool] = lambda _: True
) -> list[str]:
    """Which modules of `of`, of those `among` them, import from `never`."""
    subjects = {name: path for name, path in MODULES.items() if within(name, *of) and among(name)}
    assert subjects, f"nothing is called {of}"
    return [
        f"{name} imports {imported}"
        for name, path in subjects.items()
        if name not in COMPOSED
        for imported in imports(path)
        if within(imported, *never) and not within(imported, *but)
    ]


def test_the_wire_knows_no_sockets():
    assert offences("ag06d.wire", never=("zmq", "socket", "asyncio")) == []
    assert offences("ag06d.wire", never=("ag06d",), but=("ag06d.wire", "ag06d.errors")) == []


def test_core_knows_of_its_children_only_what_it_tells_them_to_do():
    assert offences("ag06d.core", never=("ag06d.audio",), but=("ag06d.audio.spec",)) == []
    assert offences("ag06d.core", never=("ag06d.host",), but=("ag06d.host.spec",)) == []
    assert offences("ag06d.core", never=("ag06d.recorder",), but=("ag06d.recorder.spec",)) == []
    assert offences("ag06d.core", never=("ag06d.client", "ag06d.cli", "ag06_plugins", "sounddevice")) == []


def test_audio_hosts_and_recorders_do_not_know_the_daemon_or_each_other():
    above = ("ag06d.core", "ag06d.cli", "ag06d.client", "ag06_plugins")
    beside = ("ag06d.audio", "ag06d.host", "ag06d.plugin")
    assert offences("ag06d.recorder", never=(*above, *beside, "zmq", "sounddevice")) == []
    assert offences("ag06d.audio", never=(*above, "ag06d.host", "ag06d.plugin", "zmq")) == []
    assert offences("ag06d.host", never=(*above, "ag06d.audio", "sounddevice")) == []


def test_the_arena_is_below_all_that_use_it():
    assert (
        offences("ag06d.arena", never=("ag06d",), but=("ag06d.arena", "ag06d.errors", "ag06d._native")) == []
    )


def test_only_the_command_line_draws_and_what_draws_knows_no_daemon():
    drawing = [
        f"{name} imports {imported}"
        for name, path in MODULES.items()
        if not within(name, "ag06d.plot", "ag06d.cli") and not is_verbs(name)
        for imported in imports(path)
        if within(imported, "ag06d.plot", "matplotlib", "plotille")
    ]
    assert drawing == []
    needed = ("ag06d.arena", "ag06d.audio.recording", "ag06d.core.presets")
    base = ("ag06d.plot", "ag06d._native", "ag06d.errors", "ag06d.paths")
    assert offences("ag06d.plot", never=("ag06d", "zmq", "sounddevice"), but=(*needed, *base)) == []


def test_clients_speak_the_protocol_and_do_not_reach_into_the_daemon():
    assert offences(*CONTROL, never=INSIDE) == []


def test_plugins_know_of_the_daemon_only_what_is_public():
    public = ("ag06d.plugin", "ag06d.features", "ag06d.anomaly")
    hosted = offences("ag06_plugins", never=("ag06d",), but=public, among=lambda name: not is_verbs(name))
    assert hosted == []
    assert offences("ag06_plugins", never=("zmq", "sounddevice")) == []


def test_the_verbs_of_plugins_know_what_clients_do_and_no_plugin_imports_them():
    names = ("plugin", "features", "anomaly", "client", "errors", "paths", "plot")
    public = tuple(f"ag06d.{name}" for name in names)
    shared = tuple(f"ag06d.cli.{name}" for name in ("verbs", "output", "files", "complete", "fields"))
    assert is_verbs("ag06_plugins.features.verbs.status")
    assert not is_verbs("ag06_plugins.features.verbose")
    if any(map(is_verbs, MODULES)):
        assert offences("ag06_plugins", never=("ag06d",), but=(*public, *shared), among=is_verbs) == []
    assert [
        f"{name} imports {imported}"
        for name, path in MODULES.items()
        if not is_verbs(name)
        for imported in imports(path)
        if is_verbs(imported)
    ] == []


def test_a_plugins_core_knows_nothing_of_the_daemon():
    cores = [name for name in MODULES if within(name, "ag06_plugins") and name.endswith(".core")]
    assert cores
    assert offences(*cores, never=("ag06d",)) == []


def test_what_plugins_may_import_knows_only_the_errors():
    assert offences("ag06d.plugin", never=("ag06d",), but=("ag06d.plugin", "ag06d.errors")) == []


@pytest.mark.parametrize("name", ["ag06d.features", "ag06d.anomaly"])
def test_what_is_computed_is_for_daemon_plugins_and_tools_alike(name):
    base = (name, "ag06d._native", "ag06d.errors")
    assert offences(name, never=("ag06d", "zmq", "sounddevice"), but=base) == []


def test_nothing_is_pickled():
    assert offences("ag06d", "ag06_plugins", never=("pickle", "marshal", "shelve", "dill", "joblib")) == []


@pytest.mark.parametrize("name", MODULES)
def test_every_module_says_its_subject_in_its_first_line(name):
    text = MODULES[name].read_text()
    assert not text.strip() or ast.get_docstring(ast.parse(text))


def test_no_module_is_longer_than_a_person_reads_at_once():
    sources = [
        *MODULES.values(),
        *(ROOT / "native").glob("include/*.h"),
        *(ROOT / "native").glob("src/*.[ch]"),
        *(ROOT / "native").glob("src/*.cc"),
    ]
    assert len(sources) > 50
    lengths = {path.relative_to(ROOT): len(path.read_text().splitlines()) for path in sources}
    assert {path: lines for path, lines in lengths.items() if lines > LINES_MAX} == {}


def test_every_error_code_is_of_the_closed_list():
    used = {
        (name, node.args[0].value)
        for name, path in MODULES.items()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", getattr(node.func, "attr", "")) == "RequestError"
        and isinstance(node.args[0], ast.Constant)
    }
    assert len(used) > 10
    assert {(name, code) for name, code in used if code not in ERROR_CODES} == set()


def test_no_file_tells_of_the_machine_it_was_written_on():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)  # noqa: S607
    if listed.returncode:
        pytest.skip("this is no checkout")
    paths = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    assert len(paths) > 50
    machine = re.compile(rb"(?<![\w.$}~])/(?:home|Users|root|work)/[a-z0-9_.-]+")
    found = [
        f"{path.relative_to(ROOT)}: {match.group().decode()}"
        for path in paths
        if path.is_file() and b"\0" not in (content := path.read_bytes())
        for match in machine.finditer(content)
    ]
    assert found == []
