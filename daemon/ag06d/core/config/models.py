"""The models of the configuration: every setting with its default, its range, and what it is for.

config.toml in the project's root and docs/config.md say the same, and are held against this by tests.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo

from ag06d.arena.cell import PLUGINS_MAX

KeyPath = tuple[str, ...]
NAME = "NAME"  # in the path of a setting: whatever the user calls it


class Section(BaseModel):
    """A section of config.toml; a key it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class AudioConfig(Section):
    """The device and the callback."""

    device: str = "auto"
    """"auto" (the AG06 or AG03), part of a device's name, or "recording:PATH"."""
    fallback: str = ""
    """Taken when the device is not there at start; "" waits for it, "recording" is the one shipped."""
    rate: Literal[44100, 48000, 88200, 96000, 176400, 192000] = 48000
    """Frames per second; the mixer has to run at it."""
    block: Annotated[int, Field(ge=16, le=4096)] = 128
    """Frames per callback."""
    priority: Annotated[int, Field(ge=0, le=99)] = 60
    """SCHED_FIFO priority of the audio thread; 0 leaves it alone."""
    ring_seconds: Annotated[float, Field(ge=1, le=600)] = 10.0
    """Seconds of sound that the rings hold at least."""
    loop: bool = True
    """Play a recording again and again; false plays it once."""
    stall_ms: Annotated[float, Field(ge=100, le=60000)] = 400.0
    """Without a callback for so long, the audio process is replaced."""


class HostConfig(Section):
    """A plugin host: one process, with some of the plugins."""

    plugins: Annotated[tuple[str, ...], Field(max_length=PLUGINS_MAX)] = ()
    """Names of the plugins that it runs, in the order in which they see a frame."""
    scheduling: Literal["other", "batch", "idle"] = "other"
    """Scheduling class of the process."""
    nice: Annotated[int, Field(ge=0, le=19)] = 0
    """Niceness of the process."""
    memory_mb: Annotated[int, Field(ge=64, le=1 << 20)] = 1024
    """Memory that the process may have; beyond it, it is replaced."""
    deadline_ms: Annotated[float, Field(gt=0, le=1000)] = 5.0
    """Time that one plugin has for one frame; more is counted, and shown as degraded."""
    stall_ms: Annotated[float, Field(ge=100)] = 2000.0
    """A plugin that does not return for so long costs its host, which is replaced."""
    max_errors: Annotated[int, Field(ge=1)] = 100
    """Calls in a row that may raise before the plugin is quarantined."""
    max_strikes: Annotated[int, Field(ge=1)] = 3
    """Times within ten minutes that a plugin may cost its host before it is quarantined."""


class BusConfig(Section):
    """ZeroMQ."""

    meters_hz: Annotated[float, Field(gt=0, le=100)] = 20.0
    """Messages on `meters.` per second."""
    client_requests_per_s: Annotated[float, Field(gt=0)] = 500.0
    """Requests that one client may make per second, over time."""
    client_burst: Annotated[int, Field(ge=1)] = 2000
    """Requests that it may make at once, after it was quiet for a while."""
    client_in_flight: Annotated[int, Field(ge=1, le=256)] = 64
    """Requests of one client that are worked on at a time."""
    client_connections: Annotated[int, Field(ge=8)] = 500
    """Connections that each socket takes at a time."""


class PresetConfig(Section):
    """Presets."""

    start: str = "voice"
    """Preset of slot A at start, where no state is restored."""
    start_b: str = "flat"
    """Preset of slot B at start, likewise."""
    restore: bool = True
    """Begin with the state in which the daemon was stopped: both chains, slot, bypass and mute."""


class LogConfig(Section):
    """The log on stderr."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """Lowest level that is logged."""


class PluginConfig(Section):
    """Where plugins are found, other than among what is installed."""

    folder: str = ""
    """Folder of one-file plugins; "" is `plugins` in the user's or the service's configuration folder."""


class Config(Section):
    """The whole of config.toml."""

    audio: AudioConfig = AudioConfig()
    bus: BusConfig = BusConfig()
    preset: PresetConfig = PresetConfig()
    log: LogConfig = LogConfig()
    plugin: PluginConfig = PluginConfig()
    hosts: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$")], HostConfig] = {
        "live": HostConfig(plugins=("features", "anomaly"))
    }
    plugins: dict[str, dict[str, Any]] = {}
    """A section for each plugin, checked by the plugin's own model when its host starts."""


def settings(model: type[Section] = Config, at: KeyPath = ()) -> Iterator[tuple[KeyPath, FieldInfo]]:
    """Every setting with its path; that of a host is `("hosts", NAME, key)`. Plugins have their own."""
    for name, field in model.model_fields.items():
        repeated = get_origin(field.annotation) is dict
        section = _section_of(field)
        if section is not None:
            yield from settings(section, (*at, name, NAME) if repeated else (*at, name))
        elif not repeated:
            yield (*at, name), field


def keys_of(path: KeyPath) -> list[str]:
    """The keys that the section at `path` may have; empty where anything goes."""
    names = iter(path)
    model: type[Section] = Config
    for name in names:
        field = model.model_fields.get(name)
        section = _section_of(field) if field is not None else None
        if field is None or section is None:
            return []
        if get_origin(field.annotation) is dict and next(names, None) is None:
            return []  # the users' own names
        model = section
    return list(model.model_fields)


def _section_of(field: FieldInfo) -> type[Section] | None:
    """The model of a section, or of each section of a table of them; None for a setting."""
    annotations = (field.annotation, *get_args(field.annotation))
    return next((part for part in annotations if isinstance(part, type) and issubclass(part, Section)), None)
