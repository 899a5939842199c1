"""The statistical detectors: how fast, in how much memory, and whether a set rate of false alarms holds.

Rates are of held-back rows of known kinds, each value calibrated by the rows before it, over several seeds;
recall is of values six standard deviations from the middle, scored in the place of a row and not learned.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

if __name__ == "__main__":  # a process of its own, whose memory is measured
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

import numpy as np
import numpy.typing as npt
from bench.common import Report, measure, percentiles, print_table, progress, target

from ag06_plugins.anomaly.statistics.calibration import Calibration, CalibrationSettings
from ag06d.anomaly import SERIES_DETECTORS, SeriesDetectors, SeriesSettings

Rows = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]

SERIES, MANY = 60, 300
RATE: Final = 0.01
SIGMAS: Final = 6.0
SHIFT_SIGMAS, SHIFT_ROWS = 3.0, 20
EVERY: Final = 64  # rows from one spike that is asked for to the next
MEMORY_ROWS: Final = {True: 100_000, False: 1_000_000}  # quick or not
TRAIN, HELD = 20_000, 40_000
COLUMNS: Final = 8
RIVER_SERIES: Final = 20
PARITY_LIMIT: Final = 1e6  # deviations: nothing is left out of what is learned
NOTES: Final = (
    "statistics: recall is of values six standard deviations from the middle of their series",
    "statistics: additive recall is of six deviations added to a value as it came",
    "statistics: no test of single values at a rate of 1 % finds more than 99.05 % of these under student_t3",
    "statistics: river's is GaussianScorer alone, one object a series; ours does all four detectors",
)


def statistics(report: Report, chosen: argparse.Namespace) -> None:
    """Fill `report` with the figures of the statistical detectors."""
    speed(report, chosen)
    memory(report, chosen)
    calibration(report, chosen)
    report.notes += NOTES


def speed(report: Report, chosen: argparse.Namespace) -> None:
    """Rows a second from Python, one call a row, of CPU time; with a calibration and without; and river's."""
    count = 2000 if chosen.quick else 10_000
    generator = np.random.default_rng(0)
    few, many = (generator.normal(0, 1, (count, n)).astype(np.float32) for n in (SERIES, MANY))
    runs: dict[str, Callable[[], float]] = {
        "series_60": partial(pushed, warm(SERIES), None, few),
        "series_300": partial(pushed, warm(MANY), None, many),
        "calibrated_60": partial(pushed, warm(SERIES), calibrated(SERIES), few),
        "calibrated_300": partial(pushed, warm(MANY), calibrated(MANY), many),
        "scored_20": partial(pushed, warm(RIVER_SERIES), None, few[:, :RIVER_SERIES]),
    }
    if find_spec("river"):
        runs["river"] = partial(river_rows, few[: count // 4, :RIVER_SERIES])
    else:
        report.notes.append("river: absent, it is not installed")
    times = measure(runs, chosen.rounds, quiet=chosen.json)
    calls = percentiles(each_call(warm(SERIES), few))
    report.ours["statistics"] = {name: {"rows_per_s": 1 / s} for name, s in times.items() if name != "river"}
    report.ours["statistics"]["series_60"] |= calls
    if "river" in times:
        report.peers["river_series"] = {"rows_per_s": 1 / times["river"]}
        report.ratios["river_series"] = times["river"] / times["scored_20"]
        report.checks["river_parity_max_abs"] = target(river_parity(few[:1000, 0]), 2e-3, most=True)
    report.checks["statistics_rows_per_s"] = target(1 / times["calibrated_300"], 10_000)
    report.checks["statistics_push_60_p50_us"] = target(calls["p50_us"], 10.0, most=True)
    if not chosen.json:
        rows: list[list[str | float]] = [[name, 1 / s, 1e6 * s] for name, s in times.items()]
        print_table("statistical detectors, one call a row", ["", "rows/s", "us CPU"], rows)


def warm(series: int) -> SeriesDetectors:
    """Detectors whose windows are full."""
    made = SeriesDetectors(1e-3, series=series)
    made.score(np.random.default_rng(1).normal(0, 1, (1000, series)).astype(np.float32))
    return made


def calibrated(series: int) -> Calibration:
    """A calibration that has seen enough to be fitted as seldom as it ever is."""
    made = Calibration(series * len(SERIES_DETECTORS))
    scores = np.abs(np.random.default_rng(2).normal(0, 1, (16_384, made.count))).astype(np.float32)
    for row in scores:
        made.learn(row)
    return made


def pushed(detectors: SeriesDetectors, chances: Calibration | None, rows: Rows) -> float:
    """Seconds of CPU a row."""
    began = time.process_time_ns()
    for row in rows:
        scores = detectors.push(row)
        if chances is not None:
            chances.push(scores.ravel())
    return (time.process_time_ns() - began) / len(rows) / 1e9


def each_call(detectors: SeriesDetectors, rows: Rows) -> npt.NDArray[np.int64]:
    """Nanoseconds of each push."""
    took = np.empty(len(rows), dtype=np.int64)
    for index, row in enumerate(rows):
        began = time.perf_counter_ns()
        detectors.push(row)
        took[index] = time.perf_counter_ns() - began
    return took


def river_scorer(window: int) -> Any:  # noqa: ANN401 - river's own, which is not typed
    """River's z-scores over a window, of one series."""
    return importlib.import_module("river.anomaly").GaussianScorer(window_size=window)


def river_rows(rows: Rows) -> float:
    """Seconds of CPU a row of river's z-scores over the same window."""
    made = [river_scorer(SeriesSettings().window) for _ in range(rows.shape[1])]
    values = rows.tolist()
    began = time.process_time_ns()
    for row in values:
        for scorer, value in zip(made, row, strict=True):
            scorer.score_one(None, value)
            scorer.learn_one(None, value)
    return (time.process_time_ns() - began) / len(rows) / 1e9


def river_parity(values: Rows) -> float:
    """The largest difference between river's scores and our z-scores on river's scale, 0 to 1."""
    from scipy.special import ndtr  # noqa: PLC0415 - the benchmarks' own, and slow to import

    window = 200
    settings = SeriesSettings(window=window, least=window, patience=window, limit=PARITY_LIMIT)
    ours = SeriesDetectors(1e-6, settings, series=1).score(values[:, None])[:, 0, 0]
    scorer, theirs = river_scorer(window), []
    for value in values.tolist():
        theirs.append(scorer.score_one(None, value))
        scorer.learn_one(None, value)
    there = ~np.isnan(ours)
    return float(np.abs(2 * ndtr(ours[there]) - 1 - np.array(theirs)[there]).max())


def memory(report: Report, chosen: argparse.Namespace) -> None:
    """Resident memory of a process of its own, early and after all rows went through."""
    rows = MEMORY_ROWS[bool(chosen.quick)]
    progress(f"memory over {rows} rows", silent=chosen.json)
    run = subprocess.run([sys.executable, __file__, str(rows)], check=True, capture_output=True, text=True)
    told = json.loads(run.stdout)
    report.ours["statistics_memory"] = told
    report.checks["statistics_rss_mb"] = target(told["after_mb"], 100.0, most=True)
    report.checks["statistics_growth_mb"] = target(told["after_mb"] - told["early_mb"], 2.0, most=True)


def measure_memory(rows: int) -> dict[str, float]:
    """What that process tells."""
    generator = np.random.default_rng(0)
    detectors, chances = SeriesDetectors(1e-3, series=SERIES), Calibration(SERIES * len(SERIES_DETECTORS))
    block, early = 1000, 0.0
    for at in range(0, rows, block):
        for scores in detectors.score(generator.normal(0, 1, (block, SERIES)).astype(np.float32)):
            chances.push(scores.ravel())
        if at == 10 * block:
            early = resident_mb()
    return {"rows": float(rows), "early_mb": early, "after_mb": resident_mb()}


def resident_mb() -> float:
    """Of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def kinds(rows: int, generator: np.random.Generator) -> dict[str, tuple[Floats, float]]:
    """Series of each kind, (rows, COLUMNS), and the standard deviation that they have about their middle."""
    shape = (rows, COLUMNS)
    autocorrelated = generator.normal(0, 1, shape)
    sigma = 1 / np.sqrt(1 - 0.9**2)
    autocorrelated[0] *= sigma
    for at in range(1, rows):
        autocorrelated[at] += 0.9 * autocorrelated[at - 1]
    trend = np.linspace(0, rows / 1000, rows)[:, None]
    walk = np.cumsum(generator.normal(0, 0.02, shape), axis=0)
    return {
        "gaussian": (generator.normal(0, 1, shape), 1.0),
        "student_t3": (generator.standard_t(3, shape), float(np.sqrt(3))),
        "ar1_0.9": (autocorrelated, float(sigma)),
        "drifting": (generator.normal(0, 1, shape) + trend + walk, 1.0),
    }


def rates(values: Floats, sigma: float, generator: np.random.Generator, train: int) -> dict[str, Floats]:
    """False alarms, and recall of values, additive ones and shifts: (COLUMNS, 4), of series and detectors."""
    detectors = SeriesDetectors(1e-3, series=COLUMNS)
    chances = Calibration(COLUMNS * len(SERIES_DETECTORS), CalibrationSettings(rate=RATE))
    seen: dict[str, list[npt.NDArray[np.bool_]]] = {"false": [], "values": [], "additive": []}

    def would_alarm(row: Floats) -> npt.NDArray[np.bool_]:
        return chances.is_alarm(chances.log_p(detectors.score_one(row.astype(np.float32)).ravel()))

    for at, row in enumerate(values):
        if at >= train and at % EVERY == 0:
            away = np.where(generator.random(COLUMNS) < 0.5, -SIGMAS, SIGMAS) * sigma
            seen["values"].append(would_alarm(detectors.usual()[:, 2] + away))
            seen["additive"].append(would_alarm(row + away))
        _, alarms = chances.push(detectors.push(row.astype(np.float32)).ravel())
        if at >= train:
            seen["false"].append(alarms)
    found = {name: np.mean(flags, axis=0).reshape(COLUMNS, -1) for name, flags in seen.items()}
    found["shift"] = shifted(values, sigma, detectors, chances).reshape(COLUMNS, -1)
    return found


def shifted(values: Floats, sigma: float, detectors: SeriesDetectors, chances: Calibration) -> Floats:
    """Whether a shift by SHIFT_SIGMAS is seen within SHIFT_ROWS, at the end of what was learned."""
    seen = np.zeros(chances.count, dtype=np.bool_)
    base = values[-SHIFT_ROWS:] if len(values) > SHIFT_ROWS else values
    for row in base + SHIFT_SIGMAS * sigma:
        log_p, _ = chances.push(detectors.push(row.astype(np.float32)).ravel())
        seen |= np.asarray(log_p <= np.log(RATE / 10))
    return seen.astype(np.float64)


def calibration(report: Report, chosen: argparse.Namespace) -> None:
    """The table of kinds and detectors: false-alarm rate and recall, over seeds and series."""
    seeds = 1 if chosen.quick else 5
    train, held = (TRAIN // 2, HELD // 4) if chosen.quick else (TRAIN, HELD)
    table: list[list[str | float]] = []
    told: dict[str, Any] = {}
    worst = {"least": 1.0, "most": 0.0, "recall": 1.0}
    for kind in ("gaussian", "student_t3", "ar1_0.9", "drifting"):
        progress(f"calibration: {kind}", silent=chosen.json)
        found = []
        for seed in range(seeds):
            generator = np.random.default_rng(seed)
            values, sigma = kinds(train + held, generator)[kind]
            found.append(rates(values, sigma, generator, train))
        whole = {name: np.concatenate([of_seed[name] for of_seed in found]) for name in found[0]}
        for index, detector in enumerate(SERIES_DETECTORS):
            false = whole["false"][:, index]
            recalls = {name: float(whole[name][:, index].mean()) for name in ("values", "additive", "shift")}
            told[f"{kind}/{detector}"] = {
                "false_mean": float(false.mean()),
                "false_least": float(false.min()),
                "false_most": float(false.max()),
                **{f"recall_{name}": recall for name, recall in recalls.items()},
            }
            worst["least"] = min(worst["least"], float(false.min()))
            worst["most"] = max(worst["most"], float(false.max()))
            worst["recall"] = min(worst["recall"], recalls["values"])
            shown = [false.mean(), false.min(), false.max(), *recalls.values()]
            table.append([f"{kind} {detector}", *(100 * float(value) for value in shown)])
    report.ours["calibration"] = told
    report.checks["calibration_least_rate"] = target(worst["least"], 0.005)
    report.checks["calibration_most_rate"] = target(worst["most"], 0.015, most=True)
    report.checks["calibration_recall_6_sigma"] = target(worst["recall"], 0.995)
    if not chosen.json:
        heads = ["", "false %", "least", "most", "recall %", "additive", "shift"]
        print_table(f"a rate of {100 * RATE:g} % set, over {seeds * COLUMNS} series", heads, table)


if __name__ == "__main__":
    print(json.dumps(measure_memory(int(sys.argv[1]))))
