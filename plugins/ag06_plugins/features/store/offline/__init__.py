"""The offline half of the store: rows of any age in Parquet, joins that never look ahead; needs pyarrow."""

from ag06_plugins.features.store.offline.history import Joined, OnDemand
from ag06_plugins.features.store.offline.maintenance import Done, compact, give_back, maintain, seal
from ag06_plugins.features.store.offline.opening import open_offline
from ag06_plugins.features.store.offline.retention import Removed
from ag06_plugins.features.store.offline.rows import Rows
from ag06_plugins.features.store.offline.store import Offline

__all__ = [
    "Done",
    "Joined",
    "Offline",
    "OnDemand",
    "Removed",
    "Rows",
    "compact",
    "give_back",
    "maintain",
    "open_offline",
    "seal",
]
