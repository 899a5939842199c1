"""The plugin host: what it costs a hop and a plugin, beyond the plugins' own work.

A host of 0, 1, 4 and 8 plugins that do nothing reads ten seconds of sound from the rings, hop by hop,
with all that it does in the daemon: the copies, the frame, the fences, the account, the look for messages.
"""

from __future__ import annotations

import gc
import os
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import pluggy
import soundfile
import zmq
from bench.common import Figures, Report, machine_note, options, print_table, progress, scratch

from ag06d.arena import Arena, HostCell
from ag06d.audio.recording import RecordingDevice
from ag06d.audio.stream import Engine
from ag06d.host.__main__ import Host
from ag06d.host.spec import HostSpec, PluginSpec, hop_frames

EPILOG = """\
Microseconds of processor time of the host's thread for one hop of 10 ms; medians over the rounds.

hop_N   a hop with N plugins, one hop after the other
paced   the same with a sleep of a hop before each, so that the caches are as cold as in the daemon
slope   what each plugin adds, by least squares over 0, 1, 4 and 8; the target is 20 at most, paced too

The peers do nothing either: direct calls each plugin in a bare loop, pluggy calls one hook that all of
them implement, without a fence, a clock or an account. Their figures are per plugin; ratios are peer / ours.
The sleeps in which a host waits for sound are not counted, nor the work of ag06d.
"""
RATE, SECONDS = 48000, 10
COUNTS = (0, 1, 4, 8)
TARGET_US = 20.0
EMPTY = """
from ag06d.plugin import hookimpl


class Nothing:
    def process(self, frame):
        pass


@hookimpl
def ag06_processors():
    return [Nothing()]
"""
spec = pluggy.HookspecMarker("bench")
impl = pluggy.HookimplMarker("bench")


class Specification:
    """The peer's hook."""

    @spec
    def process(self, frame: object) -> None:
        """Look at a frame."""


class Nothing:
    """The peers' plugin."""

    @impl
    def process(self, frame: object) -> None:
        """Do nothing."""


def fill(arena: Arena, folder: Path) -> int:
    """Have the callback itself write noise into the rings; the hops that are there."""
    frames = SECONDS * RATE
    noise = np.random.default_rng(0).normal(0, 0.1, (frames, 2)).astype(np.float32)
    soundfile.write(folder / "noise.wav", noise, RATE, subtype="FLOAT")
    device = RecordingDevice(
        folder / "noise.wav", Engine(arena, 0), 128, loop=False, lockstep=True, readers=[]
    )
    while arena.head < frames:
        time.sleep(0.01)
    device.stop()
    return frames // hop_frames(RATE)


def make_host(arena: Arena, folder: Path, socket: str, count: int) -> Host:
    """A host with `count` plugins that do nothing, at the beginning of the sound."""
    names = [f"nothing_{count}_{number}" for number in range(count)]
    for name in names:
        (folder / f"{name}.py").write_text(EMPTY)
    host = Host(
        HostSpec(
            parent=os.getpid(),
            name=f"host{count}",
            arena_fd=arena.read_only_fd,
            cell_fd=HostCell().fd,
            socket=socket,
            plugins=[PluginSpec(name, index, {}) for index, name in enumerate(names)],
            state_folder=str(folder),
            plugin_folder=str(folder),
            lockstep=False,
            position=0,
            scheduling="other",
            nice=0,
            memory_mb=1024,
            deadline_ms=1000.0,
            max_errors=1,
            log_level="error",
        )
    )
    host.start_plugins()
    return host


def per_hop(host: Host, hops: int, pause_s: float) -> float:
    """Microseconds of processor time for a hop; with a pause before each when it is above 0."""
    host.begin()
    spent = 0
    for _ in range(hops):
        if pause_s:
            time.sleep(pause_s)
        began = time.thread_time_ns()
        host.turn(0)
        spent += time.thread_time_ns() - began
    return spent / hops / 1000


def per_call(plugins: int, hops: int) -> tuple[float, float]:
    """The peers: microseconds for a hop and plugin of a bare loop, and of a pluggy hook."""
    nothing = [Nothing() for _ in range(plugins)]
    manager = pluggy.PluginManager("bench")
    manager.add_hookspecs(Specification)
    for plugin in nothing:
        manager.register(plugin)
    frame = object()
    began = time.thread_time_ns()
    for _ in range(hops):
        for plugin in nothing:
            plugin.process(frame)
    between = time.thread_time_ns()
    for _ in range(hops):
        manager.hook.process(frame=frame)
    ended = time.thread_time_ns()
    return (between - began) / hops / plugins / 1000, (ended - between) / hops / plugins / 1000


def slope(figures: dict[int, float]) -> float:
    """What each plugin adds."""
    return float(np.polyfit(list(figures), list(figures.values()), 1)[0])


def measure(hosts: dict[int, Host], hops: int, paced_hops: int, rounds: int, *, quiet: bool) -> Report:
    """All rounds, each with every host in turn."""
    close: dict[int, list[float]] = {count: [] for count in hosts}
    paced: dict[int, list[float]] = {count: [] for count in hosts}
    direct: list[float] = []
    hooked: list[float] = []
    for number in range(rounds):
        progress(f"round {number + 1} of {rounds}", silent=quiet)
        for count, host in hosts.items():
            close[count].append(per_hop(host, hops, 0))
            paced[count].append(per_hop(host, paced_hops, 0.01))
        for peer, figure in zip((direct, hooked), per_call(max(hosts), hops), strict=True):
            peer.append(figure)
    medians = [{count: float(median(times)) for count, times in side.items()} for side in (close, paced)]
    slopes = [slope(side) for side in medians]
    ours: Figures = {"slope_us": slopes[0], "paced_slope_us": slopes[1]}
    ours |= {f"hop_{count}_us": figure for count, figure in medians[0].items()}
    ours |= {f"paced_hop_{count}_us": figure for count, figure in medians[1].items()}
    peers = {"direct": {"p50_us": float(median(direct))}, "pluggy": {"p50_us": float(median(hooked))}}
    result = Report("host", ours=ours, peers=peers)
    result.ratios = {name: figure["p50_us"] / slopes[0] for name, figure in peers.items()}
    seen = {
        count: [host.cell.plugin(index)["frames"] for index in range(count)] for count, host in hosts.items()
    }
    wanted = rounds * (hops + paced_hops)
    result.checks = {
        "every_plugin_saw_every_hop": all(frames == wanted for counts in seen.values() for frames in counts),
        "none_lost": all(host.cell.lost_frames == 0 for host in hosts.values()),
        "slope_within_20_us": max(slopes) <= TARGET_US,
    }
    result.notes = [machine_note()]
    if not quiet:
        rows: list[list[str | float]] = [
            [f"{count} plugins", medians[0][count], medians[1][count]] for count in hosts
        ]
        rows.append(["each plugin", *slopes])
        print_table("microseconds of a host for a hop", ["", "close", "paced"], rows)
    return result


def main() -> None:
    """Run the benchmark."""
    chosen = options(__doc__, EPILOG)
    with scratch() as folder, ExitStack() as stack:
        context = stack.enter_context(zmq.Context())
        router = stack.enter_context(context.socket(zmq.ROUTER))
        socket = f"ipc://{folder}/hosts.sock"
        router.bind(socket)
        arena = Arena.create(RATE, SECONDS + 1)
        hops = fill(arena, folder)
        hosts: dict[int, Any] = {count: make_host(arena, folder, socket, count) for count in COUNTS}
        gc.collect()
        gc.freeze()
        paced = 50 if chosen.quick else 200
        result = measure(hosts, hops, paced, chosen.rounds, quiet=chosen.json)
        for host in hosts.values():
            host.close()
    result.finish(json_only=chosen.json)


if __name__ == "__main__":
    main()
