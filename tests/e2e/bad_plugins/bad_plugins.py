"""Plugins that do what no plugin should, and one that keeps account of every frame it is given."""

from __future__ import annotations

import ctypes
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from ag06d.errors import RequestError
from ag06d.plugin import Command, Context, Frame, RefusedError, Topic, hookimpl

SPELL = 20  # frames that a plugin behaves for before it crashes its host


class Plugin:
    """A plugin with one processor: what `behave(frame, number)` does with its `number`-th frame."""

    def __init__(self, behave: Callable[[Frame, int], object]) -> None:
        self._behave = behave
        self._number = 0

    def process(self, frame: Frame) -> None:
        self._number += 1
        self._behave(frame, self._number)

    @hookimpl
    def ag06_processors(self) -> Iterable[Plugin]:
        return [self]


def fail(frame: Frame, number: int) -> None:
    raise ValueError(f"frame {number} at {frame.position} is not to my taste")


def after_a_spell(crash: Callable[[], object]) -> Callable[[Frame, int], object]:
    return lambda _, number: crash() if number > SPELL else None


hoard: list[np.ndarray] = []
raises = Plugin(fail)
raises_at_times = Plugin(lambda frame, number: fail(frame, number) if number % 7 == 0 else None)
slow = Plugin(lambda *_: time.sleep(0.05))
hangs = Plugin(after_a_spell(lambda: time.sleep(3600)))
leaks = Plugin(lambda *_: hoard.append(np.ones(1 << 20)))
exits = Plugin(after_a_spell(lambda: os._exit(7)))
leaves = Plugin(after_a_spell(lambda: sys.exit(0)))
segfaults = Plugin(after_a_spell(lambda: ctypes.string_at(0)))
prints = Plugin(lambda *_: print('{"event": "running"}', "x" * 5000, flush=True))  # noqa: T201 - its whole point


class RaisesAtStart:
    @hookimpl
    def ag06_topics(self) -> Iterable[Topic]:
        raise RuntimeError("not today")


class ExitsAtStart:
    @hookimpl
    def ag06_check(self) -> None:
        os._exit(9)


class Late:
    """Takes its time to start, so that there is time to listen before its host is ready."""

    @hookimpl
    def ag06_check(self) -> None:
        time.sleep(2)


class Refuses:
    @hookimpl
    def ag06_check(self) -> None:
        raise RefusedError("this studio has no window")


class Spins:
    """Keeps the interpreter's lock busy from threads that nobody ends."""

    @hookimpl
    def ag06_processors(self) -> Iterable[Plugin]:
        for _ in range(3):
            threading.Thread(target=self.spin).start()
        return [Plugin(lambda *_: None)]

    @staticmethod
    def spin() -> None:
        number = 0
        while True:
            number += 1


class ThreadExits:
    """Ends the host from a thread of its own, so that the host is in no plugin's call."""

    @hookimpl
    def ag06_processors(self) -> Iterable[Plugin]:
        threading.Timer(0.5, os._exit, (11,)).start()
        return [Plugin(lambda *_: None)]


class ThreadCloses:
    """Closes, from a thread of its own, every descriptor that the host has."""

    @hookimpl
    def ag06_processors(self) -> Iterable[Plugin]:
        threading.Timer(0.5, os.closerange, (3, 4096)).start()
        return [Plugin(lambda *_: None)]


class Floods:
    """Publishes far more than anybody takes."""

    @hookimpl
    def ag06_topics(self) -> Iterable[Topic]:
        return [Topic("flood", "Much ado", channel="stream"), Topic("meters", "Not its own")]

    @hookimpl
    def ag06_processors(self, context: Context) -> Iterable[Plugin]:
        def flood(_: Frame, number: int) -> None:
            for _ in range(100):
                context.publish("flood", {"number": number}, np.zeros(1000, np.float32))
            context.publish("meters", {"dry": "none of it"})

        return [Plugin(flood)]


class Forks:
    """Publishes every frame; its first life ends after it forked, once within its group and once out."""

    @hookimpl
    def ag06_topics(self) -> Iterable[Topic]:
        return [Topic("forks", "Who it is", channel="events")]

    @hookimpl
    def ag06_processors(self, context: Context) -> Iterable[Plugin]:
        told = context.data_folder / "forked"

        def behave(_: Frame, number: int) -> None:
            context.publish("forks", {"pid": os.getpid()})
            if number > SPELL and not told.exists():
                inside, outside = self.fork(), self.fork(os.setsid)
                while os.getpgid(outside) != outside:  # else it may be ended with the group before it left
                    time.sleep(0.001)
                told.write_text(f"{inside} {outside}")
                os._exit(5)

        return [Plugin(behave)]

    @staticmethod
    def fork(first: Callable[[], object] = lambda: None) -> int:
        if pid := os.fork():
            return pid
        first()
        while True:
            time.sleep(3600)


class Asked:
    """Has commands that answer, fail, refuse, and take their time."""

    @hookimpl
    def ag06_commands(self) -> Iterable[Command]:
        return [
            Command("echo", dict, "The same again"),
            Command("fail", self.fail, "Raises"),
            Command("refuse", self.refuse, "Says no"),
            Command("exit", lambda _: os._exit(3), "Ends the host"),
        ]

    @staticmethod
    def fail(_: Mapping[str, Any]) -> Mapping[str, Any]:
        raise ZeroDivisionError("no answer to that")

    @staticmethod
    def refuse(_: Mapping[str, Any]) -> Mapping[str, Any]:
        raise RequestError("conflict", "not while the tape runs", "stop the tape")


class Account:
    """Frames seen, whether they joined up, and how far the wet sound jumped from sample to sample."""

    def __init__(self) -> None:
        self.first: int | None = None
        self.next = 0
        self.frames = self.lost = self.gap_frames = 0
        self.breaks: list[int] = []
        self.wet_step = self.wet_peak = self.dry_peak = 0.0
        self._last = np.zeros((1, 2), np.float32)

    def process(self, frame: Frame) -> None:
        if self.first is None:
            self.first = frame.position
        elif frame.position != self.next + frame.lost:
            self.breaks.append(frame.position)
        self.next = frame.position + len(frame.dry)
        self.frames += len(frame.dry)
        self.lost += frame.lost
        self.gap_frames += frame.gap_frames
        joined = np.concatenate([self._last, frame.wet])
        if not (frame.lost or frame.gap_frames) and self.frames > len(frame.dry):
            self.wet_step = max(self.wet_step, float(np.abs(np.diff(joined, axis=0)).max()))
        self.wet_peak = max(self.wet_peak, float(np.abs(frame.wet).max()))
        self.dry_peak = max(self.dry_peak, float(np.abs(frame.dry).max()))
        self._last = frame.wet[-1:].copy()

    def report(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        report = {key: value for key, value in vars(self).items() if not key.startswith("_")}
        if arguments.get("afresh"):
            self.wet_step = self.wet_peak = self.dry_peak = 0.0
        return report | {"pid": os.getpid()}


class Counts:
    """Well-behaved: keeps an Account and tells it to whoever asks."""

    def __init__(self) -> None:
        self._accounts: dict[str, Account] = {}

    @hookimpl
    def ag06_processors(self, context: Context) -> Iterable[Account]:
        return [self._accounts.setdefault(context.name, Account())]

    @hookimpl
    def ag06_commands(self, context: Context) -> Iterable[Command]:
        account = self._accounts.setdefault(context.name, Account())
        return [Command("report", account.report, "The account", {"afresh": "begin the extremes anew"})]


raises_at_start = RaisesAtStart()
exits_at_start = ExitsAtStart()
late = Late()
refuses = Refuses()
spins = Spins()
floods = Floods()
thread_exits = ThreadExits()
thread_closes = ThreadCloses()
forks = Forks()
asked = Asked()
counts = Counts()
