"""`ag06ctl anomaly score`: a table in, a score for each of its rows out."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from ag06d.anomaly import IsolationForest
from ag06d.cli import control
from ag06d.cli.output import Output


@pytest.fixture
def ctl(monkeypatch) -> Callable[..., Result]:
    """`ag06ctl anomaly score ...`."""
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(Output, "as_json", False)

    def run(*words: object) -> Result:
        return CliRunner().invoke(control.app, ["anomaly", "score", *map(str, words)], prog_name="ag06ctl")

    return run


@pytest.fixture
def ctl_json(ctl) -> Callable[..., Any]:
    """The last line that it prints, as JSON."""

    def run(*words: object) -> Any:
        return json.loads(ctl(*words, "--json").stdout.splitlines()[-1])

    return run


@pytest.fixture
def rows() -> np.ndarray:
    made = np.random.default_rng(3).normal(size=(300, 3)).astype(np.float32).astype(np.float64)
    made[123] = [8, -8, 8]
    return made


def frame(rows: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["level", "pitch", "hum"])


def scores_in(path) -> np.ndarray:
    table = pd.read_csv(path, converters={"score": lambda text: float(text or "nan")})  # to the last bit
    assert list(table.columns) == ["row", "score"]
    assert table["row"].tolist() == list(range(len(table)))
    return table["score"].to_numpy()


def test_a_csv_and_an_array_have_the_same_scores_which_are_the_forests(ctl_json, rows, tmp_path):
    frame(rows).to_csv(tmp_path / "rows.csv", index=False)
    np.save(tmp_path / "rows.npy", rows)
    frame(rows).to_parquet(tmp_path / "rows.parquet")
    pd.DataFrame(rows).to_csv(tmp_path / "headless.csv", index=False, header=False)
    frame(rows).to_csv(tmp_path / "semicolons.csv", index=False, sep=";")
    wanted = IsolationForest.fit(rows, seed=5).score(rows)
    for name in ("rows.csv", "rows.npy", "rows.parquet", "headless.csv", "semicolons.csv"):
        output = tmp_path / f"{name}.scores.csv"
        told = ctl_json(tmp_path / name, "--detector", "forest", "--seed", 5, "--output", output)
        np.testing.assert_array_equal(scores_in(output), wanted)
        assert told["max"] == wanted.max() == wanted[123]
        assert told["top"][0] == {"row": 123, "score": wanted[123]}
        assert (told["rows"], told["scored"], told["output"]) == (300, 300, str(output))


def test_what_is_learnt_from_other_rows_is_learnt_by_the_names_of_columns(ctl_json, rows, tmp_path):
    frame(rows).to_csv(tmp_path / "rows.csv", index=False)
    train = rows[::-1] * 2
    frame(train)[["hum", "level", "pitch"]].to_csv(tmp_path / "train.csv", index=False)
    output = tmp_path / "scores.csv"
    told = ctl_json(tmp_path / "rows.csv", "--train", tmp_path / "train.csv", "--output", output)
    np.testing.assert_array_equal(scores_in(output), IsolationForest.fit(train).score(rows))
    assert told["train_rows"] == 300


def test_rows_with_holes_have_an_empty_score_and_are_counted(ctl, ctl_json, rows, tmp_path):
    table = frame(rows).astype(object)
    for row, hole in {0: "", 10: "NaN", 20: "inf", 299: "NA"}.items():
        table.loc[row, "pitch"] = hole
    table.to_csv(tmp_path / "rows.csv", index=False)
    output = tmp_path / "scores.csv"
    told = ctl_json(tmp_path / "rows.csv", "--output", output)
    assert (told["scored"], told["left_out_rows"], told["left_out_train_rows"]) == (296, 4, 4)
    assert np.flatnonzero(np.isnan(scores_in(output))).tolist() == [0, 10, 20, 299]
    assert output.read_text().splitlines()[1] == "0,"
    assert "4 rows have no score" in ctl(tmp_path / "rows.csv").stdout


def test_columns_that_are_not_numbers_are_left_out_and_named(ctl, rows, tmp_path):
    table = frame(rows)
    table.insert(0, "who", "somebody")
    table["when"] = "2026-03-01T12:00:00"
    table.to_csv(tmp_path / "rows.csv", index=False)
    told = ctl(tmp_path / "rows.csv")
    assert told.exit_code == 0
    assert "left out, for they are not of numbers: who, when" in told.stdout
    assert told.stdout.splitlines()[1].split()[0] == "123"


def test_columns_can_be_chosen(ctl_json, rows, tmp_path):
    table = frame(rows)
    table["number"] = range(300)
    table.to_csv(tmp_path / "rows.csv", index=False)
    without = ctl_json(tmp_path / "rows.csv", "--without", "number")
    assert without["columns"] == ["level", "pitch", "hum"]
    only = ctl_json(tmp_path / "rows.csv", "--column", "hum", "--column", "level")
    assert only["columns"] == ["hum", "level"]
    unknown = ctl_json(tmp_path / "rows.csv", "--without", "nothing")
    assert "no column 'nothing'" in unknown["error"]["message"]


def test_whole_numbers_that_become_broken_ones_late_are_still_numbers(ctl_json, tmp_path):
    lines = ["1,2"] * 400_000 + ["1.5,2"]
    (tmp_path / "rows.csv").write_text("\n".join(["a,b", *lines]))
    assert ctl_json(tmp_path / "rows.csv")["columns"] == ["a", "b"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("ragged.csv", b"a,b\n1,2\n1,2,3\n", "Expected 2 columns, got 3"),
        ("empty.csv", b"", "Empty CSV"),
        ("heads.csv", b"a,b\n", "has no rows"),
        ("words.csv", b"who,what\nI,this\n", "there is no column of numbers to score: who, what hold none"),
        ("twice.csv", b"a,a\n1,2\n", "two columns are called 'a'"),
        ("holes.csv", b"a,b\n1,\n,2\n", "none of 2 rows to learn from is finite"),
        ("latin.csv", "h\xf6he\n1\n".encode("latin-1"), "no text in UTF-8"),
        ("rows.txt", b"1", "says no format"),
        ("rows.npy", b"a,b\n1,2\n", "no array of numbers in numpy's format"),
        ("cut.npy", b"\x93NUMPY\x01\x00v\x00{'descr': '<f8'", "no array of numbers in numpy's format"),
        ("rows.parquet", b"PAR1", "rows.parquet"),
    ],
)
def test_what_is_no_table_is_told_by_its_name(ctl, tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    told = ctl(tmp_path / name, "--output", tmp_path / "scores.csv")
    assert told.exit_code == 1
    assert told.stderr.startswith(f"ag06ctl: {tmp_path / name}") or "to learn from" in told.stderr
    assert message in told.stderr
    assert not (tmp_path / "scores.csv").exists()


def test_arrays_that_hold_no_rows_of_numbers_are_refused(ctl, tmp_path):
    for found, message in (
        (np.zeros((2, 2, 2)), "is of shape (2, 2, 2)"),
        (np.array(["a"]), "holds <U1, and not numbers"),
        (np.array([None]), "no array of numbers"),
        (np.zeros((0, 3)), "has no rows"),
    ):
        np.save(tmp_path / "rows.npy", found)
        told = ctl(tmp_path / "rows.npy")
        assert told.exit_code == 1
        assert message in told.stderr


def test_other_columns_to_learn_from_are_refused_by_name(ctl, rows, tmp_path):
    frame(rows).to_csv(tmp_path / "rows.csv", index=False)
    frame(rows).rename(columns={"hum": "humming"}).to_csv(tmp_path / "train.csv", index=False)
    told = ctl(tmp_path / "rows.csv", "--train", tmp_path / "train.csv")
    assert told.exit_code == 1
    assert "train.csv: lacks hum and has humming besides" in told.stderr


def test_files_that_are_not_there_or_cannot_be_written_are_named(ctl, ctl_json, rows, tmp_path):
    missing = ctl_json(tmp_path / "absent.csv")
    assert "absent.csv" in missing["error"]["message"]
    frame(rows).to_csv(tmp_path / "rows.csv", index=False)
    told = ctl(tmp_path / "rows.csv", "--output", tmp_path / "absent" / "scores.csv")
    assert told.exit_code == 1
    assert "cannot be written: No such file" in told.stderr
    if os.geteuid():
        tmp_path.chmod(0o500)
        assert ctl(tmp_path / "rows.csv", "--output", tmp_path / "scores.csv").exit_code == 1


def test_a_detector_that_there_is_not_is_wrong_usage_and_the_nearest_is_named(ctl):
    told = ctl("rows.csv", "--detector", "forrest")
    assert told.exit_code == 2
    assert "did you mean forest?" in told.stderr


def test_help_says_what_each_detector_does(ctl):
    told = ctl("--help").stdout
    assert "Isolation forest: how easily random cuts" in told
    assert "For example: ag06ctl anomaly score" in told
