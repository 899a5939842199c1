"""What was done to each slot's chain, so that it can be undone and done again."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from ag06d.arena.parameters import Value
from ag06d.core.state import SLOTS, StateTree
from ag06d.errors import RequestError

STEPS_MAX = 100
JOIN_S = 1.0  # changes of the same values that come faster than this are one step, as from a fader

Step = dict[str, Value]  # path to value before the step


class History:
    """Follows a state tree; a step is one change of a slot's chain, with the name of its preset.

    Mute, bypass and the slot that is heard are switches, not steps. What is undone can be redone until
    something else is changed.
    """

    def __init__(self, state: StateTree, clock: Callable[[], float] = time.monotonic) -> None:
        self._state = state
        self._clock = clock
        self._known = state.flat()
        self._undo: dict[str, deque[Step]] = {slot: deque(maxlen=STEPS_MAX) for slot in SLOTS}
        self._redo: dict[str, deque[Step]] = {slot: deque(maxlen=STEPS_MAX) for slot in SLOTS}
        self._changed_s = dict.fromkeys(SLOTS, -JOIN_S)
        self._travelling = False
        state.listen(self._changed)

    def depth(self) -> dict[str, dict[str, int]]:
        """How many steps of each slot can be undone and redone."""
        return {slot: {"undo": len(self._undo[slot]), "redo": len(self._redo[slot])} for slot in SLOTS}

    def undo(self, slot: str, *, dry_run: bool = False) -> Step:
        """Take back the last step of `slot`; what changed. Raises RequestError conflict if there is none."""
        return self._travel(slot, self._undo[slot], self._redo[slot], "undo", dry_run=dry_run)

    def redo(self, slot: str, *, dry_run: bool = False) -> Step:
        """Do the last step that was taken back again; likewise."""
        return self._travel(slot, self._redo[slot], self._undo[slot], "redo", dry_run=dry_run)

    def _travel(
        self, slot: str, source: deque[Step], target: deque[Step], verb: str, *, dry_run: bool
    ) -> Step:
        if not source:
            raise RequestError("conflict", f"there is nothing to {verb} in slot {slot}")
        step = source[-1]
        if dry_run:
            return self._state.update(step, dry_run=True)
        target.append({path: self._known[path] for path in step})
        source.pop()
        self._changed_s[slot] = -JOIN_S
        self._travelling = True
        try:
            return self._state.update(step)
        finally:
            self._travelling = False

    def _changed(self, _: int, changes: dict[str, Value]) -> None:
        before, self._known = self._known, self._known | changes
        if self._travelling:
            return
        for slot in SLOTS:
            of_slot = (f"chain.{slot}.", f"preset.{slot}")
            step = {path: before[path] for path in changes if path.startswith(of_slot)}
            if step:
                self._record(slot, step)

    def _record(self, slot: str, step: Step) -> None:
        now, undo = self._clock(), self._undo[slot]
        joins = now - self._changed_s[slot] < JOIN_S and bool(undo) and undo[-1].keys() == step.keys()
        self._changed_s[slot] = now
        self._redo[slot].clear()
        if not joins or f"preset.{slot}" in step:
            undo.append(step)
