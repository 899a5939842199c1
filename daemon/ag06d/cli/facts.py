"""What `ag06ctl doctor` looks at: the machine, the installation, and the daemon if one runs."""

from __future__ import annotations

import grp
import os
import pwd
import resource
import shutil
import socket
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from ag06d import paths
from ag06d.cli.effective import configuration
from ag06d.cli.probe import PLUGINS, ask
from ag06d.errors import Ag06Error

YAMAHA = "0499"  # USB vendor
SOUND_SERVERS = ("pipewire", "wireplumber", "pulseaudio", "jackd", "jackdbus")
ASKED_AT_A_TIME = 4
MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of the daemon's: whether we may write in it, or make it; `free` in bytes."""

    path: Path
    writable: bool
    free: int


@dataclass(frozen=True, slots=True)
class Facts:
    """All of it. What could not be learnt is empty or None, and `errors` says why."""

    user: str = ""
    groups: frozenset[str] = frozenset()
    real_time_error: str = ""
    """Why SCHED_FIFO at the configured priority was refused to us; "" when it was granted."""
    locked_limit: int = -1
    """Bytes that may be locked in memory; -1 without a limit, as for root."""
    governors: Mapping[str, str] = field(default_factory=dict)
    """CPU to its frequency governor; empty where the kernel tells of none."""
    available: int = 1 << 40
    """Bytes of memory to be had."""
    shared_free: int = 1 << 40
    """Bytes free in /dev/shm."""
    memfd_error: str = ""
    portaudio: Mapping[str, Any] = field(default_factory=dict)
    """`version` and `devices`, or `error`."""
    usb_mixers: tuple[str, ...] = ()
    """Yamaha's devices on the USB, by product name."""
    usb_audio: bool = True
    """Whether the kernel has snd-usb-audio."""
    sound_cards: tuple[str, ...] = ()
    """Device files of PCM streams in /dev/snd."""
    sound_card_error: str = ""
    """Why the first of them cannot be used by us."""
    holders: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Device file to the processes that hold it, as far as we may see."""
    servers: tuple[str, ...] = ()
    """Sound servers that run."""
    runtime: Folder = Folder(Path(), writable=True, free=1 << 40)
    state: Folder = Folder(Path(), writable=True, free=1 << 40)
    sockets: Mapping[str, bool] = field(default_factory=dict)
    """Socket files that are there, and whether somebody answers."""
    config: Mapping[str, Any] = field(default_factory=dict)
    config_text: str = ""
    """As `ag06d config` prints it, with secrets masked."""
    config_problems: tuple[str, ...] = ()
    config_warnings: tuple[str, ...] = ()
    config_of_the_running: bool = True
    """Whether it is the running daemon's, and not what one that is started here would have."""
    plugins: Mapping[str, str] = field(default_factory=dict)
    """Plugin that is installed to why it does not load; "" when it does."""
    status: Mapping[str, Any] | None = None
    """The daemon's, None when there is none."""
    status_error: str = ""

    @property
    def audio(self) -> Mapping[str, Any]:
        """The configuration's section `audio`."""
        audio: Mapping[str, Any] = self.config.get("audio", {})
        return audio


def gather() -> Facts:
    """Look at everything; takes some seconds, raises nothing."""
    status, status_error = daemon_status()
    configured = configuration(status["pids"]["ag06d"] if status else None)
    config = configured.tree
    cards = tuple(sorted(str(path) for path in Path("/dev/snd").glob("pcm*")))
    runtime = paths.runtime_folder().absolute()
    return Facts(
        user=pwd.getpwuid(os.geteuid()).pw_name,
        groups=frozenset(group_names()),
        real_time_error=ask("real-time", str(config.get("audio", {}).get("priority") or 1)).get("error", ""),
        locked_limit=resource.getrlimit(resource.RLIMIT_MEMLOCK)[0] if os.geteuid() else -1,
        governors=governors(),
        available=memory_available(),
        shared_free=free(Path("/dev/shm")),  # noqa: S108 - to look at
        memfd_error=memfd_error(),
        portaudio=ask("portaudio"),
        usb_mixers=usb_mixers(),
        usb_audio=Path("/sys/module/snd_usb_audio").exists(),
        sound_cards=cards,
        sound_card_error=next((error for card in cards if (error := unusable(card))), ""),
        holders=holders(cards),
        servers=tuple(sorted({name for _, name in processes()} & set(SOUND_SERVERS))),
        runtime=folder(runtime),
        state=folder(paths.state_folder().absolute()),
        sockets={name: answers(runtime / name) for name in socket_names(runtime)},
        config=config,
        config_text=configured.text,
        config_problems=configured.problems,
        config_warnings=configured.warnings,
        config_of_the_running=configured.of_the_running,
        plugins=plugin_errors(),
        status=status,
        status_error=status_error,
    )


def daemon_status() -> tuple[dict[str, Any] | None, str]:
    """The document of `status`, or why there is none."""
    from ag06d.client import Client  # noqa: PLC0415 - numpy and ZeroMQ are slow to import

    try:
        with Client() as client:
            return client.status(), ""
    except Ag06Error as error:
        return None, str(error)


def plugin_errors() -> dict[str, str]:
    """Every plugin that is installed, and why it does not load; some at a time, as one may hang."""
    names = sorted(entry.name for entry in entry_points(group=PLUGINS))
    with ThreadPoolExecutor(ASKED_AT_A_TIME) as pool:
        answered = pool.map(lambda name: ask("plugin", name), names)
        return {name: answer.get("error", "") for name, answer in zip(names, answered, strict=True)}


def group_names() -> list[str]:
    """Groups of this process."""
    names = []
    for number in {os.getegid(), *os.getgroups()}:
        with suppress(KeyError):
            names.append(grp.getgrgid(number).gr_name)
    return names


def governors() -> dict[str, str]:
    """Frequency governor of each CPU."""
    found = Path("/sys/devices/system/cpu").glob("cpu[0-9]*/cpufreq/scaling_governor")
    return {path.parts[-3]: text for path in sorted(found) if (text := read(path))}


def memory_available() -> int:
    """Bytes that could be had without swapping."""
    for line in read(Path("/proc/meminfo")).splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) << 10
    return 0


def memfd_error() -> str:
    """Why no shared memory can be made; "" when it can."""
    try:
        os.close(os.memfd_create("ag06-doctor", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING))
    except OSError as error:
        return str(error.strerror)
    return ""


def usb_mixers() -> tuple[str, ...]:
    """Products of Yamaha's on the USB."""
    devices = Path("/sys/bus/usb/devices").glob("*/idVendor")
    return tuple(read(path.with_name("product")) or "?" for path in devices if read(path) == YAMAHA)


def unusable(card: str) -> str:
    """Why a device file cannot be opened by us, by its permissions alone."""
    return "" if os.access(card, os.R_OK | os.W_OK) else f"{card}: permission denied"


def processes() -> list[tuple[int, str]]:
    """Every process with its name."""
    found = ((int(path.name), read(path / "comm")) for path in Path("/proc").glob("[0-9]*"))
    return [(pid, name) for pid, name in found if name]


def holders(cards: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Who has a PCM device open, of the processes whose files we may see."""
    held: dict[str, set[str]] = {}
    for pid, name in processes() if cards else []:
        with suppress(OSError):
            for link in Path(f"/proc/{pid}/fd").iterdir():
                with suppress(OSError):
                    if (target := str(link.readlink())) in cards:
                        held.setdefault(target, set()).add(f"{name} (pid {pid})")
    return {card: tuple(sorted(names)) for card, names in held.items()}


def socket_names(runtime: Path) -> list[str]:
    """The daemon's public sockets that are there."""
    names = ("control.sock", "events.sock", "stream.sock")
    with suppress(OSError):
        return [name for name in names if (runtime / name).exists()]
    return []


def answers(path: Path) -> bool:
    """Whether somebody listens on a socket file."""
    with socket.socket(socket.AF_UNIX) as door:
        door.settimeout(1)
        try:
            door.connect(str(path))
        except OSError:
            return False
    return True


def folder(path: Path) -> Folder:
    """A folder, or the nearest one above it, which it would be made in."""
    there = next(above for above in (path, *path.parents) if os.path.lexists(above))
    writable = there.is_dir() and os.access(there, os.W_OK | os.X_OK)
    return Folder(path, writable, free(there))


def free(path: Path) -> int:
    """Bytes free on the disk of `path`."""
    with suppress(OSError):
        return shutil.disk_usage(path).free
    return 0


def read(path: Path) -> str:
    """A small file's text, stripped; "" when it cannot be read."""
    with suppress(OSError):
        return path.read_text(errors="replace").strip()
    return ""
