"""The whole plugin, hop by hop, as its host runs it behind the feature store; bench/anomaly.py reports it."""

from __future__ import annotations

import gc
import time
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import soundfile
from bench.common import Report, percentiles, print_table, progress, target

from ag06_plugins import anomaly, features
from ag06_plugins.anomaly.oddities import service
from ag06d.paths import SHIPPED_RECORDING
from ag06d.plugin import Frame
from ag06d.testing.context import HOP, RATE, LoadedPlugin, RecordingContext

ROUNDS_S, QUICK_S = 120, 25
P99_MOST_US: Final = 300.0
SETTLED_HOPS: Final = 200  # before what is measured: first uses of everything
NOTE: Final = (
    "plugin: CPU time of this thread in process() of the plugin, two channels of dry and wet, with the "
    "features of the same hop in the store; the plugin features itself is not counted"
)


def section(report: Report, options: Namespace) -> None:
    """CPU time of the plugin a hop."""
    with TemporaryDirectory(prefix="ag06-bench-") as folder:
        spent = measured(Path(folder), QUICK_S if options.quick else ROUNDS_S, silent=options.json)
    figures = percentiles(spent)
    report.ours |= {f"plugin_{name}": value for name, value in figures.items()}
    report.checks["plugin_p99_us_within"] = target(figures["p99_us"], P99_MOST_US, most=True)
    report.notes.append(NOTE)
    if not options.json:
        print_table("the plugin, CPU time a hop", ["side", *figures], [["ours", *figures.values()]])


def measured(folder: Path, seconds: int, *, silent: bool) -> npt.NDArray[np.int64]:
    """Nanoseconds of CPU time of each hop, (hops,), of the shipped recording."""
    store, watching = (RecordingContext(folder / name, name) for name in ("features", "anomaly"))
    loaded = [LoadedPlugin(features, store, {})]
    kept = features.ag06_feature_store(store)
    watching._shared.features = kept  # noqa: SLF001 - as a host does
    loaded.append(LoadedPlugin(anomaly, watching, {}))
    kept.apply(services=[service()])
    gc.collect()
    gc.freeze()  # as a host does
    spent: list[int] = []
    for number, frame in enumerate(frames(seconds)):
        for context in (store, watching):
            context.at(frame)
            context.published.clear()
        loaded[0].processors[0].process(frame)
        began_ns = time.thread_time_ns()
        loaded[1].processors[0].process(frame)
        spent.append(time.thread_time_ns() - began_ns)
        if number % 10 == 0:
            for plugin in loaded:
                plugin.tick()
        if number % 1000 == 0:
            progress(f"plugin: {number // 100} of {seconds} s", silent=silent)
    for plugin in reversed(loaded):
        plugin.close()
    return np.array(spent[SETTLED_HOPS:], dtype=np.int64)


def frames(seconds: int) -> Iterator[Frame]:
    """The shipped recording again and again, as a mixer that passes it through would have it."""
    read: npt.NDArray[Any] = soundfile.read(SHIPPED_RECORDING, dtype="float32", always_2d=True)[0]
    sound = np.repeat(read, 2, axis=1) if read.shape[1] == 1 else read
    hops = len(sound) // HOP
    for number in range(seconds * RATE // HOP):
        at = number % hops * HOP
        part = sound[at : at + HOP]
        position = number * HOP
        yield Frame(part, part, position, 10**9 + (position + HOP) * 10**9 // RATE, RATE)
