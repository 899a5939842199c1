"""Which settings are secret, so that no output, log or message shows them."""

from __future__ import annotations

import re
from typing import Any

from ag06d.core.config.models import KeyPath

MASK = "**********"  # as pydantic prints a SecretStr
_SECRET = re.compile(
    r"(^|[_-])(passwd|passphrase|(password|token|secret|credential|key)s?)([_-]|$)", re.IGNORECASE
)
_NAMED_BY_USERS = ("hosts", "plugins")


def is_secret(path: KeyPath) -> bool:
    """Whether the setting at `path` is named like a secret: `token`, `api_key`, `db_password`."""
    names = path[2:] if path and path[0] in _NAMED_BY_USERS else path
    return any(_SECRET.search(name) for name in names)


def masked(value: Any) -> Any:  # noqa: ANN401 - whatever TOML can carry
    """`value` with every leaf masked."""
    if isinstance(value, dict):
        return {key: masked(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [masked(part) for part in value]
    return MASK
