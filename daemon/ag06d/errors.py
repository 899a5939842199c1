"""The one exception tree. A message says what was wrong, where, and what would be right."""

from __future__ import annotations


class Ag06Error(Exception):
    """Base of everything that this package raises on purpose."""


class ConfigError(Ag06Error):
    """The configuration is wrong; `problems` lists every error found, one line each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class ArenaError(Ag06Error):
    """A shared memory is not an arena that this version can read."""


class DeviceError(Ag06Error):
    """The audio device cannot be used as asked; asking again in the same way is of no use."""


class DeviceAbsentError(DeviceError):
    """The audio device is not there (yet)."""


class RecordingError(Ag06Error):
    """A recording cannot be read or written."""


class ForestError(Ag06Error):
    """A saved isolation forest cannot be read or written; the message names the file."""


class PlotError(Ag06Error):
    """A figure cannot be drawn: something it needs is missing, or its file cannot be written."""


class PresetError(Ag06Error):
    """A preset file is wrong; the message names the file and every error in it."""


class DaemonRunningError(Ag06Error):
    """Another daemon holds the sockets."""


class NoDaemonError(Ag06Error):
    """No daemon answers at the sockets."""


class RefusedError(Ag06Error):
    """A plugin cannot run in this environment; raise it from `ag06_check` with the reason."""


class RequestError(Ag06Error):
    """A request that the daemon answers with an error.

    `code` is one of ``ag06d.wire.ERROR_CODES``; `hint` says what would be right.
    """

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class DeadlineError(RequestError):
    """A request that was not answered within its deadline.

    `answered`: the daemon itself said so; otherwise it has not said anything in time.
    """

    def __init__(self, message: str, hint: str = "", *, answered: bool = True) -> None:
        super().__init__("deadline", message, hint)
        self.answered = answered
