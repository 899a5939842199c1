"""The feature store beside Feast, SQLite, DuckDB and Polars: reads, durable writes, as-of lookups, bytes."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from bench.common import Report, machine_note, measure, options, print_table, scratch, target
from bench.rig.store_day import DAY_ROWS, Day, lookups
from bench.rig.store_feast import Feast, available, redis_server
from bench.rig.store_ours import (
    DRY,
    LIVE,
    NAMES,
    REFERENCES,
    Plain,
    daemon,
    heeds_ttl,
    lost_to_a_kill,
    newest_wins,
    opened,
    rows,
)
from bench.rig.store_size import size

from ag06d.paths import SHIPPED_RECORDING

EPILOG = """\
read_..      one entity's 20 features, newest values: microseconds, percentiles of all calls, then the median
             over interleaved rounds; read_bus is asked of a daemon at work, at the door of its plugin
rows_per_s   rows of 20 features, each written and acknowledged by itself; batch_.. a hundred at a time.
             Ours and plain SQLite survive the end of the process; Feast's is its write_to_online_store
lookups_s    1,000 as-of lookups in a day of 10 ms rows (a tenth of a day with --quick)

The ratios of reads are p95 by p95: peer / ours, and of writes ours / peer.
Needs: the `bench` dependency group, and redis-server (Debian) for feast_redis.
"""
READS, QUICK_READS = 2000, 300
WRITES, QUICK_WRITES = 4000, 1000
FEAST_WRITES = 60
BATCH = 100
IN_PROCESS_LEAST, BUS_LEAST, ROWS_LEAST, SHARE_MOST, ERROR_MOST = 50.0, 5.0, 20_000.0, 0.2, 0.5
KILLED_AFTER = 2000

Percentiles = Callable[[], tuple[float, float]]


def timed(call: Callable[[], object], count: int) -> tuple[float, float]:
    """p50 and p95 of so many calls, in microseconds."""
    took = []
    for _ in range(count):
        began = time.perf_counter_ns()
        call()
        took.append(time.perf_counter_ns() - began)
    p50, p95 = np.percentile(took, [50, 95]) / 1000
    return float(p50), float(p95)


def per_second(call: Callable[[], object], count: int, each: int = 1) -> Callable[[], float]:
    """Rows a second of so many calls that write `each`."""

    def run() -> float:
        began = time.perf_counter()
        for _ in range(count):
            call()
        return count * each / (time.perf_counter() - began)

    return run


def reads(
    report: Report, calls: dict[str, Callable[[], object]], rounds: int, count: int, *, quiet: bool
) -> None:
    """Read in turns, and report."""
    seen: dict[str, list[tuple[float, float]]] = {name: [] for name in calls}

    def run(name: str) -> Callable[[], float]:
        def once() -> float:
            seen[name].append(timed(calls[name], count))
            return seen[name][-1][1]

        return once

    measure({name: run(name) for name in calls}, rounds, quiet=quiet)
    for name, entries in seen.items():
        p50, p95 = np.median(np.array(entries[1:]), axis=0)
        side = report.ours if name in ("in_process", "bus") else report.peers.setdefault(name, {})
        prefix = f"read_{name}_" if side is report.ours else "read_"
        side |= {f"{prefix}p50_us": float(p50), f"{prefix}p95_us": float(p95)}
    for name in report.peers.keys() & calls.keys():
        theirs = report.peers[name]["read_p95_us"]
        for way, least in (("in_process", IN_PROCESS_LEAST), ("bus", BUS_LEAST)):
            ratio = theirs / report.ours[f"read_{way}_p95_us"]
            report.ratios[f"{name}_read_{way}"] = ratio
            report.checks[f"{name}_read_{way}"] = target(ratio, least)


def writes(report: Report, runs: dict[str, Callable[[], float]], rounds: int, *, quiet: bool) -> None:
    """Write in turns, and report."""
    rates = measure(runs, rounds, quiet=quiet)
    report.ours |= {"rows_per_s": rates.pop("ours"), "batch_rows_per_s": rates.pop("ours_batch")}
    report.checks["rows_per_s"] = target(report.ours["rows_per_s"], ROWS_LEAST)
    for name, rate in rates.items():
        report.peers.setdefault(name, {})["rows_per_s"] = rate
        report.ratios[f"{name}_write"] = report.ours["rows_per_s"] / rate


def main() -> None:
    """Run all of it."""
    chosen = options(__doc__, EPILOG)
    report = Report("store")
    quick, quiet = chosen.quick, chosen.json
    with scratch() as folder, ExitStack() as stack:
        store = opened(folder / "ours")
        store.push("day", "dry", rows(1))
        feasts: dict[str, Feast] = {}
        if available("feast_sqlite"):
            online = {"type": "sqlite", "path": str(folder / "feast_sqlite.db")}
            feasts["feast_sqlite"] = Feast(folder / "feast_sqlite", online, NAMES)
        if available("feast_redis"):
            address = stack.enter_context(redis_server(folder))
            online = {"type": "redis", "connection_string": address}
            feasts["feast_redis"] = Feast(folder / "feast_redis", online, NAMES)
        report.checks["newest wins"] = newest_wins(store)
        report.checks["heeds ttl"] = heeds_ttl(store)
        for name, feast in feasts.items():
            report.checks[f"{name} newest wins"] = feast.newest_wins()
            report.checks[f"{name} heeds ttl"] = feast.heeds_ttl()
            feast.write(1.0)
        plain = Plain(folder / "plain.sqlite")
        count = QUICK_WRITES if quick else WRITES
        runs = {
            "ours": per_second(lambda: store.push("day", "dry", rows(1)), count),
            "ours_batch": per_second(
                lambda: store.push("day", "dry", rows(BATCH), time.time_ns() + np.arange(BATCH)),
                count // 10,
                BATCH,
            ),
            "sqlite": per_second(plain.write, count),
        }
        for name, feast in feasts.items():
            runs[name] = per_second(lambda feast=feast: feast.write(1.0), FEAST_WRITES)  # type: ignore[misc]
        writes(report, runs, chosen.rounds, quiet=quiet)
        report.checks["lost_rows"] = lost_to_a_kill(folder / "killed", KILLED_AFTER)
        (folder / "daemon").mkdir()
        client = stack.enter_context(daemon(folder / "daemon"))
        door = client.door("features")
        calls: dict[str, Callable[[], object]] = {
            "in_process": lambda: store.get_online_features(REFERENCES, DRY),
            "bus": lambda: door.request("features.get", {"features": LIVE}),
            **{name: feast.read for name, feast in feasts.items()},
        }
        reads(report, calls, chosen.rounds, QUICK_READS if quick else READS, quiet=quiet)
        stack.close()
        share, error = size(folder / "size", SHIPPED_RECORDING, 2 if quick else 20)
        report.checks["size_of_float64"] = target(share, SHARE_MOST, most=True)
        report.checks["error_in_steps"] = target(error, ERROR_MOST, most=True)
        report.notes.append(
            f"lookups in {DAY_ROWS // (10 if quick else 1)} rows; read_bus: 20 others of a daemon"
        )
        lookups(Day(folder / "day", DAY_ROWS // (10 if quick else 1)), chosen.rounds, report, quiet=quiet)
    absent = [name for name in ("feast_sqlite", "feast_redis") if not available(name)]
    report.notes += [f"{name}: absent, it is not installed" for name in absent]
    report.notes += [machine_note()]
    if not quiet:
        sides = {"ours": report.ours, **report.peers}
        lines = [
            [f"{side} {name}", figure] for side, figures in sides.items() for name, figure in figures.items()
        ]
        print_table("figures", ["", ""], lines)
    report.finish(json_only=quiet)


if __name__ == "__main__":
    main()
