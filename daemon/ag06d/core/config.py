"""The configuration: models with every setting's default, and the layers it is read from.

Later layers win: the defaults here, the files named with `--config` in order, then `-o section.key=value`.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import tomli
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from ag06d.errors import ConfigError

RATES = (44100, 48000, 88200, 96000, 176400, 192000)


class Section(BaseModel):
    """A section of config.toml; a key it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class AudioConfig(Section):
    """The device and the callback."""

    device: str = "auto"
    """"auto" (the AG06 or AG03), part of a device's name, or "recording:PATH"."""
    fallback: str = ""
    """Taken when the device is not there at start; "" waits for it, "recording" is the one shipped."""
    rate: int = 48000
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

    @field_validator("rate")
    @classmethod
    def _known_rate(cls, rate: int) -> int:
        if rate not in RATES:
            raise ValueError(f"must be one of {', '.join(map(str, RATES))}")
        return rate


class HostConfig(Section):
    """A plugin host: one process, with some of the plugins."""

    plugins: tuple[str, ...] = ()
    """Names of the plugins it runs, in the order in which they see a frame."""
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


class Config(Section):
    """The whole of config.toml."""

    audio: AudioConfig = AudioConfig()
    bus: BusConfig = BusConfig()
    preset: PresetConfig = PresetConfig()
    log: LogConfig = LogConfig()
    hosts: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$")], HostConfig] = {
        "live": HostConfig(plugins=("features",))
    }
    plugins: dict[str, dict[str, Any]] = {}
    """A section for each plugin, checked by the plugin's own model when its host starts."""

    @field_validator("hosts")
    @classmethod
    def _one_host_each(cls, hosts: dict[str, HostConfig]) -> dict[str, HostConfig]:
        seen: dict[str, str] = {}
        for name, host in hosts.items():
            for plugin in host.plugins:
                if plugin in seen:
                    raise ValueError(
                        f"plugin {plugin} stands in {seen[plugin]} and in {name}; it runs in one host"
                    )
                seen[plugin] = name
        return hosts


def load(files: Sequence[Path] = (), overrides: Sequence[str] = ()) -> Config:
    """The effective configuration; raises ConfigError with every problem found."""
    problems: list[str] = []
    # The default hosts are a layer too: whoever writes `[hosts.live] nice = 5` keeps its plugins.
    merged: dict[str, Any] = {"hosts": Config().model_dump()["hosts"]}
    origins: dict[str, str] = {}
    for path in files:
        _merge(merged, _read(path, problems), str(path), origins)
    for override in overrides:
        _merge(merged, _parse_override(override, problems), f"-o {override}", origins)
    try:
        config = Config.model_validate(merged)
    except ValidationError as error:
        problems += [_explain(entry, origins) for entry in error.errors()]
    if problems:
        raise ConfigError(problems)
    return config


def _read(path: Path, problems: list[str]) -> dict[str, Any]:
    try:
        return tomli.loads(path.read_text())
    except OSError as error:
        problems.append(f"{path}: cannot be read: {error.strerror}")
    except (ValueError, RecursionError) as error:  # TOMLDecodeError, not UTF-8, too many digits, too deep
        problems.append(f"{path}: not TOML: {error}")
    return {}


def _parse_override(override: str, problems: list[str]) -> dict[str, Any]:
    key, equals, value = override.partition("=")
    if not equals or not all(key.split(".")):
        problems.append(f"-o {override}: write section.key=value, such as audio.block=64")
        return {}
    try:
        parsed = tomli.loads(f"value = {value}")["value"]
    except (ValueError, RecursionError):
        parsed = value  # a bare word is a string
    tree: dict[str, Any] = {}
    branch = tree
    *sections, leaf = key.split(".")
    for section in sections:
        branch = branch.setdefault(section, {})
    branch[leaf] = parsed
    return tree


def _merge(
    into: dict[str, Any], layer: dict[str, Any], origin: str, origins: dict[str, str], at: str = ""
) -> None:
    for key, value in layer.items():
        path = f"{at}.{key}" if at else key
        origins[path] = origin
        if isinstance(value, dict):
            before = into.get(key)
            below = into[key] = dict(before) if isinstance(before, dict) else {}
            _merge(below, value, origin, origins, path)
        else:
            into[key] = value


def _explain(entry: Any, origins: dict[str, str]) -> str:  # noqa: ANN401 - pydantic's ErrorDetails
    """One line: origin, key, what is wrong, and the nearest key that is right."""
    location = [str(part) for part in entry["loc"] if part != "[key]"]
    origin = next(
        (origins[path] for n in range(len(location), 0, -1) if (path := ".".join(location[:n])) in origins),
        "defaults",
    )
    message = entry["msg"].removeprefix("Value error, ")
    if entry["type"] == "extra_forbidden":
        near = difflib.get_close_matches(location[-1], _keys(location[:-1]), n=1)
        message = "there is no such key" + (f"; did you mean {near[0]}?" if near else "")
    elif entry["type"] != "value_error":
        message = f"{message[0].lower()}{message[1:]}, not {entry['input']!r}"
    return f"{origin}: {'.'.join(location)}: {message}"


def _keys(sections: list[str]) -> list[str]:
    models: dict[str, type[Section]] = {
        "audio": AudioConfig,
        "bus": BusConfig,
        "preset": PresetConfig,
        "log": LogConfig,
        "hosts": HostConfig,
    }
    model: type[Section] = models.get(sections[0], Config) if sections else Config
    return list(model.model_fields)
