"""The feature store on the disk of this machine, read and added to without a daemon."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from ag06_plugins.features import shipped
from ag06_plugins.features.settings import StoreConfig
from ag06_plugins.features.store.database import load_declared
from ag06_plugins.features.store.registry import Registry
from ag06d.cli.output import EXIT_REFUSED, fail
from ag06d.errors import Ag06Error, RequestError
from ag06d.paths import state_folder

if TYPE_CHECKING:
    from ag06_plugins.features.store.offline import Offline

PLUGIN: Final = ("plugins", "features", "store")

Store = Annotated[
    Path | None,
    typer.Option(
        "--store",
        metavar="FOLDER",
        help="The store's folder; default: the daemon's, in the state folder.",
        show_default=False,
    ),
]


def folder_of(store: Path | None) -> Path:
    """The one that was named, or the daemon's."""
    return state_folder().joinpath(*PLUGIN) if store is None else store


def registry_of(folder: Path) -> Registry:
    """What was declared in a store, and besides what comes with the plugin; raises sqlite3.Error."""
    registry = load_declared(folder) if folder.exists() else Registry()
    config = StoreConfig()
    hops = [part.view for part in shipped.parts(config)]
    statistics = [shipped.statistics(view, s, config) for view in hops for s in shipped.WINDOWS_S]
    views = [*hops, shipped.reduction(config), *statistics]
    registry.entities.setdefault(shipped.STREAM.name, shipped.STREAM)
    registry.apply([view for view in views if view.key not in registry.views])
    registry.apply((), [one for one in shipped.SERVICES if one.name not in registry.services])
    return registry


@contextmanager
def telling() -> Iterator[None]:
    """What goes wrong below becomes a message and an exit status."""
    try:
        yield
    except RequestError as error:
        fail(error.message, EXIT_REFUSED, code=error.code, hint=error.hint)
    except Ag06Error as error:
        fail(str(error), EXIT_REFUSED)
    except (OSError, sqlite3.Error) as error:
        fail(str(error), EXIT_REFUSED)
    except KeyboardInterrupt:
        fail("interrupted; nothing was written under the file's name", EXIT_REFUSED)


@contextmanager
def offline(store: Path | None, *, new: bool = False) -> Iterator[Offline]:
    """The store, with its errors told; `new`: it need not be there yet."""
    from ag06_plugins.features.store.offline import Offline  # noqa: PLC0415 - pyarrow is slow to import
    from ag06_plugins.features.store.ondemand import Expressions  # noqa: PLC0415 - likewise

    folder = folder_of(store)
    with telling():
        if not new and not folder.is_dir():
            which = "is no folder" if folder.exists() else "is not there"
            hint = "a daemon makes it, and so does `ag06ctl features backfill`; --store names another"
            raise RequestError("unknown_path", f"{folder}: {which}, so there is no feature store", hint)
        yield Offline(folder, registry_of(folder), on_demand=Expressions(), report=_report)


def _report(line: str) -> None:
    typer.echo(f"ag06ctl: {line}", err=True)
