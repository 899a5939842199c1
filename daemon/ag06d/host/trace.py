"""What happens around one plugin, while somebody looks: gathered here, told to ag06d hop by hop."""

from __future__ import annotations

import traceback
from typing import Any

from ag06d._native import lib

EVENTS_MAX = 100  # of one hop; more are counted
TEXT_MAX = 200  # characters of what a plugin calls something
TRACEBACK_MAX = 8000  # characters, the last ones


class Trace:
    """Exists only while a plugin is traced, `seconds` from now unless that is renewed."""

    def __init__(self, seconds: float) -> None:
        self._events: list[dict[str, Any]] = []
        self._omitted = 0
        self.renew(seconds)

    def renew(self, seconds: float) -> None:
        """Go on until `seconds` from now."""
        self._until_ns = int(lib.ag06_now_ns()) + int(seconds * 1e9)

    @property
    def over(self) -> bool:
        """Whether its time has passed."""
        return bool(lib.ag06_now_ns() > self._until_ns)

    def add(self, what: str, **details: Any) -> None:  # noqa: ANN401 - what the wire carries
        """One event; texts are cut to a length that can be told."""
        if len(self._events) >= EVENTS_MAX:
            self._omitted += 1
            return
        for key, value in details.items():
            if isinstance(value, str) and key != "traceback":
                details[key] = value[:TEXT_MAX]
        self._events.append({"what": what, "mono": int(lib.ag06_now_ns()), **details})

    def error(self, error: BaseException) -> None:
        """What was raised, with its traceback."""
        try:
            lines = "".join(traceback.format_exception(error))
        except BaseException:  # noqa: BLE001 - a plugin's exception is a plugin's code
            lines = f"{type(error).__name__}: something that cannot be printed"
        self.add("error", traceback=lines[-TRACEBACK_MAX:])

    def take(self) -> dict[str, Any]:
        """What was gathered since the last time; empty where nothing was."""
        if not self._events:
            return {}
        taken = {"events": self._events, "omitted": self._omitted}
        self._events, self._omitted = [], 0
        return taken
