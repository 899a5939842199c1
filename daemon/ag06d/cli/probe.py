"""What can block or end the process that asks, asked in one of its own: `python -m ag06d.cli.probe ...`.

PortAudio waits for sound servers that are dead, and a plugin may do anything when it is imported.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Any

PATIENCE_S = 15.0
PLUGINS = "ag06d.plugins"


def ask(*question: str) -> dict[str, Any]:
    """The answer of a fresh process: as `answer` makes it, or `error`: why there is none."""
    command = [sys.executable, "-m", "ag06d.cli.probe", *question]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    except subprocess.TimeoutExpired:
        return {"error": f"no answer within {PATIENCE_S:g} s"}
    try:
        answered: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except (ValueError, IndexError):
        last = done.stderr.strip().splitlines()[-1:]
        return {"error": "; ".join([f"ended with status {done.returncode}", *last])}
    return answered


def portaudio() -> dict[str, Any]:
    """PortAudio's `version` and `devices`: {name, api, inputs, outputs, rate} each."""
    import sounddevice  # noqa: PLC0415 - importing it initialises PortAudio

    apis = sounddevice.query_hostapis()
    devices = [
        {
            "name": device["name"],
            "api": apis[device["hostapi"]]["name"],
            "inputs": device["max_input_channels"],
            "outputs": device["max_output_channels"],
            "rate": round(device["default_samplerate"]),
        }
        for device in sounddevice.query_devices()
    ]
    return {"version": sounddevice.get_portaudio_version()[1], "devices": devices}


def plugin(name: str) -> dict[str, Any]:
    """Whether the plugin's entry point loads."""
    (entry,) = entry_points(group=PLUGINS, name=name)
    entry.load()
    return {}


def real_time(priority: str) -> dict[str, Any]:
    """Whether a process of this user gets SCHED_FIFO."""
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(int(priority)))
    return {}


QUESTIONS: dict[str, Callable[..., dict[str, Any]]] = {
    "portaudio": portaudio,
    "plugin": plugin,
    "real-time": real_time,
}


def main() -> None:
    """Answer the question in the arguments with one line of JSON."""
    question, *arguments = sys.argv[1:]
    try:
        answer = QUESTIONS[question](*arguments)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the answer
        answer = {"error": f"{type(error).__name__}: {error}"}
    print("\n" + json.dumps(answer), flush=True)  # noqa: T201 - stdout is the channel
    os._exit(0)  # not through Pa_Terminate, which may block


if __name__ == "__main__":
    main()
