"""The keys of the live view: how they are read from the terminal, and what they do."""

from __future__ import annotations

import os
import re
import select
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from ag06d.cli.top.picture import Picture
from ag06d.client import Client
from ag06d.errors import Ag06Error, RequestError

GAIN_STEP_DB = 1.0
NAMES: Final = {"\x1b[A": "up", "\x1b[B": "down", "\x1bOA": "up", "\x1bOB": "down", "\x1b": "escape"}
KEY: Final = re.compile(r"\x1b[\[O][0-9;]*[A-Za-z~]|.", re.DOTALL)
HELP: Final = (
    ("m", "mute, and not"),
    ("b", "bypass the chain, and not"),
    ("a  s", "hear slot A, slot B"),
    ("p", "choose a preset for the slot that is heard"),
    ("u  r", "undo, redo what was done to the slot"),
    ("+  -", "output fader of the slot, by 1 dB"),
    ("z", "begin integrated loudness, range and all maxima afresh"),
    ("?", "these keys; any key leaves"),
    ("q", "quit"),
)


@contextmanager
def keyboard() -> Iterator[None]:
    """Have keys come at once and unseen, where standard input is a terminal; Ctrl-C stays what it is."""
    if not sys.stdin.isatty():
        yield
        return
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    try:
        tty.setcbreak(descriptor)
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSANOW, before)


def pressed() -> list[str]:
    """The keys that were pressed since it was last asked: characters, or names of special keys."""
    if not sys.stdin.isatty() or not select.select([sys.stdin], [], [], 0)[0]:
        return []
    text = os.read(sys.stdin.fileno(), 1024).decode(errors="replace")
    return [NAMES.get(key, key) for key in KEY.findall(text)]


@dataclass
class Menu:
    """What stands before the view: the help, or the presets (name and description) with one chosen."""

    shown: bool = False
    presets: list[tuple[str, str]] = field(default_factory=list)
    chosen: int = 0

    def close(self) -> None:
        """Give the view free."""
        self.shown, self.presets, self.chosen = False, [], 0


class Keys:
    """Carries out what a key means; what the daemon refuses is shown and does no harm."""

    def __init__(self, client: Client, picture: Picture) -> None:
        self._client, self._picture = client, picture
        self.menu = Menu()
        self.quit = False

    def press(self, key: str) -> None:
        """One key."""
        try:
            if self.menu.presets:
                self._choose(key)
            elif self.menu.shown:
                self.menu.close()
            else:
                self._do(key)
        except RequestError as error:
            self._picture.notify(error.message)
        except Ag06Error as error:
            self._picture.notify(str(error))

    def _do(self, key: str) -> None:
        slot = self._picture.slot
        match key:
            case "m" | "b":
                self._set(f"audio.{'mute' if key == 'm' else 'bypass'}", {"toggle": True})
            case "a" | "s":
                self._set("audio.slot", "a" if key == "a" else "b")
            case "+" | "=" | "-":
                step_db = -GAIN_STEP_DB if key == "-" else GAIN_STEP_DB
                self._set(f"chain.{slot}.level.gain_db", {"add": step_db})
            case "u" | "r":
                verb = "undo" if key == "u" else "redo"
                changed = self._client.call(f"preset.{verb}", slot=slot)["changed"]
                self._told(f"{verb}: {len(changed)} values of slot {slot.upper()}")
            case "p":
                found = self._client.call("preset.list")["presets"]
                self.menu.presets = [(preset["name"], preset["description"]) for preset in found]
                names = [name for name, _ in self.menu.presets]
                now = self._picture.status["preset"][slot]
                self.menu.chosen = names.index(now) if now in names else 0
                self.menu.shown = True
            case "z":
                self._client.call("meters.reset")
                self._told("meters begin afresh")
            case "?" | "h":
                self.menu.shown = True
            case "q":
                self.quit = True

    def _set(self, path: str, change: object) -> None:
        changed = self._client.set({path: change})
        self._told(" ".join(f"{leaf}={value}" for leaf, value in changed.items()) or f"{path} is so already")

    def _told(self, text: str) -> None:
        self._picture.notify(text)
        self._picture.refresh(now=True)

    def _choose(self, key: str) -> None:
        menu = self.menu
        match key:
            case "up" | "k":
                menu.chosen = (menu.chosen - 1) % len(menu.presets)
            case "down" | "j":
                menu.chosen = (menu.chosen + 1) % len(menu.presets)
            case "\n" | "\r":
                name, slot = menu.presets[menu.chosen][0], self._picture.slot
                menu.close()
                self._client.call("preset.apply", name=name, slot=slot)
                self._told(f"preset {name} into slot {slot.upper()}")
            case "escape" | "p" | "q":
                menu.close()
