"""A day of sound through the daemon as fast as it goes, every feature kept: no process grows with it."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest

from ag06d.core.app import Daemon, Lockstep
from ag06d.core.config import AudioConfig, Config, HostConfig
from ag06d.paths import SHIPPED_RECORDING, sockets

HOURS = float(os.environ.get("SOAK_HOURS", "24"))
LOOKS = 48  # at the memory of every process
WARM = 0.25  # of the time, in which caches and pools fill
GROWTH = 1.15
SETTINGS = Config(
    audio=AudioConfig(device=f"recording:{SHIPPED_RECORDING}", loop=True),
    hosts={"live": HostConfig(plugins=("features",))},
    plugins={"features": {"store": {"keep_replays": True, "seal_s": 20, "max_gb": 0.5}}},
)


def memory_mb(pid: int) -> float:
    """What a process alone has of the memory: its private pages."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    private = sum(
        int(line.split()[1]) for line in lines if line.startswith(("Private_Clean", "Private_Dirty"))
    )
    return private / 1024


def keeper(children, host: int) -> int:
    """The store's keeper, among the children of its host; 0 if it is not there."""
    for pid in children(host):
        with suppress(OSError):
            if b"\0keeper\0" in Path(f"/proc/{pid}/cmdline").read_bytes():
                return pid
    return 0


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_memory_is_flat_over_a_day_of_sound(children):
    seen: dict[str, list[float]] = {"live": [], "keeper": []}

    async def day(folder: Path) -> None:
        daemon = Daemon(SETTINGS, sockets(folder / "run"), folder / "state", Lockstep())
        frames = round(HOURS * 3600 * SETTINGS.audio.rate)

        async def looked() -> None:
            for look in range(1, LOOKS + 1):
                while daemon.arena.head < frames * look / LOOKS:  # noqa: ASYNC110 - the ring tells nobody
                    await asyncio.sleep(0.2)
                status = daemon.status()
                pid = status["hosts"]["live"]["pid"]
                for who, process in (("live", pid), ("keeper", keeper(children, pid))):
                    if process:
                        seen[who].append(memory_mb(process))
                told = ", ".join(f"{who} {values[-1]:.0f} MB" for who, values in seen.items() if values)
                sys.stderr.write(f"{look / LOOKS * HOURS:.1f} h: {told}\n")
            assert status["hosts"]["live"]["lost_frames"] == 0
            assert status["plugins"]["features"]["errors"] == 0

        await daemon.run(until=looked)

    with tempfile.TemporaryDirectory(prefix="ag06-day-", dir="/tmp") as name:
        asyncio.run(day(Path(name)))
        store = Path(name) / "state" / "plugins" / "features" / "store"
        assert sum(path.stat().st_size for path in store.rglob("*.parquet")) < 0.6e9
    for name, values in seen.items():
        warm, late = values[: round(WARM * len(values))], values[-round(WARM * len(values)) :]
        assert max(late) < GROWTH * max(warm), (name, values)
