"""The daemon in the foreground, and the live view beside it: a client in a process of its own."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys

from ag06d import paths
from ag06d.core.app import Daemon
from ag06d.core.config import Config
from ag06d.core.reload import Reread

VIEW_ENDS_S = 10.0  # that it has for its last words to the terminal

log = logging.getLogger(__name__)


async def run_daemon(config: Config, duration_s: float | None, reread: Reread, *, view: bool) -> None:
    """Run until stopped; the view, if wanted, shares our terminal and ends with us."""
    sockets = paths.sockets()
    daemon = Daemon(config, sockets, paths.state_folder(), reread=reread)
    viewer = None
    if view:
        log_file = paths.state_folder() / "ag06d.log"
        if sys.stdout.isatty():
            log_file.parent.mkdir(parents=True, exist_ok=True)
            with log_file.open("ab") as log_output:  # the terminal is the view's
                os.dup2(log_output.fileno(), 2)
        viewer = subprocess.Popen(  # noqa: ASYNC220 - before anything runs
            [sys.executable, "-m", "ag06d.cli.top", str(os.getpid())],
            env=os.environ | {"AG06D_RUNTIME_DIR": str(sockets.folder)},
            stdin=None if sys.stdin is not None and sys.stdin.isatty() else subprocess.DEVNULL,
        )
    try:
        await daemon.run(duration_s)
    finally:
        if viewer is not None:
            await asyncio.to_thread(end, viewer)


def end(viewer: subprocess.Popen[bytes]) -> None:
    """Have the view give the terminal back; one whose terminal nobody reads may not be able to."""
    viewer.terminate()
    try:
        viewer.wait(VIEW_ENDS_S)
    except subprocess.TimeoutExpired:
        viewer.kill()
        viewer.wait()
