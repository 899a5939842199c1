"""Which views a table lists, and which it tells together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ag06_plugins.features import shipped
from ag06_plugins.features.settings import StoreConfig


def parted(views: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """`views`, by NAME@VERSION: those that are listed, and the shipped statistics, which are many."""
    many = {
        f"{part.view.name}_{window_s}s"
        for part in shipped.parts(StoreConfig())
        for window_s in shipped.WINDOWS_S
    }
    listed = {key: view for key, view in views.items() if key.partition("@")[0] not in many}
    return listed, {key: view for key, view in views.items() if key not in listed}
