"""The seconds around an alert as FLAC, taken from the rings by the recorder, limited in number and size."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ag06_plugins.anomaly.alerts.alert import Alert
from ag06_plugins.anomaly.alerts.table import DAY_S, AlertTable
from ag06_plugins.anomaly.finding import SEVERITIES
from ag06_plugins.anomaly.settings import ClipConfig
from ag06d.plugin import Context

FINISHED: Final = "record.finished"
WAITING_MAX: Final = 4
PATIENCE_S: Final = 30.0  # beyond the clip's own length, until a recorder that says nothing is given up
HOUR_S: Final = 3600.0
LEAST_S: Final = 0.1
WANTED_KEPT: Final = 100
MODE: Final = 0o700
MEGA: Final = 1_000_000


@dataclass(slots=True)
class _Job:
    """A clip in the making; `recording` is the recorder's name for it, once it has begun."""

    alert: Alert
    path: Path
    due_s: float
    recording: str = ""


class Clips:
    """Makes clips, one at a time.

    done     called with the alert whose clip is there
    counts   `made`, `failed`, `skipped`: for there were too many, or the sound was gone
    """

    def __init__(
        self, context: Context, config: ClipConfig, folder: Path, done: Callable[[Alert], None]
    ) -> None:
        self._context, self._config, self.folder, self._done = context, config, folder, done
        self.counts = {"made": 0, "failed": 0, "skipped": 0}
        self.trouble = ""
        self._begun: deque[float] = deque()
        self._waiting: deque[Alert] = deque()
        self._job: _Job | None = None
        self._wanted = deque[int](maxlen=WANTED_KEPT)  # alerts that have one, or were to
        context.subscribe(FINISHED, self._finished)

    def want(self, alert: Alert, position: int) -> None:
        """Make a clip of an alert that lasts, if it is to have one; `position` is now.

        Of one that becomes grave later, what the rings still hold.
        """
        grave = SEVERITIES.index(alert.severity) >= SEVERITIES.index(self._config.least)
        if not grave or alert.injected or alert.silent or alert.id in self._wanted:
            return
        self._wanted.append(alert.id)
        now_s = self._now_s()
        while self._begun and self._begun[0] <= now_s - HOUR_S:
            self._begun.popleft()
        if len(self._begun) >= self._config.per_hour or len(self._waiting) >= WAITING_MAX:
            self.counts["skipped"] += 1
            return
        self._begun.append(now_s)
        self._waiting.append(alert)
        self.look(position)

    def look(self, position: int) -> None:
        """Begin the next clip when the last is done, or was given up; `position` is now."""
        if self._job is not None:
            if self._now_s() < self._job.due_s:
                return
            self._fail(f"{self._job.path}: the recorder did not end in time")
        if self._waiting:
            self._begin(self._waiting.popleft(), position)

    def _begin(self, alert: Alert, position: int) -> None:
        path = self.folder / f"{alert.id:06}-{alert.kind}.flac"
        since_s = (position - alert.start) / alert.rate
        after_s = max(self._config.after_s - since_s, LEAST_S)
        job = _Job(alert, path, self._now_s() + after_s + PATIENCE_S)
        self._job = job
        try:
            self.folder.mkdir(mode=MODE, parents=True, exist_ok=True)
        except OSError as error:
            self._fail(f"{self.folder}: {error.strerror}")
            return
        wanted = {
            "path": str(path),
            "source": "dry",
            "before_s": self._config.before_s + since_s,  # as far as the rings hold it
            "duration_s": after_s,
            "overwrite": True,
            "background": True,
        }
        self._context.call("record.start", wanted, lambda status, body: self._answered(job, status, body))

    def _answered(self, job: _Job, status: str, body: Mapping[str, Any]) -> None:
        if job is not self._job:
            return
        if status == "error":
            self._fail(str(body.get("message", "the recorder was refused")))
        else:
            job.recording = str(body["recording"])

    def _finished(self, _: str, body: Mapping[str, Any], __: list[bytes]) -> None:
        job = self._job
        if job is None or str(body.get("path")) != str(job.path):
            return
        if body.get("reason") in ("failed", "killed"):
            self._fail(f"{job.path}: {body.get('message') or body['reason']}")
            return
        self._job = None
        self.trouble = ""
        self.counts["made"] += 1
        job.alert.clip = job.path.name
        self._done(job.alert)

    def _fail(self, why: str) -> None:
        self._job = None
        self.counts["failed"] += 1
        if why != self.trouble:
            self._context.logger.warning("clip of an alert: %s", why)
        self.trouble = why

    def _now_s(self) -> float:
        return self._context.clock.monotonic_ns() / 1e9


def last_number(folder: Path) -> int:
    """The highest number of an alert that has a clip in `folder`; 0 without one."""
    try:
        names = [path.name.partition("-")[0] for path in folder.glob("*-*.flac")]
    except OSError:
        return 0
    return max((int(name) for name in names if name.isdecimal()), default=0)


def let_go(folder: Path, table: AlertTable, config: ClipConfig, wall_s: float) -> int:
    """Remove clips that are too old, or too many; how many. For the archive's thread.

    Raises sqlite3.Error; what cannot be removed stays.
    """
    found: list[tuple[float, int, Path]] = []
    with contextlib.suppress(OSError):
        for path in folder.glob("*.flac"):
            with contextlib.suppress(OSError):
                told = path.stat()
                found.append((told.st_mtime, told.st_size, path))
    left = sum(size for _, size, _ in found)
    gone: list[str] = []
    for made_s, size, path in sorted(found):
        if made_s >= wall_s - config.max_days * DAY_S and left <= config.max_mb * MEGA:
            break
        with contextlib.suppress(OSError):
            path.unlink()
            left -= size
            gone.append(path.name)
    table.clip_gone(gone)
    return len(gone)
