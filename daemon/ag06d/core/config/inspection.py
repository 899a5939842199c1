"""Plugins, looked at in processes of their own: nothing that one does while it loads hurts who asks."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
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


def named_plugins(config: Config) -> list[str]:
    """The plugins of all hosts, in their order."""
    return [plugin for host in config.hosts.values() for plugin in host.plugins]


def inspect_plugins(
    config: Config, names: Iterable[str], patience_s: float = PATIENCE_S
) -> dict[str, Inspection]:
    """Each of `names` with the settings that `config` has for it."""
    folder = str(paths.plugin_folder(config.plugin.folder))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        asked = {
            name: pool.submit(_inspect, name, config.plugins.get(name, {}), folder, patience_s)
            for name in names
        }
        return {name: answer.result() for name, answer in asked.items()}


def _inspect(name: str, section: Mapping[str, Any], folder: str, patience_s: float) -> Inspection:
    question = {"parent": os.getpid(), "name": name, "section": section, "plugin_folder": folder}
    process = subprocess.Popen(
        [sys.executable, "-m", "ag06d.host.inspect"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | ENVIRONMENT,
        process_group=0,
    )
    try:
        answer, _ = process.communicate(json.dumps(question).encode(), timeout=patience_s)
        if process.returncode:
            return Inspection(refused=f"does not load: it {describe_end(process.returncode)}")
        return Inspection(**json.loads(answer))
    except subprocess.TimeoutExpired:
        return Inspection(refused=f"does not load within {patience_s:g} s")
    except (ValueError, TypeError):
        return Inspection(refused="does not load: it ended its process")
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # and whatever it has started
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
