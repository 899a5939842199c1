"""A day of 10 ms rows, looked up at random moments: our sealed store beside DuckDB and Polars.

Each way begins with new handles: our sealed and merged file; the same rows in files that DuckDB and Polars
like, Snappy and plain values, and in our own. `duckdb_keys` joins the times first and fetches the values
after; `polars_alone` knows that there is one entity and that the times are in order.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from bench.common import Report, measure, target

from ag06_plugins.features.store.offline import Offline, compact
from ag06_plugins.features.store.registry import Registry
from ag06d.plugin import Entity, FeatureField, FeatureView

STEP_NS = 10_000_000
BEGIN_NS = 1_700_006_400_000_000_000
DAY_ROWS = 8_640_000
LOOKUPS = 1_000
FEATURES = 20
Array = npt.NDArray[Any]


def registered(view: FeatureView) -> Registry:
    """A registry of one view of streams."""
    registry = Registry()
    problems = registry.apply([view], [], [Entity(name="stream")])
    if problems:
        raise SystemExit(problems[0])
    return registry


class Day:
    """A day of rows of one entity, in our store and in files for the others."""

    def __init__(self, folder: Path, rows: int) -> None:
        self.folder, self.rows = folder, rows
        self.names = [f"f{number:02}" for number in range(FEATURES)]
        view = FeatureView(
            name="day",
            entity="stream",
            fields=tuple(FeatureField(name=name, precision=1 / 64) for name in self.names),
        )
        self.registry = registered(view)
        values = self._values()
        times = BEGIN_NS + np.arange(rows, dtype=np.int64) * STEP_NS
        offline = Offline(folder, self.registry)
        started = time.perf_counter()
        for start in range(0, rows, rows // 48):
            part = slice(start, start + rows // 48)
            offline.add("day", "dry", times[part], values[part], created_ns=int(times[part][-1]))
        self.add_s = time.perf_counter() - started
        started = time.perf_counter()
        compact(offline)
        self.compact_s = time.perf_counter() - started
        (self.ours,) = offline.folder.rglob("*.parquet")
        table = pa.table(
            {
                "entity": pa.array(["dry"] * rows),
                "event_time": pa.array(times).cast(pa.timestamp("ns", "UTC")),
                **{name: pa.array(values[:, number]) for number, name in enumerate(self.names)},
            }
        )
        self.plain = folder / "plain.parquet"
        pq.write_table(table, self.plain)
        moments = np.random.default_rng(2).integers(0, rows * STEP_NS, LOOKUPS) + BEGIN_NS
        self.asked = pa.table(
            {"entity": ["dry"] * LOOKUPS, "event_time": pa.array(moments).cast(pa.timestamp("ns", "UTC"))}
        )

    def _values(self) -> Array:
        noise = np.random.default_rng(1)
        values = np.empty((self.rows, FEATURES), dtype=np.float32)
        for column in range(FEATURES):
            slow = np.repeat(noise.standard_normal(self.rows // 10).cumsum() * 0.1, 10)
            exact = slow + noise.standard_normal(self.rows) * 0.3
            values[:, column] = np.rint(exact * 64) / 64
        return values

    def store(self) -> pa.Table:
        """Our way, of a store that was just opened."""
        rows = self.asked.rename_columns(["stream", "event_time"])
        return Offline(self.folder, self.registry).get_historical_features(rows, ["day"]).to_arrow()

    def duckdb(self, path: Path) -> pa.Table:
        """One ASOF join."""
        columns = ", ".join(f"r.{name}" for name in self.names)
        return self._query(
            f"SELECT a.event_time AS at, {columns} FROM asked a ASOF LEFT JOIN '{path}' r "  # noqa: S608
            "ON a.entity = r.entity AND a.event_time >= r.event_time"
        )

    def duckdb_keys(self, path: Path) -> pa.Table:
        """An ASOF join of the times, and the values of those."""
        columns = ", ".join(f"r.{name}" for name in self.names)
        return self._query(
            "WITH k AS (SELECT a.event_time AS at, r.event_time FROM asked a "  # noqa: S608
            f"ASOF LEFT JOIN (SELECT entity, event_time FROM '{path}') r "
            "ON a.entity = r.entity AND a.event_time >= r.event_time) "
            f"SELECT k.at, {columns} FROM k LEFT JOIN '{path}' r ON k.event_time = r.event_time"
        )

    def _query(self, text: str) -> pa.Table:
        duckdb: Any = import_module("duckdb")
        with duckdb.connect() as connection:
            connection.register("asked", self.asked)
            found: pa.Table = connection.sql(text).to_arrow_table()
        return found

    def polars(self, path: Path, by: str | None = "entity") -> pa.Table:
        """`join_asof`, lazily, so that it reads what it needs."""
        pl: Any = import_module("polars")
        left = pl.from_arrow(self.asked)
        keys = ["event_time"] if by is None else [by, "event_time"]
        right = pl.scan_parquet(path).select(*keys, *self.names).set_sorted("event_time")
        joined = (
            left.lazy().sort("event_time").join_asof(right, on="event_time", by=by, check_sortedness=False)
        )
        found: pa.Table = joined.collect().to_arrow()
        return found


def lookups(day: Day, rounds: int, report: Report, *, quiet: bool) -> None:
    """Measure, compare the answers, and report."""
    ways: dict[str, Callable[[], pa.Table]] = {"store": day.store}
    if find_spec("duckdb"):
        ways["duckdb"] = lambda: day.duckdb(day.plain)
        ways["duckdb_keys"] = lambda: day.duckdb_keys(day.plain)
        ways["duckdb_keys_ours"] = lambda: day.duckdb_keys(day.ours)
    if find_spec("polars"):
        ways["polars"] = lambda: day.polars(day.plain)
        ways["polars_alone"] = lambda: day.polars(day.plain, by=None)
    order = np.argsort(day.asked["event_time"].to_numpy())
    right = day.store().select(day.names).take(order)
    for name, way in ways.items():
        found = way()
        times = next(column for column in ("at", "event_time") if column in found.column_names)
        found = found.sort_by(times).select(day.names)
        report.checks[f"{name} answers alike"] = all(
            np.array_equal(found[column].to_numpy(), right[column].to_numpy()) for column in day.names
        )
    seconds = measure({name: lambda way=way: timed(way) for name, way in ways.items()}, rounds, quiet=quiet)  # type: ignore[misc]
    ours = seconds.pop("store")
    report.ours["lookups_s"] = ours
    for peer in ("duckdb", "polars"):
        if figures := {name: figure for name, figure in seconds.items() if name.startswith(peer)}:
            report.peers[peer] = {f"{name}_lookups_s": figure for name, figure in figures.items()}
            report.ratios[f"{peer}_lookups"] = min(figures.values()) / ours
            report.checks[f"lookups, times of {peer}"] = target(ours / min(figures.values()), 2, most=True)
    report.ours |= {
        "add_day_s": day.add_s,
        "merge_day_s": day.compact_s,
        "day_bytes": day.ours.stat().st_size,
    }


def timed(way: Callable[[], object]) -> float:
    """Seconds that it takes."""
    started = time.perf_counter()
    way()
    return time.perf_counter() - started
