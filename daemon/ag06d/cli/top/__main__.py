"""Started by `ag06d run --view` beside the daemon: waits for it, and shows it until it ends."""

from __future__ import annotations

import os
import signal
import sys
import time

from ag06d._native import lib
from ag06d.cli.top.view import DRAW_S, view
from ag06d.client import Client
from ag06d.errors import Ag06Error, DeadlineError, NoDaemonError


def main() -> int:
    """Show the daemon whose process id is the argument; who quits the view stops the daemon."""
    daemon = int(sys.argv[1])
    if not lib.ag06_die_with_parent(daemon):
        return 1
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the daemon's, and it ends us
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    while True:
        try:
            with Client() as client:
                view(client)
            os.kill(daemon, signal.SIGINT)
            signal.pause()
        except (NoDaemonError, DeadlineError):
            time.sleep(DRAW_S)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            return 1
        except Ag06Error as error:
            print(f"ag06d: view: {error}", file=sys.stderr)  # noqa: T201 - a program's last word
            return 1


if __name__ == "__main__":
    sys.exit(main())
