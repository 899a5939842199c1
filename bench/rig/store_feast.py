"""Feast with SQLite or Redis: the same 20 features of one entity, written and read as its users do."""

from __future__ import annotations

import logging
import socket
import subprocess
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from typing import Any, Final

import numpy as np

PATIENCE_S: Final = 10.0
PRESENT: Final = 1  # Feast's FieldStatus


class Feast:
    """A Feast repository in `folder` with an online store of its own."""

    def __init__(self, folder: Path, online: dict[str, Any], names: list[str]) -> None:
        folder.mkdir()
        warnings.filterwarnings("ignore")
        logging.disable(logging.WARNING)
        feast: Any = import_module("feast")
        types: Any = import_module("feast.types")
        value_type: Any = import_module("feast.value_type")
        self._pandas: Any = import_module("pandas")
        self.names = names
        self.references = [f"day:{name}" for name in names]
        self._store = feast.FeatureStore(
            config=feast.RepoConfig(
                project="bench",
                provider="local",
                registry=str(folder / "registry.db"),
                online_store=online,
                offline_store={"type": "dask"},
                entity_key_serialization_version=3,
            )
        )
        self._frame(0.0).to_parquet(folder / "day.parquet")
        entity = feast.Entity(name="stream", join_keys=["stream"], value_type=value_type.ValueType.STRING)
        source = feast.FileSource(path=str(folder / "day.parquet"), timestamp_field="event_timestamp")
        fields = [feast.Field(name=name, dtype=types.Float32) for name in names]
        view = feast.FeatureView(
            name="day", entities=[entity], ttl=timedelta(hours=1), schema=fields, source=source, online=True
        )
        self._store.apply([entity, view])

    def _frame(self, value: float, age_s: float = 0.0, stream: str = "dry") -> Any:  # noqa: ANN401 - a DataFrame
        moment = datetime.now(UTC) - timedelta(seconds=age_s)
        row = {"stream": [stream], "event_timestamp": [moment]}
        return self._pandas.DataFrame(row | {name: [np.float32(value)] for name in self.names})

    def write(self, value: float, age_s: float = 0.0, stream: str = "dry") -> None:
        """One row, each of its features `value`."""
        self._store.write_to_online_store("day", self._frame(value, age_s, stream))

    def read(self, stream: str = "dry") -> Any:  # noqa: ANN401 - its own response
        """The newest row."""
        return self._store.get_online_features(features=self.references, entity_rows=[{"stream": stream}])

    def newest_wins(self) -> bool:
        """Whether an older row that comes late leaves the newer one alone."""
        self.write(1.0, stream="late")
        self.write(2.0, age_s=1, stream="late")
        return bool(self.read("late").to_dict()[self.names[0]] == [1.0])

    def heeds_ttl(self) -> bool:
        """Whether a row that is older than the view's time to live is told as one."""
        self.write(1.0, age_s=3601, stream="old")
        return all(PRESENT not in result.statuses for result in self.read("old").proto.results[1:])


@contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    """Debian's redis-server on a port of its own on loopback; its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        give_up = time.monotonic() + PATIENCE_S
        while time.monotonic() < give_up:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.01)
        else:
            raise SystemExit("redis-server did not answer")
        yield f"127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def available(peer: str) -> bool:
    """Whether a peer is installed."""
    if peer == "feast_redis" and not (which("redis-server") and find_spec("redis")):
        return False
    return find_spec("feast") is not None
