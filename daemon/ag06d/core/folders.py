"""The folders that one daemon at a time may hold: that of its sockets, and that of its state."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from ag06d.errors import DaemonRunningError
from ag06d.paths import Sockets


class FolderLock:
    """What one daemon at a time may hold, by a file with its pid."""

    def __init__(self, path: Path, what: str, variable: str) -> None:
        """Lock `path`; raises DaemonRunningError naming who holds `what`, and the `variable` for another."""
        self._file = path.open("a+")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._file.seek(0)
            holder = self._file.read().strip() or "unknown"
            self._file.close()
            raise DaemonRunningError(
                f"a daemon with pid {holder} holds {what}; "
                f"stop it, or set {variable} to run another beside it"
            ) from error
        self._file.truncate(0)
        self._file.write(str(os.getpid()))
        self._file.flush()

    def release(self) -> None:
        """Let another daemon have it."""
        self._file.truncate(0)
        self._file.close()


def lock_state_folder(folder: Path) -> FolderLock | None:
    """Make the folder if need be and hold the state in it; raises DaemonRunningError naming who holds it.

    None where nothing can be written, so that no state is kept which two could write.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return FolderLock(folder / "state.lock", f"the state in {folder}", "AG06D_STATE_DIR")
    except OSError:
        return None


class SocketFolder:
    """The runtime folder, held by one daemon at a time."""

    def __init__(self, sockets: Sockets) -> None:
        """Make the folder if need be and lock it; raises DaemonRunningError naming who holds it."""
        sockets.folder.mkdir(parents=True, exist_ok=True, mode=0o750)
        if sockets.folder.stat().st_uid != os.getuid():
            raise DaemonRunningError(
                f"{sockets.folder} belongs to another user; set AG06D_RUNTIME_DIR to a folder of your own"
            )
        self._sockets = sockets
        self._lock = FolderLock(sockets.lock, f"the sockets in {sockets.folder}", "AG06D_RUNTIME_DIR")

        self._clear()

    def _clear(self) -> None:
        """Plugins' doors, that hosts which were killed have left behind: nobody answers there."""
        for door in self._sockets.doors():
            with suppress(OSError):
                door.unlink()

    def release(self) -> None:
        """Let another daemon have it; no host of ours is to run any more."""
        self._clear()
        self._lock.release()
