"""Opening the past of a store with all that was declared there, for any process that reads."""

from __future__ import annotations

from pathlib import Path

from ag06_plugins.features.store.database import load_declared
from ag06_plugins.features.store.offline.sources import Report
from ag06_plugins.features.store.offline.store import Offline
from ag06_plugins.features.store.ondemand import Expressions


def open_offline(folder: Path, report: Report | None = None) -> Offline:
    """The rows of the store in `folder`, whoever writes it, with its views, services and on-demand features.

    Raises sqlite3.Error for a store whose declarations cannot be read; of no store it is empty.
    """
    return Offline(folder, load_declared(folder), on_demand=Expressions(), report=report)
