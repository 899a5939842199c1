"""`ag06ctl features check`: declarations in a file."""

from __future__ import annotations

import pytest

GOOD = """
[[entity]]
name = "take"

[[view]]
name = "mood"
entity = "take"
fields = [{ name = "valence", low = -1, high = 1, precision = 0.01 }, { name = "arousal", precision = "f16" }]

[[view]]
name = "sides"
entity = "stream"
source = "on_demand"
fields = [{ name = "balance_db", expression = 'level["left.rms_db"] - level["right.rms_db"]' }]

[[service]]
name = "feel"
features = ["mood", "sides:balance_db", "level:mid.rms_db"]
"""


@pytest.fixture
def check(ctl, ctl_json, tmp_path):
    """The problems of a text."""

    def check(text: str) -> list[str]:
        file = tmp_path / "mine.toml"
        file.write_text(text)
        problems = ctl_json("check", file)["problems"]
        assert ctl("check", file).exit_code == (1 if problems else 0)
        assert all(problem.startswith(f"{file}: ") for problem in problems)
        return [problem.removeprefix(f"{file}: ") for problem in problems]

    return check


def test_what_stands_on_the_shipped_views_and_on_itself_is_right(check):
    assert check(GOOD) == []
    assert check("") == []


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        ("[[view]]", "[[veiw]]", "veiw: there is no such table; did you mean view?"),
        (
            '[[entity]]\nname = "take"',
            '[entity]\nname = "take"',
            "entity: write [[entity]], with two brackets",
        ),
        (
            'entity = "take"',
            'entity = "takes"',
            "view mood@1: there is no entity 'takes'; there is stream, take",
        ),
        ("low = -1", "low = 2", "view mood: fields.valence: low is 2 and high 1"),
        ("low = -1", "lo = -1", "view mood: fields.valence.lo: there is no such key; did you mean low?"),
        ('"f16"', "-1", "view mood: fields.arousal.precision: it should be 'f32' or 'f16', or it should be"),
        ('name = "mood"\n', "", "view number 1: name: is missing"),
        ('"mood", ', '"mod", ', "service feel: there is no feature view 'mod' (did you mean mood?)"),
        ('["left.', '["left', "view sides@1: balance_db: feature view level@1 has no field"),
        ('level["right.rms_db"]', '__import__("os")', "is not understood"),
        ("[[service]]", "[[service", "not TOML: "),
        ('name = "mood"', 'name = "level"', "view level@1 is declared with another meaning than before"),
    ],
)
def test_each_thing_that_is_wrong_is_told_with_its_place(check, before, after, why):
    assert before in GOOD
    problems = check(GOOD.replace(before, after, 1))
    assert [problem for problem in problems if why in problem], problems


def test_everything_that_is_wrong_is_told_at_once(check):
    text = GOOD.replace("low = -1", "low = 2").replace('"f16"', '"f8"').replace("[[service]]", "[[servce]]")
    assert len(check(text)) == 3


def test_a_file_that_cannot_be_read_is_named(ctl, tmp_path):
    refused = ctl("check", tmp_path / "absent.toml")
    assert (refused.exit_code, "absent.toml: cannot be read" in refused.stderr) == (1, True)
