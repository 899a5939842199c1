"""How far something is that takes its time: a bar on a terminal, and nothing elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ag06d.cli.output import Output


@contextmanager
def progress(what: str, total: float) -> Iterator[Callable[[float], None]]:
    """Tell the function that is given how much of `total` is done."""
    from rich.console import Console  # noqa: PLC0415 - slow to import
    from rich.progress import Progress  # noqa: PLC0415 - likewise

    console = Console(stderr=True)
    silent = Output.as_json or not console.is_terminal
    with Progress(console=console, transient=True, disable=silent) as bar:
        task = bar.add_task(what, total=total)

        def tell(done: float) -> None:
            bar.update(task, completed=done)

        yield tell
