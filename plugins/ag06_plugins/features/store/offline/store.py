"""The offline half of a feature store, as a library: any process may read, and one at a time maintains."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ag06_plugins.features.store.offline import export, layout
from ag06_plugins.features.store.offline.asof import asked, newest
from ag06_plugins.features.store.offline.files import writing
from ag06_plugins.features.store.offline.history import History, Joined, OnDemand
from ag06_plugins.features.store.offline.layout import DAY_NS
from ag06_plugins.features.store.offline.precision import as_stored
from ag06_plugins.features.store.offline.reading import listed, pieces
from ag06_plugins.features.store.offline.rows import Rows, Times, by_time, merged
from ag06_plugins.features.store.offline.sources import FIRST_NS, LAST_NS, Report, Sources, Wanted
from ag06_plugins.features.store.registry import Registry
from ag06d.plugin import FeatureView, RequestError

Moment = int | None


class Offline:
    """Rows of all views that were ever accepted: those that the log still has, and those in Parquet.

    folder     of the store; the log's segments are in `log`, the files in `offline`
    registry   which views there are
    on_demand  how the views are computed that nobody stores
    report     is told of what is spoiled

    Any process may read while others write and one maintains. Several threads may use one of these.
    """

    def __init__(
        self,
        folder: Path,
        registry: Registry,
        *,
        on_demand: OnDemand | None = None,
        report: Report | None = None,
    ) -> None:
        self.registry = registry
        self.folder = folder / "offline"
        self.sources = Sources(self.folder, folder / "log")
        if report is not None:
            self.sources.report = report
        self.history = History(self.sources, registry, on_demand)

    def read(
        self,
        view: str,
        columns: Sequence[str] | None = None,
        entity: str | None = None,
        start_ns: Moment = None,
        end_ns: Moment = None,
    ) -> Rows:
        """All rows from `start_ns` to before `end_ns`, by time and then entity, each once.

        view     NAME or NAME@VERSION; without a version the newest
        columns  of its columns, in this order; without, all
        entity   whose; without, everybody's

        Raises RequestError for what there is not, OSError for what cannot be read.
        """
        of, indices = self._chosen(view, columns)
        parts = list(self.pieces(view, columns, entity, start_ns, end_ns))
        return by_time(merged([Rows.none(of, len(indices)), *parts]))

    def pieces(
        self,
        view: str,
        columns: Sequence[str] | None = None,
        entity: str | None = None,
        start_ns: Moment = None,
        end_ns: Moment = None,
    ) -> Iterator[Rows]:
        """The same as `read`, in pieces of some megabytes one after the other."""
        of, indices = self._chosen(view, columns)
        start, end = _range(start_ns, end_ns)
        entities = None if entity is None else frozenset([entity])
        return pieces(self.sources, Wanted(of, indices, entities, start, end))

    def entities(self, view: str, start_ns: Moment = None, end_ns: Moment = None) -> list[str]:
        """Whose rows there are in a range of time."""
        return sorted(listed(self.sources, Wanted(self._stored(view), (), None, *_range(start_ns, end_ns))))

    def get_historical_features(
        self,
        entity_rows: object,
        features: Sequence[str] | str,
        *,
        full_names: bool = False,
        as_known: bool = False,
    ) -> Joined:
        """Features as they were at the moments of `entity_rows`; see `History.join`."""
        return self.history.join(entity_rows, features, full_names=full_names, as_known=as_known)

    def materialize(self, view: str, start_ns: Moment = None, end_ns: Moment = None) -> Rows:
        """The newest row of each entity from `start_ns` to before `end_ns`, by entity."""
        of = self._stored(view)
        start, end = _range(start_ns, end_ns)
        names = self.entities(view, start, end)
        what = asked(of, names, np.full(len(names), end - 1, dtype=np.int64), known=False)
        what = what._replace(floors=np.full(len(names), start, dtype=np.int64))
        found = newest(self.sources, of, range(len(of.columns)), what)
        codes = np.flatnonzero(found.there)
        return Rows(tuple(names), codes, found.times_ns[codes], found.created_ns[codes], found.values[codes])

    def add(
        self,
        view: str,
        entity: str,
        times_ns: Times,
        rows: npt.ArrayLike,
        created_ns: int | None = None,
    ) -> list[Path]:
        """Write rows past the log, such as those of a recording; returns the files.

        times_ns    int64 (n,): when each was true
        rows        (n, columns)
        created_ns  when they are accepted: now, if it is not given

        The same moments of the same entity with the same `created_ns`, or again without, are written to the
        same files. All are on the disk when this returns. Raises RequestError for rows of another shape,
        OSError when they cannot be written.
        """
        of = self._stored(view)
        values = np.asarray(rows, dtype=of.dtype)
        times = np.asarray(times_ns, dtype=np.int64)
        if values.shape != (len(times), len(of.columns)):
            raise RequestError(
                "bad_request",
                f"{len(times)} moments and rows of shape {list(values.shape)}",
                f"{of.key} has rows of shape [{len(times)}, {len(of.columns)}]",
            )
        created = np.full(len(times), time.time_ns() if created_ns is None else created_ns, dtype=np.int64)
        stored = as_stored(of, values, range(len(of.columns)))
        every = merged([Rows((entity,), np.zeros(len(times), dtype=np.int64), times, created, stored)])
        written = []
        for day in np.unique(every.times_ns // DAY_NS).tolist():
            part = every.between(day * DAY_NS, (day + 1) * DAY_NS)
            digest = hashlib.sha256(
                f"{entity}\0{created_ns}\0".encode() + part.times_ns.tobytes()
            ).hexdigest()[:24]
            path = layout.of_day(layout.of_view(self.folder, of), day) / f"a{digest}{layout.SUFFIX}"
            with writing(path, of) as writer:
                writer.add(part)
            written.append(path)
        return written

    def export(  # noqa: PLR0913 - all but three may be left out
        self,
        what: str,
        path: Path,
        *,
        start_ns: Moment = None,
        end_ns: Moment = None,
        entities: Mapping[str, str] | None = None,
        every_ns: int | None = None,
        form: export.Form | None = None,
        progress: export.Progress | None = None,
    ) -> int:
        """Write a range of time of a view or a service to a file; how many rows it has.

        what      a view, or a service: its features as they were at the times of its first view's rows
        entities  such as {"stream": "dry"}; of a view without: everybody's, of a service: its own
        every_ns  of a service: the moments are this far apart instead
        form      `parquet`, `arrow` or `csv`; without, what the file's name ends with
        progress  is told the moment up to which it is done, the range's beginning and its end

        The file is whole or not there. Raises RequestError and OSError.
        """
        asking = export.Asking(what, *_range(start_ns, end_ns), entities, every_ns)
        return export.export(self.history, asking, path, form, progress)

    def sizes(self) -> dict[str, int]:
        """Bytes of the files of each view, by NAME@VERSION."""
        found = {}
        for key, folder in layout.views(self.folder).items():
            paths = [path for day in layout.days(folder) for path in layout.files(layout.of_day(folder, day))]
            found[key] = sum(path.stat().st_size for path in paths if path.exists())
        return found

    def _stored(self, view: str) -> FeatureView:
        found = self.registry.view(view)
        if found.source == "on_demand":
            raise RequestError("bad_request", f"{found.key} is not stored", "it is computed when it is read")
        return found

    def _chosen(self, view: str, columns: Sequence[str] | None) -> tuple[FeatureView, tuple[int, ...]]:
        of = self._stored(view)
        if columns is None:
            return of, tuple(range(len(of.columns)))
        selected = self.registry.select([f"{of.key}:{column}" for column in columns])
        return of, tuple(index for _, _, indices in selected for index in indices)


def _range(start_ns: Moment, end_ns: Moment) -> tuple[int, int]:
    return FIRST_NS if start_ns is None else start_ns, LAST_NS if end_ns is None else end_ns
