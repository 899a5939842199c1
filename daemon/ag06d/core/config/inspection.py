"""Plugins, looked at in processes of their own: nothing that one does while it loads hurts who asks."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from ag06d import paths
from ag06d.core.child import ENVIRONMENT, describe_end
from ag06d.core.config.models import Config
from ag06d.host.spec import Inspection

PATIENCE_S = 30.0  # as long as a host has to load its plugins
AT_ONCE = 4
STOPPED = Inspection(refused="was not looked at: ag06d stops")


def named_plugins(config: Config) -> list[str]:
    """The plugins of all hosts, in their order."""
    return [plugin for host in config.hosts.values() for plugin in host.plugins]


class Inspector:
    """Looks at plugins, a few at a time, until another thread stops it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[int] = set()  # process groups
        self._stopped = False

    def stop(self) -> None:
        """End what is being inspected; from now on nothing is."""
        with self._lock:
            self._stopped = True
            for group in self._running:
                _kill(group)

    def inspect(
        self, config: Config, names: Iterable[str], patience_s: float = PATIENCE_S
    ) -> dict[str, Inspection]:
        """Each of `names` with the settings that `config` has for it."""
        folder = str(paths.plugin_folder(config.plugin.folder))
        with ThreadPoolExecutor(AT_ONCE) as pool:
            asked = {
                name: pool.submit(self._inspect, name, config.plugins.get(name, {}), folder, patience_s)
                for name in names
            }
            return {name: answer.result() for name, answer in asked.items()}

    def _inspect(self, name: str, section: Mapping[str, Any], folder: str, patience_s: float) -> Inspection:
        question = {"parent": os.getpid(), "name": name, "section": section, "plugin_folder": folder}
        with self._lock:
            if self._stopped:
                return STOPPED
            process = subprocess.Popen(
                [sys.executable, "-m", "ag06d.host.inspect"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=os.environ | ENVIRONMENT,
                process_group=0,
            )
            self._running.add(process.pid)
        try:
            found = _ask(process, json.dumps(question).encode(), patience_s)
        finally:
            with self._lock:
                self._running.discard(process.pid)
            _kill(process.pid)  # and whatever it has started
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()
        return STOPPED if self._stopped else found


def inspect_plugins(
    config: Config, names: Iterable[str], patience_s: float = PATIENCE_S
) -> dict[str, Inspection]:
    """Each of `names` with the settings that `config` has for it, for whoever waits until it is known."""
    return Inspector().inspect(config, names, patience_s)


def _kill(group: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def _ask(process: subprocess.Popen[bytes], question: bytes, patience_s: float) -> Inspection:
    try:
        answer, _ = process.communicate(question, timeout=patience_s)
        if process.returncode:
            return Inspection(refused=f"does not load: it {describe_end(process.returncode)}")
        return Inspection(**json.loads(answer))
    except subprocess.TimeoutExpired:
        return Inspection(refused=f"does not load within {patience_s:g} s")
    except (ValueError, TypeError):
        return Inspection(refused="does not load: it ended its process")
