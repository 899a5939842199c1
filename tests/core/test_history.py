from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ag06d.core.history import JOIN_S, STEPS_MAX, History
from ag06d.core.state import StateTree
from ag06d.errors import RequestError

RATIO, MAKEUP = "chain.a.comp.ratio", "chain.a.comp.makeup_db"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def tree():
    return StateTree()


@pytest.fixture
def history(tree, clock):
    return History(tree, clock)


class Travel(RuleBasedStateMachine):
    """The model is a list of whole chains and a place in it."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.tree = StateTree()
        self.history = History(self.tree, self.clock)
        self.past = [self.tree.chain("a")]
        self.at = 0

    @rule(ratio=st.integers(1, 20), makeup=st.integers(0, 24))
    def change(self, ratio, makeup) -> None:
        self.clock.now += JOIN_S
        if self.tree.set({RATIO: ratio, MAKEUP: makeup}):
            self.past = [*self.past[: self.at + 1], self.tree.chain("a")]
            self.at += 1

    @rule(ratio=st.integers(1, 20))
    def change_the_other_slot(self, ratio) -> None:
        self.tree.set({"chain.b.comp.ratio": ratio, "audio.mute": ratio % 2 == 0})

    @precondition(lambda self: self.at > 0)
    @rule()
    def undo(self) -> None:
        self.history.undo("a")
        self.at -= 1

    @precondition(lambda self: self.at < len(self.past) - 1)
    @rule()
    def redo(self) -> None:
        self.history.redo("a")
        self.at += 1

    @invariant()
    def the_chain_is_what_it_was_there(self) -> None:
        assert self.tree.chain("a") == self.past[self.at]
        assert self.history.depth()["a"] == {"undo": self.at, "redo": len(self.past) - 1 - self.at}


TestTravel = Travel.TestCase
TestTravel.settings = settings(max_examples=40, stateful_step_count=20)


def test_a_preset_is_one_step_with_its_name(tree, history):
    before = tree.flat()
    tree.update({RATIO: 9.0, MAKEUP: 3.0, "preset.a": "mine"})
    history.undo("a")
    assert tree.flat() == before
    history.redo("a")
    assert (tree.chain("a")["comp.ratio"], tree.flat()["preset.a"]) == (9.0, "mine")


def test_a_faders_ride_is_one_step(tree, history, clock):
    for ratio in range(4, 20):
        clock.now += 0.9 * JOIN_S
        tree.set({RATIO: ratio})
    clock.now += JOIN_S
    tree.set({RATIO: 20})
    assert history.depth()["a"]["undo"] == 2
    history.undo("a")
    assert tree.chain("a")["comp.ratio"] == 19
    history.undo("a")
    assert tree.chain("a")["comp.ratio"] == 3


def test_what_is_set_right_after_an_undo_is_a_step_of_its_own(tree, history):
    tree.set({RATIO: 9})
    tree.set({MAKEUP: 9})
    history.undo("a")
    tree.set({RATIO: 10})
    history.undo("a")
    assert tree.chain("a")["comp.ratio"] == 9


def test_switches_are_no_steps(tree, history):
    tree.set({"audio.mute": True, "audio.slot": "b"})
    assert history.depth() == {"a": {"undo": 0, "redo": 0}, "b": {"undo": 0, "redo": 0}}


def test_there_is_an_end_to_it_and_a_word_for_it(tree, history, clock):
    for number in range(STEPS_MAX + 20):
        clock.now += JOIN_S
        tree.set({RATIO: 2 + number % 2})
    assert history.depth()["a"]["undo"] == STEPS_MAX
    with pytest.raises(RequestError, match="nothing to undo in slot b") as caught:
        history.undo("b")
    assert caught.value.code == "conflict"


def test_a_dry_run_says_what_would_change(tree, history):
    tree.set({RATIO: 9})
    assert history.undo("a", dry_run=True) == {RATIO: 3.0}
    assert tree.chain("a")["comp.ratio"] == 9
    assert history.depth()["a"] == {"undo": 1, "redo": 0}
