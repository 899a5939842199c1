"""The feature store of a daemon that runs, from a shell."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

PNG = b"\x89PNG\r\n\x1a\n"
DECLARED = """
[[view]]
name = "mood"
entity = "stream"
ttl_s = 0.5
source = "batch"
fields = [{ name = "valence", low = -1, high = 1 }, { name = "arousal", low = 0, high = 1 }]

[[service]]
name = "feel"
features = ["mood", "level:mid.rms_db"]
"""


@pytest.fixture(scope="module")
def daemon(start):
    with start("audio.device=recording") as daemon:
        daemon.running()
        yield daemon


@pytest.fixture
def ctl(daemon):
    """`ag06ctl features ...` that ends well: what it prints."""

    def run(*words: object, status: int = 0) -> str:
        done = daemon.ctl("features", *map(str, words))
        assert done.returncode == status, done.stderr
        return done.stdout + (done.stderr if status else "")

    return run


@pytest.fixture
def ctl_json(ctl):
    def run(*words: object, status: int = 0) -> Any:
        return json.loads(ctl(*words, "--json", status=status).splitlines()[0])

    return run


@pytest.fixture(scope="module")
def applied(daemon, tmp_path_factory):
    """A view and a service of one's own."""
    file = tmp_path_factory.mktemp("declared") / "mine.toml"
    file.write_text(DECLARED)
    done = daemon.ctl("features", "apply", str(file))
    assert done.returncode == 0, done.stderr
    assert "1 view, 1 service taken" in done.stdout


def test_status_shows_every_view_alive_and_where_it_is_kept(ctl, ctl_json, poll, daemon):
    def settled():
        views = ctl_json("status")["views"]
        return all(views[key]["age_s"] is not None for key in ("level@1", "reduction@1", "mfcc_60s@1"))

    poll(settled, lambda: ctl("status"))
    told = ctl_json("status")
    assert {key for key, view in told["views"].items() if view["stale"]} == set()
    level = told["views"]["level@1"]
    assert list(level["entities"]) == ["dry", "wet"]
    assert (level["rejected"], level["gaps"]) == (0, 0)
    text = ctl("status")
    assert str(daemon.folder / "state" / "plugins" / "features" / "store") in text
    assert "21 views of statistics" in text
    assert "mfcc_60s@1" not in text
    assert "mfcc_60s@1" in ctl("status", "--all")


def test_living_values_come_with_unit_age_and_status(ctl, ctl_json):
    found = {entry["feature"]: entry for entry in ctl_json("get", "--service", "glance")["features"]}
    loudness = found["meter:momentary_lufs"]
    assert (loudness["unit"], loudness["status"]) == ("LUFS", "PRESENT")
    assert loudness["age_s"] < 1
    both = ctl_json("get", "reduction:comp_reduction_db", "--entity", "stream=wet", "--entity", "stream=dry")
    assert [entry["status"] for entry in both["features"]] == ["PRESENT", "NOT_FOUND"]
    assert "did you mean mid.rms_db?" in ctl("get", "level:mid.rms", status=1)
    assert "name either features" in ctl("get", status=2)


def test_history_is_a_table_csv_a_figure_and_a_picture(ctl, ctl_json, poll, tmp_path):
    words = ("history", "level:mid.rms_db", "pitch:mid.f0", "--seconds", "3")
    poll(lambda: len(ctl_json(*words, "--points", 200)["features"][0]["values"]) >= 150, lambda: ctl(*words))
    lines = ctl(*words).splitlines()
    assert lines[0].split() == ["time", "level:mid.rms_db", "dB", "pitch:mid.f0", "Hz"]
    assert 10 <= len(lines) - 1 <= 20
    assert ctl(*words, "--csv").startswith("event_time,level:mid.rms_db,pitch:mid.f0\n")
    drawn = ctl(*words, "--plot")
    assert "level:mid.rms_db" in drawn
    assert any("\u2801" <= sign <= "\u28ff" for sign in drawn)
    picture = tmp_path / "history.png"
    assert ctl(*words, "--plot", picture).strip() == str(picture)
    assert picture.read_bytes().startswith(PNG)
    assert "nothing is kept" in ctl("history", "level", "--start", "-9d", "--end", "-8d", status=1)


def test_views_and_services_are_listed_and_described(ctl, applied):
    assert applied is None
    listed = ctl("list")
    assert [name for name in ("level@1", "mood@1", "glance", "feel", "stream") if name not in listed] == []
    assert "in steps of 0.1" in ctl("describe", "level")
    assert "mood" in ctl("describe", "feel")
    assert "the same" in ctl("diff", "mood@1", "mood@1")


def test_what_is_pushed_is_read_and_what_is_wrong_is_a_dead_letter(ctl, ctl_json, applied, tmp_path):
    assert applied is None
    file = tmp_path / "rows.csv"
    file.write_text("event_time,stream,arousal,valence\n-20s,dry,0.5,-0.5\n-10s,dry,2,0\n-5s,wet,1,1\n")
    told = ctl_json("push", "mood", "--file", file, status=1)
    assert (told["accepted"], [entry["row"] for entry in told["rejected"]]) == (2, [2])
    (letter,) = ctl_json("dead-letters", "mood")["dead_letters"]
    assert letter["reason"] == "arousal is 2; it is to be 0 to 1"
    found = {entry["feature"]: entry for entry in ctl_json("get", "mood")["features"]}
    assert found["mood:valence"] | {"age_s": 0, "event_ns": 0} == {
        "entity": {"stream": "dry"},
        "feature": "mood:valence",
        "value": -0.5,
        "unit": "",
        "status": "OUTSIDE_MAX_AGE",
        "event_ns": 0,
        "age_s": 0,
    }
    assert "STALE" in ctl("status")
    assert "1 rows kept" in ctl("push", "mood", "--entity", "dry", "-0.25", "0.5")
    history = ctl_json("history", "mood:valence")["features"][0]
    assert history["values"] == [-0.5, -0.25]
    assert "2 values" not in ctl("push", "mood", "--entity", "dry", "1", status=2)


def test_offline_verbs_read_the_store_that_the_daemon_writes(ctl_json, tmp_path):
    times = tmp_path / "times.csv"
    times.write_text(f"event_time\n{time.time_ns() - 10**9}\n")
    table = ctl_json("join", times, "--service", "glance")["table"]
    assert table[0]["mid.rms_db"] is not None
    assert ctl_json("export", "level", "--start", "-1s", "-o", tmp_path / "level.csv")["rows"] > 50
