from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from ag06_plugins.features.store.database import DEAD_LETTERS_MAX, NAME, dead_letters, load_declared
from ag06_plugins.features.store.log import read_segment, segments
from ag06_plugins.features.store.store import FeatureStore
from ag06d.plugin import FeatureService, RequestError

from .conftest import NOW_NS, SECOND, level

DRY = [{"stream": "dry"}]


def kept(folder) -> list[tuple[str, int, list[float]]]:
    """Entity, time and values of every row in the log."""
    return [
        (batch.entity, time_ns, row)
        for path in segments(folder / "log")
        for _, batch in read_segment(path)
        for time_ns, row in zip(batch.times_ns.tolist(), batch.rows.tolist(), strict=True)
    ]


def rms(store, rows=DRY) -> float | None:
    return store.get_online_features(("level:rms_db",), rows).to_dict()["level:rms_db"][0]


def test_a_push_is_in_the_log_and_online(store, folder):
    pushed = store.push("level", "dry", (-20, -10))
    assert (pushed.accepted, pushed.rejected) == (1, ())
    assert kept(folder) == [("dry", NOW_NS, [-20, -10])]
    assert rms(store) == -20


@pytest.mark.parametrize(("to", "online", "logged"), [("online", -20, 0), ("offline", None, 1)])
def test_a_push_goes_where_it_is_told_to(store, folder, to, online, logged):
    store.push("level", "dry", (-20, -10), to=to)
    assert rms(store) == online
    assert len(kept(folder)) == logged


def test_a_bad_row_goes_to_the_dead_letters_and_the_good_ones_go_in(store, folder):
    rows = np.array([(-20, -10), (99, -10), (-30, np.nan), (-40, -5)], np.float32)
    pushed = store.push("level", "dry", rows, NOW_NS - np.arange(4)[::-1])
    assert pushed.accepted == 2
    assert [r.index for r in pushed.rejected] == [1, 2]
    assert [row for _, _, row in kept(folder)] == [[-20, -10], [-40, -5]]
    letters = list(dead_letters(folder))
    assert [letter.reason.split(";")[0] for letter in letters] == ["peak_db is nan", "rms_db is 99"]
    assert letters[1].values.tolist() == [99, -10]
    assert store.freshness()["level@1"]["rejected"] == 2


def test_dead_letters_are_bounded(store, folder, monkeypatch):
    monkeypatch.setattr("ag06_plugins.features.store.database.DEAD_LETTERS_MAX", 5)
    assert DEAD_LETTERS_MAX > 5
    for number in range(8):
        store.push("level", "dry", (100 + number, 0))
    assert [letter.values[0] for letter in dead_letters(folder)] == [107, 106, 105, 104, 103]


@pytest.mark.parametrize(
    ("view", "entity", "code"),
    [
        ("levle", "dry", "unknown_path"),
        ("level@9", "dry", "unknown_path"),
        ("level", "", "bad_request"),
        ("level", "x" * 101, "bad_request"),
        ("level", "new\nline", "bad_request"),
    ],
)
def test_what_cannot_be_pushed_is_refused_and_nothing_is_kept(store, folder, view, entity, code):
    with pytest.raises(RequestError) as caught:
        store.push(view, entity, (-20, -10))
    assert caught.value.code == code
    assert kept(folder) == []


def test_a_store_has_one_writer_at_a_time(store, folder):
    with pytest.raises(OSError, match="written by another process"):
        FeatureStore(folder)
    store.close()
    FeatureStore(folder).close()


def test_no_rows_are_no_rows(store, folder):
    assert store.push("level", "dry", np.zeros((0, 2)), np.zeros(0, np.int64)).accepted == 0
    store.push("level", "dry", (-20, -10))
    assert len(kept(folder)) == 1


def test_a_store_that_was_killed_has_every_row_again(opened, store):
    for number in range(5):
        store.push("level", f"s{number % 2}", (-number, 0), NOW_NS - number)
    again = opened()
    assert again.registry.views == store.registry.views
    assert [rms(again, [{"stream": s}]) for s in ("s0", "s1")] == [0, -1]


def test_saved_rows_and_those_in_the_log_since_make_the_newest(opened, store, folder):
    store.push("level", "dry", (-1, 0), NOW_NS - 3)
    store.push("level", "wet", (-1, 0), NOW_NS - 3)
    store.save(store.snapshot(), rotate=True)
    segments(folder / "log")[0].unlink()  # as if it were sealed
    store.push("level", "dry", (-2, 0), NOW_NS - 2)
    again = opened()
    assert [rms(again, [{"stream": s}]) for s in ("dry", "wet")] == [-2, -1]


def test_a_late_row_is_kept_and_does_not_become_the_newest(store, folder):
    store.push("level", "dry", (-1, 0), NOW_NS)
    store.push("level", "dry", (-2, 0), NOW_NS - SECOND)
    assert rms(store) == -1
    assert len(kept(folder)) == 2
    assert store.freshness()["level@1"]["out_of_order"] == 1


def test_services_are_read_by_their_name_and_remembered(opened, store, folder):
    assert store.apply((), [FeatureService(name="loud", features=("level:peak_db", "level:rms_db"))]) == []
    store.push("level", "dry", (-20, -10))
    assert store.get_online_features("loud", DRY).values[0].tolist() == [-10, -20]
    assert load_declared(folder).services.keys() == {"loud"}
    assert opened().get_online_features("loud", DRY).names == ("level:peak_db", "level:rms_db")


def test_a_changed_meaning_is_refused_after_a_restart_too(opened):
    opened(level())
    (problem,) = opened().apply([level(dtype="float64")])
    assert "dtype was float32 and is float64" in problem


def test_a_view_goes_stale_once_and_is_fresh_again_once(store, clock):
    assert store.stale() == []  # it has no row yet
    store.push("level", "dry", (-20, -10))
    clock.now_ns += SECOND
    assert store.stale() == []
    clock.now_ns += 1
    assert [(table.view.key, stale) for table, stale in store.stale()] == [("level@1", True)]
    assert store.stale() == []
    store.push("level", "dry", (-20, -10))
    assert [stale for _, stale in store.stale()] == [False]


def test_the_account_tells_reads_gaps_and_lateness(opened, clock):
    store = opened(level(period_s=0.01))
    hop = SECOND // 100
    store.push("level", "dry", np.zeros((5, 2)), NOW_NS - 20 * hop + hop * np.array([0, 1, 2, 8, 9]))
    clock.now_ns += hop // 2
    store.push("level", "dry", np.zeros(2), NOW_NS)
    rms(store)
    rms(store, [{"stream": "wet"}])
    account = store.freshness()["level@1"]
    assert (account["rows"], account["gaps"]) == (6, 2)
    assert account["missing_s"] == pytest.approx(0.05 + 0.10)
    assert account["lateness_s"] == pytest.approx(0.005)
    assert account["lateness_max_s"] == pytest.approx(0.2)
    assert account["reads_within_ttl"] == 0.5
    assert account["entities"]["dry"]["age_s"] == pytest.approx(0.005)


def test_a_spoiled_database_is_set_aside_and_the_store_goes_on(store, folder, opened, caplog):
    store.push("level", "dry", (-20, -10))
    store.close()
    (folder / NAME).write_bytes(b"no database" * 1000)
    again = opened(level())
    assert "set aside" in caplog.text
    assert rms(again) == -20  # the log has it
    again.push("level", "dry", (-30, -10))
    assert (folder / f"{NAME}.spoiled").exists()


FULL = """
    import resource, signal, sys
    from pathlib import Path
    import numpy as np
    from ag06_plugins.features.store.store import FeatureStore
    from ag06d.plugin import Entity, FeatureField, FeatureView, RequestError
    store = FeatureStore(Path(sys.argv[1]))
    fields = (FeatureField(name="f", shape=(100,)),)
    store.apply([FeatureView(name="v", entity="e", fields=fields)], (), [Entity(name="e")])
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    store.push("v", "x", np.full(100, 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
    full = 0
    for number in range(2, 400):
        try:
            store.push("v", "x", np.full(100, number))
            print(number)
        except RequestError as error:
            assert error.code == "not_ready", error
            full += 1
    assert full > 100, full
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    store.push("v", "x", np.full(100, 1000))
    print(1000)
"""


def test_a_full_disk_refuses_pushes_and_spoils_nothing_and_writing_resumes(folder):
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(FULL), folder], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    told = [1, *map(int, done.stdout.split())]
    assert [row[0] for _, _, row in kept(folder)] == told
    assert told[-1] == 1000


PUSHING = """
    import itertools, sys
    from pathlib import Path
    from ag06_plugins.features.store.store import FeatureStore
    from ag06d.plugin import Entity, FeatureField, FeatureView
    store = FeatureStore(Path(sys.argv[1]))
    store.apply([FeatureView(name="v", entity="e", fields=(FeatureField(name="f"),))], (), [Entity(name="e")])
    first = int(store.get_online_features(("v:f",), [{"e": "x"}]).to_dict()["v:f"][0] or 0)
    for number in itertools.count(first + 1):
        store.push("v", "x", (number,))
        sys.stdout.write(f"{number}\\n")
        sys.stdout.flush()
        if number % 50 == 0:
            store.save(store.snapshot(), rotate=True)
"""


def test_no_acknowledged_row_is_lost_to_a_kill_at_any_moment(folder):
    generator = np.random.default_rng(1)
    told = 0
    for _ in range(8):
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(PUSHING), folder], stdout=subprocess.PIPE, text=True
        )
        lines = [process.stdout.readline() for _ in range(int(generator.integers(1, 120)))]
        os.kill(process.pid, signal.SIGKILL)
        lines += process.stdout.read().splitlines(keepends=True)
        process.stdout.close()
        process.wait()
        told = max(told, *(int(line) for line in lines if line.endswith("\n")))
        rows = [row[0] for _, _, row in kept(folder)]
        assert rows == list(range(1, len(rows) + 1))  # all, once each, and whole
        assert len(rows) >= told
        told = len(rows)


@pytest.mark.parametrize("order", ["any", "increasing"])
def test_after_the_clock_was_set_back_the_newest_row_is_the_one_that_came_last(opened, clock, order):
    store = opened(level(order=order))
    for step, now_ns in enumerate((NOW_NS, NOW_NS + 3600 * SECOND, NOW_NS + SECOND, NOW_NS + 2 * SECOND)):
        clock.now_ns = now_ns
        assert store.push("level", "dry", [-step, 0.0]).accepted == 1
        found = store.get_online_features(["level:rms_db"], DRY)
        assert (found.values[0, 0], found.event_ns[0, 0]) == (-step, now_ns)
    account = store.freshness()["level@1"]
    assert (account["out_of_order"], account["age_s"], account["rejected"]) == (0, 0, 0)
    reopened = opened(level(order=order))
    assert reopened.get_online_features(["level:rms_db"], DRY).values[0, 0] == -step


def test_a_row_that_is_a_little_ahead_stays_the_newest(opened):
    store = opened(level())
    store.push("level", "dry", [-1.0, 0.0], [NOW_NS + 4 * SECOND])
    store.push("level", "dry", [-2.0, 0.0])
    assert store.get_online_features(["level:rms_db"], DRY).values[0, 0] == -1
