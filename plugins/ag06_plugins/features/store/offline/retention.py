"""Retention: rows go when their view keeps them no longer, or when the store is larger than it may be."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ag06_plugins.features.store import log
from ag06_plugins.features.store.offline import layout
from ag06_plugins.features.store.offline.layout import DAY_NS
from ag06_plugins.features.store.offline.sources import Sources
from ag06_plugins.features.store.registry import Registry


@dataclass(frozen=True, slots=True)
class Removed:
    """What was removed: files of a view's day, as many bytes, and why."""

    view: str
    day: str
    size: int
    reason: str

    def __str__(self) -> str:
        return f"{self.size} bytes of {self.view} of {self.day} were removed: {self.reason}"


def expire(sources: Sources, registry: Registry, now_ns: int) -> list[Removed]:
    """Remove the days that are older than their view's `retention_days`, each whole."""
    gone = []
    for key, folder in layout.views(sources.folder).items():
        view = registry.views.get(key)
        if view is None or view.retention_days is None:
            continue
        reason = f"it keeps {view.retention_days:g} days"
        for day in layout.days(folder):
            if now_ns - (day + 1) * DAY_NS > view.retention_days * DAY_NS:
                of_day = layout.of_day(folder, day)
                gone += [Removed(key, of_day.name, _remove(layout.files(of_day)), reason)]
    return [entry for entry in gone if entry.size]


def shrink(sources: Sources, max_bytes: int) -> list[Removed]:
    """Remove the oldest rows of the view with the most bytes, until all files have at most `max_bytes`.

    Days go whole; of the last one that a view has, the files go one by one.
    """
    held = {key: _held(folder) for key, folder in layout.views(sources.folder).items()}
    sizes = {key: sum(size for _, size, _ in files) for key, files in held.items()}
    gone = []
    while sum(sizes.values()) > max_bytes and any(sizes.values()):
        key = max(sizes, key=lambda key: sizes[key])
        files = held[key]
        first, last = files[0][0], files[-1][0]
        count = 1 if first == last else sum(day == first for day, _, _ in files)
        size = _remove([path for _, _, path in files[:count]])
        reason = f"the store has more than {max_bytes} bytes, and this view the most"
        gone.append(Removed(key, files[0][2].parent.name, size, reason))
        sizes[key] -= sum(size for _, size, _ in files[:count])
        held[key] = files[count:]
    return gone


def clean(sources: Sources) -> list[Path]:
    """Remove what writers that died left behind; returns what it was."""
    gone = layout.cleaned(sources.folder)
    for suffix in ("-wal", "-shm"):
        for path in sources.log_folder.glob(f"*{log.SUFFIX}{suffix}"):
            if not path.with_name(path.name.removesuffix(suffix)).exists():
                path.unlink(missing_ok=True)
                gone.append(path)
    return gone


def _held(folder: Path) -> list[tuple[int, int, Path]]:
    """Day, bytes and path of a view's files, oldest day first."""
    found = []
    for day in layout.days(folder):
        for path in layout.files(layout.of_day(folder, day)):
            try:
                found.append((day, path.stat().st_size, path))
            except FileNotFoundError:
                continue
    return found


def _remove(paths: list[Path]) -> int:
    size = 0
    for path in paths:
        try:
            size += path.stat().st_size
        except FileNotFoundError:
            continue
        layout.removed(path)
    return size
