"""Logging, alike in every process: to stderr, one line an event, the process named."""

from __future__ import annotations

import logging
import sys


def setup_logging(level: str, process: str) -> None:
    """Log to stderr from `level` on."""
    logging.basicConfig(
        level=level.upper(),
        stream=sys.stderr,
        format=f"%(asctime)s %(levelname)-7s {process}: %(message)s",
        datefmt="%H:%M:%S",
        force=True,
    )
