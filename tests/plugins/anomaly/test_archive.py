from __future__ import annotations

import contextlib
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from ag06_plugins.anomaly.alerts.alert import Alert
from ag06_plugins.anomaly.alerts.archive import Archive
from ag06_plugins.anomaly.alerts.table import AlertTable, Search

DAY_NS = 86_400 * 10**9


@pytest.fixture
def archive(tmp_path):
    """Opens the archive in the test's folder; all are closed."""
    opened = []

    def open_(path=tmp_path / "alerts.sqlite") -> Archive:
        opened.append(Archive(path))
        return opened[-1]

    yield open_
    for one in opened:
        one.close()


def alert(id_=1, kind="clipping", **fields) -> Alert:
    usual = {
        "channel": "left",
        "severity": "medium",
        "start": 480,
        "end": 960,
        "rate": 48000,
        "start_ns": id_ * 10**9,
        "value": 9.5,
        "unit": "frames",
        "threshold": 4.0,
        "score": 0.7,
    }
    return Alert(id=id_, kind=kind, **usual | fields)


def found(archive, **which) -> list[int]:
    return [one.id for one in archive.ask(lambda table: table.search(Search(**which))).result(10)]


def test_an_alert_is_read_back_as_it_was_also_after_a_restart(archive):
    trace = np.array([0.5, -3.25, 1e-9], dtype=np.float32)
    kept = alert(
        3,
        also=["click"],
        detectors=["clipping"],
        evidence={"run": 7.0, "where": "top"},
        about={"preset": "voice"},
        note='it\'s "loud" 100% _',
        label="wrong",
        raised=0.25,
        clip="x.flac",
        state="closed",
        trace=trace,
        trace_start_s=-1.5,
    )
    first = archive()
    first.put(kept)
    first.close()
    second = archive()
    read = second.ask(lambda table: table.get(3)).result(10)
    assert read.document() == kept.document()
    assert np.array_equal(read.trace, trace)
    assert (read.trace_start_s, read.raised, second.last_id) == (-1.5, 0.25, 3)


def test_search_is_by_kind_severity_time_label_state_and_words(archive):
    history = archive()
    history.put(alert(1, "hum", severity="low", note="mains"))
    history.put(alert(2, "click", severity="high", label="right", state="closed"))
    history.put(alert(3, "hum", severity="critical", evidence={"hz": "50 Hz"}, injected=True))
    history.put(alert(4, "tone", note="100% sure", state="closed"))
    assert found(history) == [4, 2, 1]
    assert found(history, injected=True) == [4, 3, 2, 1]
    assert found(history, kind="hum") == [1]
    assert found(history, least="high", injected=True) == [3, 2]
    assert found(history, since_ns=2 * 10**9, until_ns=4 * 10**9) == [2]
    assert found(history, label="right") == [2]
    assert found(history, state="closed", most=1) == [4]
    assert found(history, text="mains") == [1]
    assert found(history, text="50 Hz", injected=True) == [3]
    assert found(history, text="100%") == [4]
    assert found(history, text="100_") == []
    assert found(history, text="1%sure") == []


def test_what_was_open_when_the_daemon_was_killed_is_closed_at_the_next_start(archive):
    first = archive()
    first.put(alert(1, state="open"))
    first.close()
    assert archive().ask(lambda table: table.get(1)).result(10).state == "closed"


def test_alerts_that_are_too_old_or_too_many_go_with_their_clips(archive):
    history = archive()
    for id_ in range(1, 8):
        history.put(alert(id_, start_ns=id_ * DAY_NS, clip=f"{id_}.flac"))
    gone = history.ask(lambda table: table.forget(3 * DAY_NS, 4)).result(10)
    assert sorted(gone) == ["1.flac", "2.flac", "3.flac"]
    assert found(history) == [7, 6, 5, 4]


def test_a_file_that_is_no_database_is_put_aside_and_a_new_one_begun(archive, tmp_path):
    path = tmp_path / "alerts.sqlite"
    path.write_bytes(b"this is no database at all" * 100)
    history = archive()
    history.put(alert())
    assert found(history) == [1]
    assert history.trouble == ""
    aside = [file for file in tmp_path.iterdir() if "unreadable" in file.name]
    assert [str(file) for file in aside] == [history.recovered]
    assert aside[0].read_bytes().startswith(b"this is no database")


def test_a_database_of_a_later_version_is_not_touched(archive, tmp_path):
    path = tmp_path / "alerts.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    history = archive()
    history.put(alert())
    assert found(history) == [1]
    assert history.recovered
    with sqlite3.connect(history.recovered) as kept:
        assert kept.execute("PRAGMA user_version").fetchone() == (99,)


def test_where_no_folder_can_be_made_alerts_are_kept_in_memory_and_it_is_said(archive, tmp_path):
    (tmp_path / "file").write_text("")
    history = archive(tmp_path / "file" / "alerts.sqlite")
    history.put(alert())
    assert found(history) == [1]
    assert "file" in history.trouble


def test_while_the_disk_refuses_alerts_wait_and_are_written_when_it_does_no_longer(archive, monkeypatch):
    history = archive()
    refusing = [True]
    write = AlertTable.write

    def full(self, rows):
        if refusing[0]:
            raise sqlite3.OperationalError("database or disk is full")
        write(self, rows)

    monkeypatch.setattr(AlertTable, "write", full)
    history.put(alert(1))
    assert found(history) == []
    history.put(alert(1, note="later"))
    assert found(history) == []
    assert "full" in history.trouble
    refusing[0] = False
    history.put(alert(2))
    assert found(history) == [2, 1]
    assert (history.trouble, history.lost) == ("", 0)
    assert history.ask(lambda table: table.get(1)).result(10).note == "later"


def waits(condition, seconds=10):
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        time.sleep(0.01)
    return condition()


def test_while_another_process_has_the_database_locked_what_was_written_can_be_read(archive, tmp_path):
    history = archive()
    history.put(alert(1))
    assert found(history) == [1]
    with contextlib.closing(sqlite3.connect(tmp_path / "alerts.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for id_ in range(2, 200):
            history.put(alert(id_))
            history.put(alert(id_, note="later"))
        assert [found(history), found(history)] == [[1], [1]]
        assert history._asked.qsize() <= 1
        assert "locked" in history.trouble
    history.put(alert(200))
    assert waits(lambda: len(found(history, most=1000)) == 200)
    assert history.trouble == ""


def test_a_label_counts_while_it_waits_for_the_disk(archive, monkeypatch):
    history = archive()
    history.put(alert(1, raised=0.5))
    assert history.raised().result(10) == [("clipping", 0.5)]

    def full(_, __):
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(AlertTable, "write", full)
    history.put(alert(2, "hum", raised=0.25))
    history.put(alert(1, raised=0.0))
    assert history.raised().result(10) == [("clipping", 0.0), ("hum", 0.25)]


def test_a_database_that_is_removed_or_replaced_while_it_is_open_is_begun_anew(archive, tmp_path):
    path = tmp_path / "alerts.sqlite"
    history = archive()
    history.put(alert(1))
    assert found(history) == [1]
    path.unlink()
    history.put(alert(2))
    assert found(history) == [2]
    other = tmp_path / "other"
    other.write_bytes(b"somebody's shopping list" * 100)
    other.replace(path)
    history.put(alert(3))
    assert waits(lambda: found(history) == [3])
    assert Path(history.recovered).read_bytes().startswith(b"somebody's")
    history.close()
    assert found(archive()) == [3]
    assert history.trouble == ""


def test_a_database_that_is_overwritten_while_it_is_open_is_put_aside_and_a_new_one_begun(archive, tmp_path):
    path = tmp_path / "alerts.sqlite"
    history = archive()
    for id_ in range(1, 30):
        history.put(alert(id_))
    assert len(found(history)) == 29
    history.ask(lambda table: table._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")).result(10)
    with path.open("r+b") as file:
        file.write(b"\xde\xad" * (path.stat().st_size // 2))
    history.ask(lambda table: table._connection.execute("PRAGMA shrink_memory")).result(10)
    history.put(alert(30))
    assert waits(lambda: history.recovered)
    assert waits(lambda: found(history) == [30])
    assert history.trouble == ""


def test_where_the_history_can_only_be_read_numbers_go_on_from_its_last(archive, tmp_path):
    first = archive()
    first.put(alert(41))
    first.close()
    with contextlib.closing(sqlite3.connect(tmp_path / "alerts.sqlite", isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode = DELETE")
        other.execute("BEGIN EXCLUSIVE")
        second = archive()
        assert "locked" in second.trouble
        assert (second.last_id, second.in_memory) == (41, True)


def test_what_is_searched_for_may_be_of_any_letters(archive):
    history = archive()
    history.put(alert(1, about={"preset": "Übung"}))
    assert found(history, text="Übung") == [1]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE alerts SET severity = 99",
        "UPDATE alerts SET evidence = 'no json'",
        "UPDATE alerts SET trace = 'abc'",
        "UPDATE alerts SET also = x'00'",
    ],
)
def test_a_row_that_nobody_here_wrote_is_refused_in_words(archive, tmp_path, statement):
    history = archive()
    history.put(alert(7))
    assert found(history) == [7]
    with contextlib.closing(sqlite3.connect(tmp_path / "alerts.sqlite", isolation_level=None)) as other:
        other.execute(statement)
    with pytest.raises(ValueError, match=r".+"):
        found(history)


def test_what_a_question_raises_is_told_to_whoever_asked_and_the_next_is_answered(archive):
    history = archive()
    with pytest.raises(ZeroDivisionError):
        history.ask(lambda _: 1 / 0).result(10)
    assert found(history) == []


def test_hours_that_were_watched_add_up(archive):
    history = archive()
    for wall_s in (10.0, 20.0, 3700.0):
        history.watched(wall_s, 5.0)
    history.put(alert())
    assert history.ask(lambda table: table.watched_days(0)).result(10) == {0: 15.0}


KILLED = """
import sys, time
from pathlib import Path
from ag06_plugins.anomaly.alerts.archive import Archive
sys.path.insert(0, {tests!r})
from test_archive import alert
history = Archive(Path({path!r}))
id_ = history.last_id
while True:
    id_ += 1
    history.put(alert(id_))
    history.ask(lambda table: None).result()
    print(id_, flush=True)
"""


def test_no_alert_that_was_written_is_lost_to_a_kill(tmp_path, archive):
    path = tmp_path / "alerts.sqlite"
    script = KILLED.format(tests=str(Path(__file__).parent), path=str(path))
    told = 0
    for _ in range(3):
        process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
        for _ in range(20):
            told = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert set(range(1, told + 1)) <= set(found(archive(), most=1000))


def test_neither_labels_nor_reports_nor_lost_clips_need_every_alert_to_be_read(archive):
    def plans(table):
        connection, asked = table._connection, []
        connection.set_trace_callback(asked.append)
        table.raised()
        table.counts(0)
        table.clip_gone(["1.flac"])
        connection.set_trace_callback(None)
        wanted = [text for text in asked if "alerts" in text]
        return [row[3] for text in wanted for row in connection.execute(f"EXPLAIN QUERY PLAN {text}")]

    told = [plan for plan in archive().ask(plans).result(10) if "alerts" in plan]
    assert len(told) == 3
    assert all("INDEX" in plan for plan in told)
