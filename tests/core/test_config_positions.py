"""The lines of the keys of a TOML document."""

from __future__ import annotations

from typing import Any

import tomli
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from ag06d.core.config.positions import key_lines

TEXT = """\
# a comment with [brackets] and = signs
top = 1

[audio] # after a header
block = 64
a.b = "x = 1"
text = \"\"\"
[no.header]
nor = "a key"
\"\"\"
list = [
  1, # one
  { x = 1 },
]
"quoted.key" = { in = { line = 1 } }

[[many]]
x = 1
[[many]]
y = 2
[ a . 'b c' ]
z = '''[[x
]]'''
"""


def test_each_key_and_table_stands_where_its_statement_begins():
    assert key_lines(TEXT) == {
        ("top",): 2,
        ("audio",): 4,
        ("audio", "block"): 5,
        ("audio", "a"): 6,
        ("audio", "a", "b"): 6,
        ("audio", "text"): 7,
        ("audio", "list"): 11,
        ("audio", "quoted.key"): 15,
        ("audio", "quoted.key", "in"): 15,
        ("audio", "quoted.key", "in", "line"): 15,
        ("many",): 17,
        ("many", "x"): 18,
        ("many", "y"): 20,
        ("a", "b c"): 21,
        ("a", "b c", "z"): 22,
    }


KEYS = st.text(st.sampled_from("ab.[]\"'=#\n é"), max_size=4)
LEAVES = st.integers(-9, 9) | st.text(st.sampled_from("a[]\"'=#\n\\"), max_size=8) | st.booleans()
VALUES = LEAVES | st.lists(LEAVES, max_size=3)
TREES = st.recursive(
    st.dictionaries(KEYS, VALUES, max_size=3), lambda below: st.dictionaries(KEYS, VALUES | below, max_size=3)
)


def leaves(tree: dict[str, Any], at: tuple[str, ...] = ()):
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from leaves(value, (*at, key))
        else:
            yield (*at, key)


@given(TREES, st.booleans())
def test_whatever_tomli_reads_has_a_line_for_every_key_of_its_own(tree, multiline):
    text = tomli_w.dumps(tree, multiline_strings=multiline)
    lines = key_lines(text)
    assert set(leaves(tomli.loads(text))) <= set(lines)
    starts = text.split("\n")
    values = [number for path, number in lines.items() if path in set(leaves(tree))]
    assert len(values) == len(set(values))
    assert all("=" in starts[number - 1] for number in values)
