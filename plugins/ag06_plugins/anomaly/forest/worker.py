"""The worker of a refit: `python -m ag06_plugins.anomaly.forest.worker WINDOW MEMORY_MB DESCRIPTOR`.

It is asked once, answers once, and ends, by which its memory is given back; it also ends when the other end
of its pipe is closed.
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ag06_plugins.anomaly.forest.refit import refit
from ag06_plugins.anomaly.forest.window import snapshot
from ag06_plugins.workers.channel import Note, receive, send
from ag06_plugins.workers.process import serve

if TYPE_CHECKING:
    from collections.abc import Mapping

    Pipe = Connection[Any, Any]


def answer(window: int, asked: Mapping[str, Any]) -> dict[str, Any]:
    """What was done, or `trouble`: why it was not."""
    try:
        rows = snapshot(window, len(asked["columns"]), int(asked["capacity"]))
        return asdict(refit(rows, asked["columns"], Path(asked["path"]), seed=int(asked["seed"])))
    except MemoryError:
        return {"trouble": "a refit takes more memory than it may have"}
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told and not only logged
        return {"trouble": str(error)}


def main(window: str, memory_mb: str, descriptor: str) -> int:
    """Run by the plugin."""

    def work(pipe: Pipe) -> None:
        send(pipe, Note(answer(int(window), receive(pipe).body)))

    return serve("anomaly forest", descriptor, work, idle=True, memory_mb=int(memory_mb))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
