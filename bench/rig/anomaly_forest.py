"""The isolation forest beside those of other libraries; bench/anomaly.py reports it."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from bench.common import Figures, Report, medians, print_table, progress, target

from ag06d.anomaly import IsolationForest, path_length

MODULES: Final = {"sklearn": "sklearn", "isotree": "isotree", "river": "river"}
TREES, SAMPLE, COLUMNS = 100, 256, 40
ROWS, QUICK_ROWS = 50_000, 10_000
OURS_CALLS = 5000
PEER_CALLS: Final = {"sklearn": 40, "isotree": 1000, "river": 500}
RIVER_LEARNS = 1000
SEEDS, QUICK_SEEDS = 50, 12
CELLS_MAX = 2_000_000  # of a set that is scored: every peer grows a forest on it for every seed
ROW_MOST_US, BATCH_LEAST, FIT_LEAST = 10.0, 2.0, 10.0
ERRORS_MOST = 3.0  # standard errors that a mean may be below another one and still be called equal

NOTES: Final = (
    f"forest: {TREES} trees on samples of {SAMPLE} rows, all of them; {COLUMNS} columns; one thread of ours",
    "forest: sklearn and ours are given float32, isotree float64, which is what each works on",
    "forest: isotree cuts one column at a time (ndim=1), as the paper does",
    "forest: isotree and sklearn_parallel have all processors",
    "forest: river has another method, half-space trees, 10 by default; they score no batches",
)

Table = npt.NDArray[Any]  # (rows, columns)
Scores = npt.NDArray[np.float64]
FitAndScore = Callable[[Table, int], Scores]  # of a set, with a seed; higher is more anomalous


class Side(NamedTuple):
    """What is timed of one: any may be missing."""

    one: Callable[[int], object] | None = None  # the score of the row with this number
    batch: Callable[[], object] | None = None  # of all rows
    fit: Callable[[], object] | None = None


def available(name: str) -> bool:
    """Whether a peer is installed."""
    return find_spec(MODULES[name]) is not None


def ours_side(rows: Table) -> Side:
    """Ours."""
    forest = IsolationForest.fit(rows, trees=TREES, sample=SAMPLE)
    return Side(
        lambda number: forest.score_one(rows[number]),
        lambda: forest.score(rows),
        lambda: IsolationForest.fit(rows, trees=TREES, sample=SAMPLE),
    )


def sklearn_forest(seed: int, jobs: int | None = None) -> Any:  # noqa: ANN401 - the peer's own
    """As ours."""
    ensemble: Any = import_module("sklearn.ensemble")
    return ensemble.IsolationForest(n_estimators=TREES, max_samples=SAMPLE, random_state=seed, n_jobs=jobs)


def sklearn_side(rows: Table) -> Side:
    """In one thread."""
    forest = sklearn_forest(0).fit(rows)
    return Side(
        lambda number: forest.score_samples(rows[number : number + 1]),
        lambda: forest.score_samples(rows),
        lambda: sklearn_forest(0).fit(rows),
    )


def sklearn_parallel_side(rows: Table) -> Side:
    """On all processors."""
    forest = sklearn_forest(0, -1).fit(rows)
    return Side(None, lambda: forest.score_samples(rows), lambda: sklearn_forest(0, -1).fit(rows))


def isotree_forest(seed: int, rows: int) -> Any:  # noqa: ANN401 - the peer's own
    """As ours; its trees count on from the seed, so that of seeds close together most would be the same."""
    isotree: Any = import_module("isotree")
    return isotree.IsolationForest(
        ntrees=TREES, sample_size=min(SAMPLE, rows), ndim=1, random_seed=seed * TREES + 1, nthreads=-1
    )


def isotree_side(rows: Table) -> Side:
    """On all processors."""
    table = rows.astype(np.float64)
    forest = isotree_forest(0, len(rows)).fit(table)
    return Side(
        lambda number: forest.predict(table[number : number + 1]),
        lambda: forest.predict(table),
        lambda: isotree_forest(0, len(rows)).fit(table),
    )


def river_side(rows: Table) -> Side:
    """Its half-space trees, which learn row by row; values are brought to 0 .. 1, as they want them."""
    anomaly: Any = import_module("river.anomaly")
    forest = anomaly.HalfSpaceTrees(seed=0)
    low, high = rows.min(axis=0), rows.max(axis=0)
    dicts = [dict(enumerate(row.tolist())) for row in (rows - low) / (high - low)]
    for row in dicts[:RIVER_LEARNS]:
        forest.learn_one(row)
    return Side(lambda number: forest.score_one(dicts[number]))


SIDES: Final[Mapping[str, Callable[[Table], Side]]] = {
    "sklearn": sklearn_side,
    "sklearn_parallel": sklearn_parallel_side,
    "isotree": isotree_side,
    "river": river_side,
}


def timed_calls(call: Callable[[int], object], count: int, rows: int) -> Figures:
    """p50 and p99 in microseconds of calls with one row each."""
    took = np.empty(count)
    for number in range(count):
        began = time.perf_counter_ns()
        call(number % rows)
        took[number] = time.perf_counter_ns() - began
    p50, p99 = np.percentile(took, [50, 99]) / 1000
    return {"p50_us": float(p50), "p99_us": float(p99)}


def timed_batch(batch: Callable[[], object], rows: int) -> Figures:
    """Rows a second."""
    began = time.perf_counter()
    batch()
    return {"rows_per_s": rows / (time.perf_counter() - began)}


def timed_fit(fit: Callable[[], object]) -> Figures:
    """Milliseconds."""
    began = time.perf_counter()
    fit()
    return {"ms": 1000 * (time.perf_counter() - began)}


def runs_of(name: str, side: Side, rows: int) -> dict[str, Callable[[], Figures]]:
    """What to time of a side, by the names of the figures."""
    calls = PEER_CALLS.get(name, OURS_CALLS)
    found: dict[str, Callable[[], Figures]] = {}
    if side.one is not None:
        found[f"{name}_row"] = partial(timed_calls, side.one, calls, rows)
    if side.batch is not None:
        found[f"{name}_batch"] = partial(timed_batch, side.batch, rows)
    if side.fit is not None:
        found[f"{name}_fit"] = partial(timed_fit, side.fit)
    return found


def speed(chosen: Namespace) -> dict[str, Figures]:
    """Every figure, ours as `ours_row` and so on: medians over interleaved rounds."""
    count = QUICK_ROWS if chosen.quick else ROWS
    generator = np.random.default_rng(0)
    mixed = generator.normal(size=(count, COLUMNS)) @ generator.normal(size=(COLUMNS, COLUMNS))
    rows = mixed.astype(np.float32)
    runs = runs_of("ours", ours_side(rows), count)
    for name, make in SIDES.items():
        if available(name.partition("_")[0]):
            runs |= runs_of(name, make(rows), count)
    times: dict[str, list[Figures]] = {name: [] for name in runs}
    for number in range(chosen.rounds + 1):  # the first one is to warm up
        progress(f"forest: round {number} of {chosen.rounds}", silent=chosen.json)
        for name, run in runs.items():
            figures = run()
            if number:
                times[name].append(figures)
    return {name: medians(rounds) for name, rounds in times.items()}


def fill_speed(report: Report, figures: Mapping[str, Figures]) -> None:
    """Figures, ratios and targets; each kind of figure has one that ratios are made of."""
    for name, found in figures.items():
        side, _, kind = name.rpartition("_")
        (report.ours if side == "ours" else report.peers)[kind if side == "ours" else name] = found
    for name, theirs in report.peers.items():
        kind = name.rpartition("_")[2]
        mine = report.ours[kind]
        if kind == "batch":
            report.ratios[name] = mine["rows_per_s"] / theirs["rows_per_s"]
        else:
            key = "p50_us" if kind == "row" else "ms"
            report.ratios[name] = theirs[key] / mine[key]
    report.checks["row_p99_us"] = target(report.ours["row"]["p99_us"], ROW_MOST_US, most=True)
    batches = [ratio for name, ratio in report.ratios.items() if name.endswith("_batch")]
    if batches:
        report.checks["batch_over_fastest"] = target(min(batches), BATCH_LEAST)
    if "sklearn_fit" in report.ratios:
        report.checks["fit_over_sklearn"] = target(report.ratios["sklearn_fit"], FIT_LEAST)


def ours_scores(rows: Table, seed: int) -> Scores:
    """Ours, grown on the rows that it scores, as is usual of these sets."""
    return IsolationForest.fit(rows, trees=TREES, sample=SAMPLE, seed=seed).score(rows)


def sklearn_scores(rows: Table, seed: int) -> Scores:
    """Likewise."""
    forest = sklearn_forest(seed).set_params(max_samples=min(SAMPLE, len(rows)))
    scores: Scores = -forest.fit(rows).score_samples(rows)
    return scores


def isotree_scores(rows: Table, seed: int) -> Scores:
    """Likewise."""
    table = np.asarray(rows, dtype=np.float64)
    return np.asarray(isotree_forest(seed, len(rows)).fit(table).predict(table))


SCORERS: Final[Mapping[str, FitAndScore]] = {
    "ours": ours_scores,
    "sklearn": sklearn_scores,
    "isotree": isotree_scores,
}


def bundled_sets() -> dict[str, tuple[Table, Table]]:
    """Sets that come with scikit-learn: one class is odd, a tenth as many of it as of all others."""
    datasets: Any = import_module("sklearn.datasets")
    found = {}
    for name, odd in (("breast_cancer", 0), ("wine", 2), ("digits", 4)):
        rows, labels = getattr(datasets, f"load_{name}")(return_X_y=True)
        others = np.flatnonzero(labels != odd)
        few = np.flatnonzero(labels == odd)[: len(others) // 10]
        kept = np.concatenate([others, few])
        found[name] = (rows[kept], labels[kept] == odd)
    return found


def sets_in(folder: Path) -> dict[str, tuple[Table, Table]]:
    """Every `.npz` of the folder with X (rows, columns) and y (rows), 1 where a row is an anomaly."""
    found = {}
    for path in sorted(folder.glob("*.npz")):
        with np.load(path) as file:
            rows, labels = file["X"], file["y"].ravel() != 0
        if rows.size <= CELLS_MAX and labels.any() and not labels.all():
            found[path.stem] = (rows, labels)
    return found


def quality(chosen: Namespace) -> dict[str, dict[str, list[float]]]:
    """ROC-AUC of every seed, by set and side."""
    roc_auc: Any = import_module("sklearn.metrics").roc_auc_score
    sets = sets_in(chosen.data) if chosen.data else bundled_sets()
    sides = {name: run for name, run in SCORERS.items() if name == "ours" or available(name)}
    seeds = chosen.seeds or (QUICK_SEEDS if chosen.quick else SEEDS)
    found = {}
    for number, (name, (rows, odd)) in enumerate(sets.items(), 1):
        progress(f"forest: ROC-AUC of set {number} of {len(sets)}, {name}", silent=chosen.json)
        found[name] = {
            side: [float(roc_auc(odd, scores(rows, seed))) for seed in range(seeds)]
            for side, scores in sides.items()
        }
    return found


def fill_quality(report: Report, found: Mapping[str, Mapping[str, Sequence[float]]]) -> None:
    """Means over seeds, and whether ours is below a peer's by more than chance."""
    means = {name: {side: float(np.mean(of)) for side, of in sides.items()} for name, sides in found.items()}
    sides = list(next(iter(means.values())))
    report.checks["auc"] = means
    report.checks["auc_mean"] = {side: float(np.mean([of[side] for of in means.values()])) for side in sides}
    for side in sides[1:]:
        apart = report.checks["auc_mean"]["ours"] - report.checks["auc_mean"][side]
        variances = [
            (np.var(of["ours"], ddof=1) + np.var(of[side], ddof=1)) / len(of[side]) for of in found.values()
        ]
        error = float(np.sqrt(np.sum(variances))) / len(found)
        report.checks[f"auc_over_{side}"] = target(apart, -ERRORS_MOST * error)
    seeds = len(next(iter(found.values()))["ours"])
    report.notes += [
        f"forest: ROC-AUC of {len(found)} sets, means over {seeds} seeds",
        f"forest: auc_over_.. is a difference of means; its least is {ERRORS_MOST:g} standard errors below 0",
    ]


def path_length_difference() -> float:
    """The largest one between our c(n) and scikit-learn's, up to the largest sample."""
    theirs: Any = import_module("sklearn.ensemble._iforest")
    sizes = [*range(1000), *np.unique(np.geomspace(1000, 32768, 500).astype(int)).tolist()]
    wanted = theirs._average_path_length(np.array(sizes))  # noqa: SLF001 - it has no other name
    assert all(one < other for one, other in pairwise(sizes))  # noqa: S101 - each size once
    return float(np.abs(np.array([path_length(size) for size in sizes]) - wanted).max())


def section(report: Report, chosen: Namespace) -> None:
    """Fill the forest's part of the report."""
    figures = speed(chosen)
    fill_speed(report, figures)
    if available("sklearn"):
        report.checks["path_length_max_difference"] = path_length_difference()
        fill_quality(report, quality(chosen))
    report.notes += [
        *NOTES,
        *(f"{name}: absent, it is not installed" for name in MODULES if not available(name)),
    ]
    if not chosen.json:
        for kind, heads in (("row", ("p50 us", "p99 us")), ("batch", ("rows/s",)), ("fit", ("ms",))):
            rows: list[list[str | float]] = [
                [name.rpartition("_")[0], *found.values()]
                for name, found in figures.items()
                if name.endswith(f"_{kind}")
            ]
            print_table(f"isolation forest: {kind}", ["", *heads], rows)
