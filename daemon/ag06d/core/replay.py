"""Replay: a recording in lockstep through the whole daemon, as fast as the hosts go, and its account."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ag06d.core.app import Daemon, Lockstep, observe
from ag06d.core.config import Config
from ag06d.errors import RecordingError
from ag06d.host.spec import hop_frames
from ag06d.paths import sockets
from ag06d.wire import Message

ALERT = "alert."
POLL_S = 0.005
IDLE_S = 20.0  # hosts that make no progress for so long are stuck for good


def replay(config: Config, recording: Path, state_folder: Path, output: Path | None = None) -> dict[str, Any]:
    """Run `recording` through a daemon of its own; the document of `ag06d replay --json`."""
    return run(config, recording, state_folder, output)[0]


def run(
    config: Config,
    recording: Path,
    state_folder: Path,
    output: Path | None = None,
    heard: Callable[[Message], None] = lambda _: None,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """As `replay`; with it the `status` at the end, and `heard` is given every message."""
    audio = config.audio.model_copy(update={"device": f"recording:{recording.absolute()}", "loop": False})
    config = config.model_copy(update={"audio": audio})
    with tempfile.TemporaryDirectory(prefix="ag06d-") as folder:
        return asyncio.run(_replay(config, Path(folder), state_folder, output, heard))


async def _replay(
    config: Config,
    folder: Path,
    state_folder: Path,
    output: Path | None,
    heard: Callable[[Message], None],
) -> tuple[dict[str, Any], dict[str, Any]]:
    daemon = Daemon(config, sockets(folder), state_folder, Lockstep(output))
    alerts: list[dict[str, Any]] = []

    def collect(message: Message) -> None:
        if message.body.get("state", "opened") == "opened":
            start_s = message.body.get("start_s", message.header["pos"] / config.audio.rate)
            alerts.append({"kind": message.body.get("kind", message.topic), "start_s": start_s})

    observe(daemon, ALERT, collect)
    observe(daemon, "", heard)
    result: dict[str, Any] = {}
    status: dict[str, Any] = {}

    async def played() -> None:
        began = time.monotonic()
        try:
            result.update(await daemon.audio.ended)
        except RuntimeError as error:
            raise RecordingError(str(error)) from error
        await _hosts_done(daemon)
        status.update(daemon.status())
        await daemon.hosts.stop()
        await asyncio.sleep(0.1)  # for what plugins said when they were closed
        result.update(daemon.programme())
        result["wall_s"] = time.monotonic() - began

    await daemon.run(until=played)
    if not result:
        raise RecordingError("the replay was stopped before the recording had ended")
    seconds = result["frames"] / config.audio.rate
    document = {
        "frames": result["frames"],
        "seconds": round(seconds, 6),
        "speed": round(seconds / result["wall_s"], 2),
        "lost_frames": result["lost_frames"]
        + sum(host.cell.lost_frames for host in daemon.hosts.hosts.values()),
        "bad_input_frames": status["audio"]["bad_input_frames"],
        "sha256_wet": result["sha256_wet"],
        "dry": result["dry"],
        "wet": result["wet"],
        "alerts": alerts,
    }
    return document, status


async def _hosts_done(daemon: Daemon) -> None:
    """Wait until every host has read its last whole hop, and what it published has come through."""
    hop = hop_frames(daemon.config.audio.rate)
    last = daemon.arena.head - hop + 1
    seen, since = -1, time.monotonic()
    while any(cell.position < last for cell in daemon.hosts.cells):
        now = sum(cell.position for cell in daemon.hosts.cells)
        if now != seen:
            seen, since = now, time.monotonic()
        elif time.monotonic() - since > IDLE_S:
            raise RecordingError("a plugin host makes no progress; see the log")
        await asyncio.sleep(POLL_S)
    try:
        await daemon.hosts_heard(IDLE_S)
    except TimeoutError:
        raise RecordingError("a plugin host does not answer; see the log") from None
