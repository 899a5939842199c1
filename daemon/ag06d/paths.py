"""Where sockets, data and files that ship with the package are."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ag06d.errors import ConfigError

PACKAGE = Path(__file__).parent
FACTORY_PRESETS = PACKAGE / "presets"
SHIPPED_RECORDING = PACKAGE / "recordings" / "studio.flac"
FOLDER_VARIABLES = ("AG06D_RUNTIME_DIR", "AG06D_STATE_DIR")  # the other AG06D_... are settings
SOCKET_PATH_MAX = 107  # bytes that fit into sun_path


@dataclass(frozen=True, slots=True)
class Sockets:
    """The socket files of one daemon, all in one runtime folder."""

    folder: Path

    @property
    def control(self) -> str:
        """Answers requests."""
        return f"ipc://{self.folder / 'control.sock'}"

    @property
    def events(self) -> str:
        """Publishes what must not be missed."""
        return f"ipc://{self.folder / 'events.sock'}"

    @property
    def stream(self) -> str:
        """Publishes what comes many times a second."""
        return f"ipc://{self.folder / 'stream.sock'}"

    @property
    def hosts(self) -> str:
        """Private: between the daemon and its plugin hosts."""
        return f"ipc://{self.folder / 'hosts.sock'}"

    def door(self, plugin: str) -> str:
        """Answers requests for the direct commands of one plugin, in its host."""
        return f"ipc://{self.folder / f'plugin-{plugin}.sock'}"

    def doors(self) -> Iterator[Path]:
        """The files of plugins' doors that are there."""
        return self.folder.glob("plugin-*.sock*")

    @property
    def lock(self) -> Path:
        """Locked by the daemon that holds the folder."""
        return self.folder / "ag06d.lock"


def runtime_folder() -> Path:
    """`$AG06D_RUNTIME_DIR`, else `$RUNTIME_DIRECTORY`, else `$XDG_RUNTIME_DIR/ag06d`."""
    for variable in ("AG06D_RUNTIME_DIR", "RUNTIME_DIRECTORY"):
        if folder := os.environ.get(variable):
            return Path(folder.split(":")[0])
    if folder := os.environ.get("XDG_RUNTIME_DIR"):
        return Path(folder) / "ag06d"
    return Path(f"/tmp/ag06d-{os.getuid()}")  # noqa: S108 - what is left without a login session; made 0750


def state_folder() -> Path:
    """`$AG06D_STATE_DIR`, else `$STATE_DIRECTORY`, else `$XDG_STATE_HOME/ag06d`."""
    for variable in ("AG06D_STATE_DIR", "STATE_DIRECTORY"):
        if folder := os.environ.get(variable):
            return Path(folder.split(":")[0])
    home = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(home) / "ag06d"


def config_files() -> list[Path]:
    """The machine's and the user's config.toml, there or not; the later one wins.

    `$CONFIGURATION_DIRECTORY` (as systemd sets it), else `/etc/ag06d`; `$XDG_CONFIG_HOME/ag06d`.
    """
    machine = (os.environ.get("CONFIGURATION_DIRECTORY") or "/etc/ag06d").split(":")
    home = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return [Path(folder) / "config.toml" for folder in (*machine, f"{home}/ag06d")]


def plugin_folder(configured: str = "") -> Path:
    """`configured`, else `plugins` in `$CONFIGURATION_DIRECTORY`, else in `$XDG_CONFIG_HOME/ag06d`."""
    if configured:
        return Path(configured).expanduser().absolute()
    if folder := os.environ.get("CONFIGURATION_DIRECTORY"):
        return Path(folder.split(":")[0]) / "plugins"
    home = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(home) / "ag06d" / "plugins"


def sockets(folder: Path | None = None) -> Sockets:
    """The sockets in `folder` (default: `runtime_folder()`); raises ConfigError when too long a path."""
    found = Sockets((folder or runtime_folder()).absolute())
    longest = str(found.folder / "control.sock")
    if len(os.fsencode(longest)) > SOCKET_PATH_MAX:
        raise ConfigError(
            [f"{longest}: longer than {SOCKET_PATH_MAX} bytes; set AG06D_RUNTIME_DIR to a shorter folder"]
        )
    return found
