"""From a sound's arrival to its features in a client, and where the time goes on the way.

Runs a real daemon on the recording that ships with it, in folders of its own, and follows
`feature.basic` as any client would; alone and with two busy processes beside it, in turn.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from ag06d._native import ffi as native_ffi
from ag06d._native import lib as native
from bench.common import (
    ROOT,
    Figures,
    Report,
    busy_processes,
    machine_note,
    medians,
    options,
    print_table,
    progress,
    scratch,
)

from ag06d.arena import Arena, HostCell
from ag06d.client.sync import Client
from ag06d.errors import NoDaemonError
from ag06d.paths import sockets

EPILOG = """\
Each hop of 10 ms is followed from the moment at which its last sample arrived:

block      until the callback got the block with that sample: what the block size costs
callback   until the callback was through and the hop was whole in the arena
wake       until the plugin host, which naps, had seen it and copied it
plugin     until the features were computed and given to the socket
publish    until the daemon had stamped the message
receive    until the client had decoded it
total      all of these

Milliseconds, medians over rounds of each round's p50 and p99. There is no peer: nothing else does this.
The daemon may stamp a message before the plugin has quite returned: publish can be below zero.
The total is of every hop; the stages are of those (hops_followed) that were through before the next
one came, and their p50 and p99 need not add up to the total's.
"""
TOPIC = "feature.basic"
PLUGIN = 0  # index of the only plugin in the host
STAGES = ("block", "callback", "wake", "plugin", "publish", "receive", "total")
LOADS = ("alone", "busy")
BUSY_PROCESSES = 2
READY_S = 10.0
STOP_S = 10.0


@contextmanager
def running_daemon(folder: Path, block: int) -> Iterator[Client]:
    """A daemon of its own with nothing but the features plugin; yields a client of it."""
    environment = os.environ | {"AG06D_RUNTIME_DIR": str(folder / "r"), "AG06D_STATE_DIR": str(folder / "s")}
    settings = ["audio.device=recording", f"audio.block={block}", 'hosts.live.plugins=["features"]']
    overrides = [part for setting in settings for part in ("-o", setting)]
    program = str(Path(sys.executable).with_name("ag06d"))
    daemon = subprocess.Popen(
        [program, "run", *overrides],
        env=environment,
        cwd=ROOT,
        stderr=subprocess.DEVNULL,
    )
    try:
        with Client(sockets(folder / "r"), timeout_s=1.0) as client:
            until = time.monotonic() + READY_S
            while not is_ready(client):
                if time.monotonic() > until or daemon.poll() is not None:
                    raise RuntimeError(f"the daemon did not come up: {program} run {' '.join(overrides)}")
                time.sleep(0.1)
            yield client
    finally:
        daemon.send_signal(signal.SIGTERM)
        try:
            daemon.wait(STOP_S)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()


def is_ready(client: Client) -> bool:
    """Whether frames go through the plugin."""
    try:
        return bool(client.status()["plugins"]["features"]["frames"] > 0)
    except (NoDaemonError, KeyError):
        return False


def open_memory(pid: int, name: str) -> int:
    """A descriptor of our own for the memfd `name` of process `pid`."""
    for link in Path(f"/proc/{pid}/fd").iterdir():
        if str(link.readlink()).startswith(f"/memfd:{name}"):
            return os.open(link, os.O_RDWR)
    raise RuntimeError(f"process {pid} has no memory named {name}")


@dataclass(frozen=True, slots=True)
class Arrival:
    """When one hop's message came through each station, CLOCK_MONOTONIC in nanoseconds."""

    position: int  # after the hop's last frame
    arrived: int
    woke: int
    done: int
    published: int
    received: int
    whole: bool  # woke and done are this hop's, not of one that came while the message was under way


class Inside:
    """What the daemon's shared memories tell of a hop."""

    def __init__(self, status: dict[str, Any]) -> None:
        self._arena = Arena.attach(open_memory(status["pids"]["ag06d"], "ag06-arena"))
        self._cell = HostCell(open_memory(status["hosts"]["live"]["pid"], "ag06-cell"))
        blocks = native_ffi.addressof(self._arena.pointer, "blocks")
        self._ring = blocks
        self._cursor = native_ffi.new("uint64_t *", native.ag06_ring_head(blocks))
        self._busy_ns = self._frames = 0

    def plugin_call(self) -> tuple[int, int, int]:
        """Calls since the last time asked; when the newest began; how long it took, if it is the only one."""
        cell = self._cell.pointer
        account = cell.plugins[PLUGIN]
        frames, busy_ns = int(account.frames.raw), int(account.busy_ns.raw)
        calls, took_ns = frames - self._frames, busy_ns - self._busy_ns
        self._frames, self._busy_ns = frames, busy_ns
        return calls, int(cell.entered_ns.raw), took_ns

    def blocks(self) -> list[tuple[int, int, int]]:
        """Of all blocks since the last time asked: end position, entry of the callback, its end."""
        found = []
        block = native_ffi.new("ag06_block *")
        lost = native_ffi.new("uint64_t *")
        while native.ag06_ring_read(self._ring, self._cursor, block, 1, lost) != native.AG06_RING_EMPTY:
            found.append((block.position + block.frames, block.entry_ns, block.entry_ns + block.duration_ns))
        return found

    def close(self) -> None:
        """Let go of the memories."""
        self._cell.close()
        self._arena.close()


def follow(client: Client, inside: Inside, seconds: float) -> list[Arrival]:
    """Messages for `seconds`, each with its stations."""
    arrivals = []
    inside.plugin_call()
    until = time.monotonic() + seconds
    for message in client.follow(TOPIC, timeout_s=2.0):
        received = time.monotonic_ns()
        calls, woke, took_ns = inside.plugin_call()
        wall_minus_mono = time.time_ns() - time.monotonic_ns()
        header = message.header
        published = round(header["t"] * 1e9) - wall_minus_mono
        whole = calls == 1 and header["mono"] <= woke <= published
        arrivals.append(
            Arrival(header["pos"], header["mono"], woke, woke + took_ns, published, received, whole)
        )
        if time.monotonic() > until:
            break
    return arrivals


def stages(arrivals: list[Arrival], blocks: list[tuple[int, int, int]]) -> dict[str, list[int]]:
    """Nanoseconds that each hop spent in each stage."""
    ends = np.array([end for end, _, _ in blocks])
    spent: dict[str, list[int]] = defaultdict(list)
    for hop in arrivals:
        spent["total"].append(hop.received - hop.arrived)
        index = int(np.searchsorted(ends, hop.position))
        if index == len(blocks) or not hop.whole:
            continue
        _, entry, through = blocks[index]
        stations = (hop.arrived, entry, through, hop.woke, hop.done, hop.published, hop.received)
        for stage, before, after in zip(STAGES, stations, stations[1:], strict=False):
            spent[stage].append(after - before)
    return spent


def summary(spent: dict[str, list[int]]) -> Figures:
    """p50 and p99 of each stage in milliseconds, and the number of hops."""
    figures: Figures = {"hops": float(len(spent["total"])), "hops_followed": float(len(spent["plugin"]))}
    for stage in STAGES:
        p50, p99 = np.percentile(spent[stage], [50, 99]) / 1e6
        figures |= {f"{stage}_p50_ms": float(p50), f"{stage}_p99_ms": float(p99)}
    return figures


def main() -> None:
    """Run the benchmark."""
    size = {"type": int, "default": 128, "metavar": "N", "help": "frames per callback (128)"}
    chosen = options(__doc__, EPILOG, arguments=[("--block", size)])
    seconds = 2.5 if chosen.quick else 15.0
    rounds: dict[str, list[Figures]] = {load: [] for load in LOADS}
    with scratch() as folder, running_daemon(folder, chosen.block) as client:
        inside = Inside(client.status())
        for number in range(chosen.rounds):
            progress(f"round {number + 1} of {chosen.rounds}", silent=chosen.json)
            for load in LOADS:
                with busy_processes(BUSY_PROCESSES if load == "busy" else 0):
                    inside.blocks()
                    arrivals = follow(client, inside, seconds)
                    rounds[load].append(summary(stages(arrivals, inside.blocks())))
        status = client.status()
        inside.close()
    finish(rounds, status, chosen.block, json_only=chosen.json)


def finish(rounds: dict[str, list[Figures]], status: dict[str, Any], block: int, *, json_only: bool) -> None:
    """Table, checks and JSON."""
    figures = {load: medians(entries) for load, entries in rounds.items()}
    report = Report("latency", ours={"p50_ms": figures["alone"]["total_p50_ms"]})
    report.ours |= {"p99_ms": figures["alone"]["total_p99_ms"]} | figures
    rows: list[list[str | float]] = [
        [stage, *(figures[load][f"{stage}_{q}_ms"] for load in LOADS for q in ("p50", "p99"))]
        for stage in STAGES
    ]
    report.checks = {
        key: int(sum(entry[key] for entries in rounds.values() for entry in entries))
        for key in ("hops", "hops_followed")
    }
    report.checks |= {
        "lost_frames": status["hosts"]["live"]["lost_frames"],
        "overruns": status["audio"]["overruns"],
    }
    audio = status["audio"]
    report.notes = [
        f"blocks of {block} frames, callback at {audio['policy']} {audio['priority']}",
        machine_note(),
    ]
    if not json_only:
        heads = ["", "alone p50", "alone p99", "busy p50", "busy p99"]
        print_table("milliseconds from arrival to client", heads, rows)
    report.finish(json_only=json_only)


if __name__ == "__main__":
    main()
