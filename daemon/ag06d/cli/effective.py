"""The configuration that a daemon runs with, or would run with, as `ag06d` itself tells it."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tomli

PATIENCE_S = 30.0
OPTIONS = ("--config", "-c", "-o")
WARNING = "warning: "


@dataclass(frozen=True, slots=True)
class Start:
    """How a daemon was started, as far as the configuration goes; empty for one that is yet to be."""

    arguments: tuple[str, ...] = ()
    folder: Path | None = None
    environment: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, pid: int | None) -> Start:
        """That of the process `pid`, if it is ours to look at."""
        process = Path(f"/proc/{pid}")
        try:
            command = fields(process / "cmdline")
            environment = dict(part.partition("=")[::2] for part in fields(process / "environ"))
            folder = (process / "cwd").readlink()
        except OSError:
            return cls()
        layers = ("AG06D_", "XDG_CONFIG_HOME", "CONFIGURATION_DIRECTORY", "HOME", "PYTHONPATH")
        own = {name: value for name, value in environment.items() if name.startswith(layers)}
        return cls(tuple(configuring(command)), folder, own)

    def run(self, verb: str) -> subprocess.CompletedProcess[str]:
        """`ag06d VERB` of this installation with the same configuration, to its end."""
        code = "from ag06d.cli.daemon import main; main()"  # wherever the script was put
        return subprocess.run(
            [sys.executable, "-P", "-c", code, verb, *self.arguments],
            cwd=self.folder,
            env=os.environ | self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )


def fields(path: Path) -> list[str]:
    """Strings that end in a null byte each."""
    return path.read_bytes().decode(errors="replace").split("\0")[:-1]


def configuring(command: list[str]) -> list[str]:
    """Those arguments of `ag06d run` that say what the configuration is."""
    chosen: list[str] = []
    own = command[command.index("run") + 1 :] if "run" in command else []
    for argument, value in itertools.zip_longest(own, own[1:], fillvalue=""):
        if argument in OPTIONS:
            chosen += [argument, value]
        elif argument.startswith(("--config=", "-o")) and argument not in OPTIONS:
            chosen.append(argument)
    return chosen


@dataclass(frozen=True, slots=True)
class Configuration:
    """What `ag06d config` prints, as far as it can, and what `ag06d check` says of it."""

    text: str = ""
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    of_the_running: bool = True
    """Whether it is that of the daemon that was asked for, and not what one started here would have."""

    @property
    def tree(self) -> dict[str, Any]:
        """Sections and their settings, all at their effective values; empty where none can be told."""
        return tomli.loads(self.text)


def configuration(pid: int | None) -> Configuration:
    """That of the daemon `pid`, or of the next one that is started."""
    start = Start.of(pid)
    seen = pid is None or start != Start()
    try:
        checked, shown = start.run("check"), start.run("config")
        lines = [line.removeprefix("ag06d: ") for line in checked.stderr.splitlines() if line]
        warnings = tuple(line.removeprefix(WARNING) for line in lines if line.startswith(WARNING))
        problems = tuple(line for line in lines if not line.startswith(WARNING)) if checked.returncode else ()
        return Configuration("" if shown.returncode else shown.stdout, problems, warnings, seen)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Configuration("", (f"`ag06d config`: {error}",))
