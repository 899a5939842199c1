"""Which settings are secret, so that no output, log or message shows them."""

from __future__ import annotations

import re
from collections.abc import Collection
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


def without_secrets(
    value: Any,  # noqa: ANN401 - whatever TOML can carry
    at: KeyPath = (),
    secrets: Collection[KeyPath] = (),
) -> Any:  # noqa: ANN401 - likewise
    """`value`, which stands at `at`, with what is named like a secret, or is at one of `secrets`, masked."""
    if value is not None and (is_secret(at) or at in secrets):
        return masked(value)
    if isinstance(value, dict):
        return {key: without_secrets(part, (*at, str(key)), secrets) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [without_secrets(part, at, secrets) for part in value]
    return value


def masked(value: Any) -> Any:  # noqa: ANN401 - whatever TOML can carry
    """`value` with every leaf masked."""
    if isinstance(value, dict):
        return {key: masked(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [masked(part) for part in value]
    return MASK
