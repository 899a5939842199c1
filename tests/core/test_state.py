from __future__ import annotations

import math

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from ag06d.arena import Parameter
from ag06d.core.state import StateTree, tree_parameters
from ag06d.errors import RequestError
from ag06d.tree import nest

LEAVES = {path: leaf for path, leaf in tree_parameters().items() if not path.startswith("preset.")}
BOTH_SLOTS = [path for path in LEAVES if path.startswith(("chain.a.comp", "chain.a.eq.low", "audio"))]
# A few leaves of each kind, so that the rules meet the same ones again.
PATHS = st.sampled_from([*BOTH_SLOTS, "chain.a.highpass.slope_db", "chain.b.comp.ratio"])


def right_values(leaf: Parameter) -> st.SearchStrategy:
    if leaf.choices:
        return st.sampled_from(leaf.choices)
    if leaf.kind == "bool":
        return st.booleans()
    return st.floats(leaf.low, leaf.high) | st.integers(math.ceil(leaf.low), math.floor(leaf.high))


def wrong_values(leaf: Parameter) -> st.SearchStrategy:
    nonsense = [
        None,
        math.nan,
        math.inf,
        10**400,
        [],
        b"",
        {},
        {"add": "x"},
        {"add": 1, "toggle": True},
        {"mul": 2},
    ]
    nonsense += ["nonsense"] if leaf.choices or leaf.kind != "str" else []
    nonsense += [0, 1] if leaf.kind == "bool" else [True, {"add": True}, {"add": math.nan}]
    if leaf.low is not None and leaf.high is not None:
        nonsense += [leaf.low - 0.001, leaf.high + 0.001, {"add": 2 * (leaf.high - leaf.low)}]
    return st.sampled_from(nonsense)


def changes(values) -> st.SearchStrategy:
    pair = PATHS.flatmap(lambda path: st.tuples(st.just(path), values(LEAVES[path])))
    return st.lists(pair, min_size=1, max_size=3).map(dict)


class Tree(RuleBasedStateMachine):
    """The model is a flat map and a number."""

    def __init__(self) -> None:
        super().__init__()
        self.tree = StateTree()
        self.model = self.tree.flat()
        self.revision = 0
        self.heard = self.tree.flat()
        self.calls = []
        self.tree.listen(self.hear)

    def hear(self, revision, changed) -> None:
        self.calls.append(revision)
        for path, value in changed.items():
            assert self.heard[path] != value, "told of what did not change"
            self.heard[path] = value

    def expect(self, wanted, changed) -> None:
        assert changed == {path: value for path, value in wanted.items() if self.model[path] != value}
        assert all(type(value) is type(LEAVES[path].default) for path, value in changed.items())
        self.revision += bool(changed)
        self.model |= changed

    @rule(wanted=changes(right_values))
    def set(self, wanted) -> None:
        self.expect(wanted, self.tree.set(wanted))

    @rule(wanted=changes(right_values))
    def ask_what_would_change(self, wanted) -> None:
        changed = self.tree.set(wanted, dry_run=True)
        assert changed == {path: value for path, value in wanted.items() if self.model[path] != value}

    @rule(data=st.data(), wanted=changes(right_values), bad=changes(wrong_values))
    def set_with_something_wrong_among_it(self, data, wanted, bad) -> None:
        order = data.draw(st.permutations(list((wanted | bad).items())))
        with pytest.raises(RequestError) as caught:
            self.tree.set(dict(order))
        error = caught.value
        assert error.code in ("bad_request", "out_of_range")
        assert any(path in error.message for path in bad)
        assert error.hint

    @rule(path=PATHS)
    def toggle(self, path) -> None:
        leaf, now = LEAVES[path], self.model[path]
        choices = leaf.choices or ((False, True) if leaf.kind == "bool" else ())
        if choices:
            after = choices[(choices.index(now) + 1) % len(choices)]
            self.expect({path: after}, self.tree.set({path: {"toggle": True}}))
        else:
            with pytest.raises(RequestError, match="is a number, which this does not change") as caught:
                self.tree.set({path: {"toggle": True}})
            assert caught.value.code == "bad_request"

    @rule(path=PATHS, step=st.floats(-20, 20))
    def step(self, path, step) -> None:
        leaf = LEAVES[path]
        if leaf.kind == "float" and leaf.low <= self.model[path] + step <= leaf.high:
            self.expect({path: self.model[path] + step}, self.tree.set({path: {"add": step}}))
        elif leaf.kind == "float":
            with pytest.raises(RequestError) as caught:
                self.tree.set({path: {"add": step}})
            assert caught.value.code == "out_of_range"

    @invariant()
    def the_tree_is_the_model_and_was_heard_as_it_is(self) -> None:
        assert self.tree.flat() == self.model == self.heard
        assert self.tree.revision == self.revision
        assert self.calls == list(range(1, self.revision + 1))


TestTree = Tree.TestCase
TestTree.settings = settings(max_examples=60, stateful_step_count=30)


@pytest.mark.parametrize(
    ("change", "code", "hint"),
    [
        ({"chain.a.comp.treshold_db": 1}, "unknown_path", "did you mean chain.a.comp.threshold_db?"),
        ({"nonsense": 1}, "unknown_path", "`ag06ctl get` lists all paths"),
        ({"chain.a.comp": 1}, "unknown_path", "did you mean"),
        ({"chain.a.comp.threshold_db": 1.0}, "out_of_range", "comp.threshold_db is from -60 to 0 dBFS"),
        ({"chain.a.comp.threshold_db": "low"}, "bad_request", "is from -60 to 0 dBFS"),
        ({"audio.mute": 1}, "bad_request", "audio.mute is true or false"),
        ({"audio.slot": "c"}, "out_of_range", "audio.slot is one of a, b"),
        ({"chain.a.highpass.slope_db": 18}, "out_of_range", "is one of 12, 24"),
        ({"chain.a.highpass.slope_db": 12.5}, "bad_request", "is one of 12, 24"),
        ({"preset.a": "other"}, "denied", "ag06ctl preset apply NAME"),
    ],
)  # fmt: skip
def test_a_refusal_has_a_code_and_says_what_would_be_right(change, code, hint):
    with pytest.raises(RequestError) as caught:
        StateTree().set(change)
    assert caught.value.code == code
    assert hint in caught.value.hint


def test_what_get_prints_can_be_given_back():
    tree = StateTree()
    assert tree.set(tree.flat()) == {}
    assert tree.revision == 0


def test_flat_gives_a_leaf_or_all_below_a_path_and_nothing_that_only_begins_alike():
    tree = StateTree()
    assert tree.flat("audio.mute") == {"audio.mute": False}
    assert set(tree.flat("chain.a")) == {path for path in tree.parameters if path.startswith("chain.a.")}
    assert len(tree.flat()) == len(tree.parameters)
    for path in ("chain.a.com", "audio.mute.x", "chain."):
        with pytest.raises(RequestError) as caught:
            tree.flat(path)
        assert caught.value.code == "unknown_path"


@pytest.mark.parametrize(
    ("path", "near"),
    [("chain.a.como", "chain.a.comp"), ("chian", "chain"), ("chain.b.eq.peek1", "chain.b.eq.peak1")],
)
def test_a_path_that_is_not_there_is_likened_to_branches_too(path, near):
    with pytest.raises(RequestError) as caught:
        StateTree().flat(path)
    assert caught.value.hint == f"did you mean {near}?"


def test_the_chain_of_a_slot_is_told_without_the_slot():
    tree = StateTree()
    tree.set({"chain.b.comp.ratio": 7})
    assert tree.chain("b")["comp.ratio"] == 7.0
    assert tree.chain("a")["comp.ratio"] == 3.0
    assert "chain.b.comp.ratio" not in tree.chain("b")


def test_a_nested_tree_has_a_branch_for_each_dot():
    assert nest({"a.b.c": 1, "a.b.d": 2, "e": 3}) == {"a": {"b": {"c": 1, "d": 2}}, "e": 3}
