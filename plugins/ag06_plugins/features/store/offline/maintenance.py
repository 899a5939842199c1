"""Maintenance: what keeps a store in order, done by one process at a time beside any number of readers."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from ag06_plugins.features.store.offline import compaction, layout, retention, sealing
from ag06_plugins.features.store.offline.retention import Removed
from ag06_plugins.features.store.offline.sealing import Progress
from ag06_plugins.features.store.offline.store import Offline


@dataclass(slots=True)
class Done:
    """What a turn of maintenance did.

    sealed   segments of the log that are files now
    merged   files that went into others
    removed  rows that are kept no longer
    cleaned  what writers that died had left behind
    """

    sealed: int = 0
    merged: int = 0
    removed: list[Removed] = field(default_factory=list)
    cleaned: list[Path] = field(default_factory=list)


def maintain(
    offline: Offline,
    *,
    max_bytes: int | None = None,
    now_ns: int | None = None,
    progress: Progress | None = None,
) -> Done:
    """Clean up, let go what is too old or too much, seal, merge.

    max_bytes  that all files together may have
    progress   is told what is being done, and of how many steps how many are

    Whatever a kill interrupts, the next turn does again. Raises RequestError if another process does this
    already, and OSError when something cannot be written; nothing is lost by that, and the log grows.
    """
    now = time.time_ns() if now_ns is None else now_ns
    done = Done()
    with layout.maintaining(offline.folder):
        done.cleaned = retention.clean(offline.sources)
        done.removed = _freed(offline, max_bytes, now)  # first: a full disk may be what there is to mend
        done.sealed = sealing.seal(offline.sources, offline.registry, progress)
        done.merged = compaction.compact(offline.sources, now, progress)
        done.removed += _freed(offline, max_bytes, now)
    return done


def seal(offline: Offline, progress: Progress | None = None) -> int:
    """Only seal what is finished of the log; how many segments. Raises as `maintain` does."""
    with layout.maintaining(offline.folder):
        return sealing.seal(offline.sources, offline.registry, progress)


def compact(offline: Offline, progress: Progress | None = None, files: int = compaction.FILES) -> int:
    """Only merge files; how many went into others. Raises as `maintain` does."""
    with layout.maintaining(offline.folder):
        return compaction.compact(offline.sources, time.time_ns(), progress, files)


def give_back() -> None:
    """Let the system have the memory back that was only needed for what is done."""
    pa.default_memory_pool().release_unused()


def _freed(offline: Offline, max_bytes: int | None, now_ns: int) -> list[Removed]:
    gone = retention.expire(offline.sources, offline.registry, now_ns)
    if max_bytes is not None:
        gone += retention.shrink(offline.sources, max_bytes)
    return gone
