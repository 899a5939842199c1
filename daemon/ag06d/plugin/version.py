"""The version of the plugin API, which plugins it serves, and how it tells of what will go.

A minor version adds; a plugin says with `AG06_API = "1.0"` for which version it was written. What is to
go is deprecated first, and works, with a warning, at least until the minor version after the next.
"""

from __future__ import annotations

import re
from typing import Final

from ag06d.errors import RefusedError

Version = tuple[int, int]

API: Final[Version] = (1, 2)
OLDEST: Final[Version] = (1, 0)  # plugins written for an older one are refused: what they used is gone
ATTRIBUTE: Final = "AG06_API"

_FORM = re.compile(r"([0-9]{1,4})\.([0-9]{1,4})")


def dotted(version: Version) -> str:
    """As a plugin writes it."""
    return f"{version[0]}.{version[1]}"


class DeprecatedApiWarning(FutureWarning):
    """Something of the API that a plugin uses will go: deprecated `since`, `instead` says what to use."""

    def __init__(self, what: str, since: Version, instead: str) -> None:
        self.since = since
        self.kept_until: Version = (since[0], since[1] + 2)  # a whole minor version lies between
        super().__init__(
            f"{what} is deprecated since plugin API {dotted(since)} and stays at least until "
            f"{dotted(self.kept_until)}; use {instead}"
        )


def check_api(plugin: object) -> str:
    """The API version that `plugin` was written for (default: the first); raises RefusedError."""
    stated = getattr(plugin, ATTRIBUTE, "1.0")
    match = _FORM.fullmatch(stated) if isinstance(stated, str) else None
    if match is None:
        raise RefusedError(f'{ATTRIBUTE} is {stated!r}; it is a string such as "{dotted(API)}"')
    version = (int(match[1]), int(match[2]))
    if version > API:
        raise RefusedError(
            f"it was written for plugin API {stated}, and this ag06d has {dotted(API)}; update ag06d"
        )
    if version < OLDEST:
        raise RefusedError(
            f"it was written for plugin API {stated}, and this ag06d serves {dotted(OLDEST)} to "
            f"{dotted(API)}; update the plugin"
        )
    return dotted(version)
