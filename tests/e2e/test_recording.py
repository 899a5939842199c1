"""The daemon on the recording that ships with it: what it shows, publishes and answers."""

from __future__ import annotations

import json
import signal

import pytest

from ag06d.errors import RequestError
from ag06d.wire import unpack_arrays


@pytest.fixture(scope="module")
def daemon(start):
    hosts = "hosts={live = {plugins = ['features', 'counts']}}"
    with start("audio.device=recording", hosts) as daemon:
        daemon.running()
        yield daemon


@pytest.fixture(scope="module")
def ctl_json(daemon):
    def ask(*arguments: str):
        done = daemon.ctl("--json", *arguments)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        (line,) = done.stdout.splitlines()
        return json.loads(line)

    return ask


def test_status_has_the_shape_that_was_promised(ctl_json):
    status = ctl_json("status")
    assert status["state"] in ("running", "degraded")
    assert isinstance(status["reason"], str)
    assert status["device"]["name"] == "recording:studio.flac"
    assert (status["device"]["rate"], status["device"]["block"]) == (48000, 128)
    assert status["audio"].keys() >= {
        *("callbacks", "frames", "expected_frames", "overruns", "late", "nan_trips"),
        *("flags", "duration_us", "policy", "priority"),
    }
    assert status["audio"]["duration_us"].keys() == {"p50", "p99", "p999", "max"}
    assert all(isinstance(count, int) for count in status["audio"]["flags"].values())
    host = {"pid", "state", "restarts", "position", "lost_frames"}
    assert status["hosts"].keys() == {"live"}
    assert status["hosts"]["live"].keys() >= host
    plugin = {"host", "state", "frames", "errors", "over_deadline", "p99_us"}
    assert status["plugins"].keys() == {"features", "counts"}
    assert all(account.keys() >= plugin for account in status["plugins"].values())
    assert status["pids"].keys() >= {"ag06d", "audio"}


def test_the_pids_in_the_status_are_the_daemon_and_its_children(daemon, poll):
    keeper = poll(lambda: daemon.client.call("features.status")["keeper"].get("pid"), daemon.log)
    status = daemon.status()
    assert status["pids"]["ag06d"] == daemon.process.pid
    assert {status["pids"]["audio"], status["hosts"]["live"]["pid"], keeper} == set(daemon.children())


def test_frames_follow_what_the_clock_expects(daemon, whole):
    first = daemon.wait(whole)
    later = daemon.wait(lambda now: now["audio"]["frames"] > first["audio"]["frames"] + 48000 and whole(now))
    assert later["audio"]["frames"] == later["audio"]["callbacks"] * 128


def test_no_hop_of_features_is_missing(daemon):
    with daemon.listen("feature.basic.") as listener:
        messages = listener.count(300)
    sequences = [message.header["seq"] for message in messages]
    positions = [message.header["pos"] for message in messages]
    assert sequences == list(range(sequences[0], sequences[0] + 300))
    assert positions == list(range(positions[0], positions[0] + 300 * 480, 480))


def test_a_feature_vector_is_as_its_schema_says(daemon, ctl_json):
    schema = daemon.client.call("describe")["topics"]["feature.basic"]
    with daemon.listen("feature.basic.") as listener:
        (message,) = listener.count(1)
    (vector,) = unpack_arrays(message.body["arrays"], message.buffers)
    assert len(schema["fields"]) == len(schema["units"]) == vector.size
    watched = ctl_json("watch", "feature.basic", "-n", "1")
    assert watched["topic"] == "feature.basic."
    assert watched["body"].keys() >= set(schema["fields"])


def test_the_schema_is_announced_before_the_first_vector(start):
    with (
        start("audio.device=recording", "hosts.live.plugins=['late','features']") as daemon,
        daemon.once_it_answers().listen("schema.", "feature.") as listener,
    ):
        schema = listener.until(lambda message: message.topic == "schema.feature.basic.").body
        vector = listener.until(lambda message: message.topic == "feature.basic.")
        assert vector.header["seq"] == 0
        assert (schema["name"], schema["plugin"]) == ("feature.basic", "features")
        assert vector.body["arrays"] == [{"dtype": "<f4", "shape": [len(schema["fields"])]}]


def test_every_message_says_where_and_when_it_belongs(daemon):
    with daemon.listen("") as listener:
        messages = listener.count(100)
    boot = daemon.status()["boot"]
    for message in messages:
        assert message.header.keys() >= {"v", "boot", "seq", "t", "mono", "pos", "src"}
        assert message.header["boot"] == boot
        assert message.topic.endswith(".")


@pytest.mark.parametrize(
    ("verb", "keys"),
    [
        (["get"], {"audio.mute", "chain.a.comp.threshold_db"}),
        (["get", "chain.b"], {"chain.b.comp.threshold_db"}),
        (["set", "chain.b.trim.gain_db=1"], {"revision", "changed", "sequences"}),
        (["meters"], {"dry", "wet", "reduction_db", "resets"}),
        (["meters", "--reset"], {"resets"}),
        (["hosts"], {"hosts"}),
        (["plugins"], {"plugins"}),
        (["preset", "list"], {"presets", "problems"}),
        (["preset", "show", "voice"], {"name", "chain"}),
        (["preset", "apply", "voice", "--slot", "b"], {"name", "slot", "changed"}),
        (["preset", "save", "mine"], {"name", "path", "backup"}),
        (["preset", "diff", "mine", "flat"], {"left", "right", "differences"}),
        (["preset", "undo", "--slot", "b"], {"changed", "history"}),
        (["preset", "redo", "--slot", "b"], {"changed", "history"}),
        (["preset", "export", "mine"], {"name", "toml"}),
        (["preset", "delete", "mine"], {"name", "backup"}),
        (["preset", "plot", "voice"], {"name", "rate", "output"}),
        (["watch", "meters", "-n", "1"], {"topic", "header", "body"}),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else "",
)
def test_every_verb_answers_with_one_line_of_json(ctl_json, verb, keys):
    assert ctl_json(*verb).keys() >= keys


@pytest.mark.parametrize(
    "verb",
    [
        *(["status"], ["get"], ["set", "chain.b.trim.gain_db=2"], ["meters"], ["hosts"], ["plugins"]),
        ["meters", "--reset"],
        *(["preset", "list"], ["preset", "show", "voice"], ["preset", "apply", "flat", "--slot", "b"]),
        *(["preset", "undo", "--slot", "b"], ["preset", "redo", "--slot", "b"], ["preset", "diff", "voice"]),
        *(["preset", "save", "other"], ["preset", "delete", "other"], ["preset", "export", "voice"]),
        ["watch", "meters", "-n", "2"],
    ],
    ids="-".join,
)
def test_every_verb_has_something_for_a_person_to_read(daemon, verb):
    done = daemon.ctl(*verb)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip()


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["status"], 0),
        (["get", "chain.c"], 1),
        (["set", "chain.a.comp.threshold_db=12"], 1),
        (["set", "chain.a.comp.enabled=loud"], 1),
        (["preset", "apply", "nonesuch"], 1),
        (["preset", "delete", "voice"], 1),
        (["preset", "plot", "nonesuch"], 1),
        (["preset", "import", "/nonesuch.toml"], 1),
        (["preset", "import", "-"], 2),
        (["set", "nonsense"], 2),
        (["dance"], 2),
        (["set"], 2),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else str(value),
)
def test_the_exit_status_says_who_was_wrong(daemon, arguments, status):
    done = daemon.ctl("--json", *arguments)
    assert done.returncode == status
    assert "Traceback" not in done.stderr
    assert bool(done.stderr) == (status != 0)


def test_without_a_daemon_the_exit_status_is_3(daemon, tmp_path):
    env = daemon.env | {"AG06D_RUNTIME_DIR": str(tmp_path)}
    before, daemon.env = daemon.env, env
    try:
        done = daemon.ctl("status")
    finally:
        daemon.env = before
    assert done.returncode == 3
    assert str(tmp_path) in done.stderr


def test_what_get_prints_can_be_given_back_to_set(daemon):
    printed = daemon.ctl("get").stdout.split()
    assert any(line.startswith("chain.a.") for line in printed)
    changed = daemon.ctl("set", "chain.a.comp.ratio=7", "chain.b.eq.low.enabled=!", "audio.slot=b")
    assert changed.returncode == 0
    back = daemon.ctl("set", *printed)
    assert back.returncode == 0, back.stderr
    assert daemon.ctl("get").stdout.split() == printed


def test_a_step_a_toggle_and_a_dry_run_do_what_they_say(daemon):
    path = "chain.b.comp.threshold_db"
    daemon.client.set({path: -20})
    assert daemon.ctl("set", f"{path}=+1.5").stdout.split() == [f"{path}=-18.5"]
    assert daemon.ctl("set", f"{path}-=0.5").stdout.split() == [f"{path}=-19.0"]
    assert daemon.ctl("set", "--dry-run", f"{path}=-50").stdout == f"would set {path}=-50.0\n"
    assert daemon.client.get(path) == {path: -19.0}
    assert daemon.ctl("set", "chain.b.comp.enabled=!").returncode == 0


def test_of_many_changes_one_that_is_wrong_stops_all(daemon):
    before = daemon.client.get()
    with pytest.raises(RequestError, match="range"):
        daemon.client.set({"chain.a.comp.ratio": 2, "chain.a.comp.knee_db": 1000})
    assert daemon.client.get() == before


def test_a_change_is_told_to_those_who_listen(daemon):
    with daemon.listen("state.") as listener:
        daemon.client.set({"chain.b.comp.makeup_db": 3.25})
        message = listener.until(lambda message: "chain.b.comp.makeup_db" in message.body["changes"])
    assert message.body["changes"] == {"chain.b.comp.makeup_db": 3.25}
    assert message.body["revision"] == daemon.status()["revision"]


def test_top_prints_plain_lines_where_there_is_no_terminal(daemon):
    with daemon.begin_ctl("top") as top:
        lines = [top.stdout.readline() for _ in range(2)]
        top.send_signal(signal.SIGINT)
        rest, errors = top.communicate(timeout=60)
    assert all("recording:studio.flac" in line for line in lines if "frames" in line)
    assert any("frames" in line for line in [*lines, rest])
    assert "\x1b" not in "".join([*lines, rest])
    assert (top.returncode, errors) == (0, "")


def test_a_preset_goes_out_through_a_pipe_and_comes_back_under_another_name(daemon, tmp_path):
    exported = daemon.ctl("preset", "export", "broadcast").stdout
    assert daemon.ctl("preset", "import", "-", "--name", "theirs", input=exported).returncode == 0
    again = daemon.ctl("preset", "import", "-", "--name", "theirs", input=exported)
    assert (again.returncode, "overwrite" in again.stderr) == (1, True)
    assert "the same" in daemon.ctl("preset", "diff", "theirs", "broadcast").stdout
    path = tmp_path / "theirs.toml"
    assert daemon.ctl("preset", "export", "theirs", str(path)).returncode == 0
    assert path.read_text() == exported
    assert daemon.ctl("preset", "export", "theirs", str(path)).returncode == 1
    assert daemon.ctl("preset", "export", "theirs", str(path), "--force").returncode == 0


def test_what_can_be_undone_is_told_to_those_who_listen(daemon):
    daemon.client.set({"chain.b.trim.gain_db": -7})
    with daemon.listen("state.") as listener:
        undone = daemon.client.call("preset.undo", slot="b")
        message = listener.until(lambda message: "chain.b.trim.gain_db" in message.body["changes"])
    assert message.body["history"] == undone["history"]
    assert undone["history"]["b"]["redo"] == 1
