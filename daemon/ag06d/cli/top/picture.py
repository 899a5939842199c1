"""What the live view knows of the daemon, from what it publishes and answers."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from typing import Any, Final

from ag06d.client import Client, Message

TOPICS: Final = (
    "meters.",
    "feature.",
    "audio.",
    "host.",
    "plugin.",
    "preset.",
    "state.",
    "alert.",
    "record.",
    "heartbeat.",
)
STATUS_S = 0.5
NOTICE_S = 4.0
HOLD_S = 1.5  # a peak stays for so long
FALL_DB_S = 20.0  # and falls so fast then
EVENTS_KEPT = 100
SILENCE_DB = -200.0
CHANGES_TOLD = 3


class PeakHold:
    """The highest of the last peaks of one channel."""

    def __init__(self) -> None:
        self._level_db, self._since_s = SILENCE_DB, 0.0

    def take(self, level_db: float, now_s: float) -> None:
        """A new peak."""
        if level_db >= self.at(now_s):
            self._level_db, self._since_s = level_db, now_s

    def at(self, now_s: float) -> float:
        """What is shown, in dBFS."""
        falling_s = max(0.0, now_s - self._since_s - HOLD_S)
        return max(SILENCE_DB, self._level_db - FALL_DB_S * falling_s)


class Picture:
    """What is known of the daemon at present."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._asked = 0.0
        self._notice: tuple[str, float] = ("", 0.0)
        self.status: dict[str, Any] = {}
        self.meters: dict[str, Any] = {}
        self.holds = {(stream, channel): PeakHold() for stream in ("dry", "wet") for channel in (0, 1)}
        self.features: dict[str, float] = {}
        self.octaves: dict[str, float] = {}
        self.events: deque[str] = deque(maxlen=EVENTS_KEPT)
        self.alerts = 0  # that were opened
        self.open: dict[int, str] = {}  # what is wrong now: alert to kind

    def refresh(self, *, now: bool = False) -> None:
        """Ask for the status, twice a second, or `now`."""
        if now or time.monotonic() - self._asked >= STATUS_S:
            self.status = self._client.status()
            self._asked = time.monotonic()

    def take(self, message: Message) -> str:
        """Take in a message; the event that it tells of, if any, in words."""
        if message.topic == "meters.":
            self.meters = message.body
            for (stream, channel), hold in self.holds.items():
                hold.take(message.body[stream]["peak_db"][channel], time.monotonic())
        elif message.topic == "feature.basic.":
            self.features = message.vector or self.features
        elif message.topic == "feature.octaves.":
            self.octaves = message.vector or self.octaves
        elif not message.topic.startswith(("heartbeat.", "feature.")):
            if message.topic.startswith("record.") and message.body.get("background"):
                return ""
            if message.topic.startswith("alert.") and not self._take_alert(message.body):
                return ""
            self.events.append(f"{time.strftime('%H:%M:%S')} {describe(message)}")
            return self.events[-1]
        return ""

    def _take_alert(self, alert: Mapping[str, Any]) -> bool:
        """Take in what became of an alert; whether that is an event."""
        state, number = alert.get("state", "opened"), alert.get("id")
        if state == "opened":
            self.alerts += 1
        if isinstance(number, int):
            self.open.pop(number, None)
            if state in ("opened", "updated"):
                self.open[number] = str(alert.get("kind", "alert"))
        return bool(state != "updated")

    def notify(self, text: str) -> None:
        """Show `text` for a moment."""
        self._notice = (text, time.monotonic() + NOTICE_S)

    @property
    def notice(self) -> str:
        """What is to be shown at the moment."""
        text, until = self._notice
        return text if time.monotonic() < until else ""

    @property
    def slot(self) -> str:
        """The slot that is heard."""
        return str(self.status["switches"]["slot"])


def describe(message: Message) -> str:
    """An event in words."""
    body = message.body
    match message.topic:
        case "state.":
            changes = list(body["changes"].items())
            more = f" and {len(changes) - CHANGES_TOLD} more" if len(changes) > CHANGES_TOLD else ""
            return "set " + " ".join(f"{path}={value}" for path, value in changes[:CHANGES_TOLD]) + more
        case "preset.":
            return f"preset {body['name']} into slot {body['slot']}"
        case "preset.files.":
            return f"preset {body['name']} {body['action']}"
        case "audio.stream.":
            return f"stream {body['streams']} began; {body['gap_frames_total']} frames missed in all"
    if message.topic.startswith("alert.") and "text" in body:
        return f"alert {body.get('id')} {body.get('severity')} {body.get('state')}: {body['text']}"
    return f"{message.topic.rstrip('.')} {words(body)}"


def words(body: Mapping[str, Any]) -> str:
    """What says most of a body that we do not know."""
    keys = ("host", "plugin", "kind", "severity", "state", "reason", "message")
    return " ".join(str(body[key]) for key in keys if body.get(key))
