"""What a configuration names, and whether it is there: presets, plugins, recordings, folders."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ag06d import paths
from ag06d.audio.spec import recording_path
from ag06d.core.config.inspection import Inspector, inspect_plugins, named_plugins
from ag06d.core.config.layers import Effective, survey, whence
from ag06d.core.config.masking import is_secret
from ag06d.core.config.models import Config, KeyPath
from ag06d.core.config.problems import explain, nearest
from ag06d.core.files import open_regular
from ag06d.core.presets import PresetLibrary
from ag06d.errors import ConfigError, PresetError, RequestError
from ag06d.host.spec import Inspection


@dataclass(slots=True)
class Findings:
    """What is wrong, and what is only odd; a line each."""

    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def load_to_run(
    files: Sequence[Path] = (), overrides: Sequence[str] = (), *, sockets: bool = True
) -> Effective:
    """The configuration of a daemon that is to start, with sockets in the runtime folder or without.

    Raises ConfigError with everything that keeps it from starting. What it can wait for, such as a
    recording or a plugin that is not there yet, is no such thing.
    """
    effective, problems = survey(files, overrides)
    problems += [*preset_problems(effective), *(socket_problems() if sockets else ())]
    if problems:
        raise ConfigError(problems)
    return effective


def load_again(
    running: Config, inspector: Inspector, files: Sequence[Path], overrides: Sequence[str]
) -> Config:
    """The configuration of a daemon that runs with `running`, read again.

    Raises ConfigError with every problem, those of plugins included whose settings or host are new.
    """
    effective, problems = survey(files, overrides)
    problems += preset_problems(effective)
    new = [name for name in named_plugins(effective.config) if _is_new(name, running, effective.config)]
    for name, inspection in inspector.inspect(effective.config, new).items():
        problems += plugin_problems(effective, name, inspection)
    if problems:
        raise ConfigError(problems)
    return effective.config


def _is_new(plugin: str, running: Config, wanted: Config) -> bool:
    """Whether anything about a plugin is not as it runs, so that it had better be looked at."""
    hosts = [
        {name for name, host in config.hosts.items() if plugin in host.plugins}
        for config in (running, wanted)
    ]
    return hosts[0] != hosts[1] or running.plugins.get(plugin, {}) != wanted.plugins.get(plugin, {})


def check(files: Sequence[Path] = (), overrides: Sequence[str] = ()) -> Findings:
    """Everything that can be known of a configuration without running it."""
    effective, problems = survey(files, overrides)
    inspections = inspect_plugins(effective.config, named_plugins(effective.config))
    found = Findings(
        [
            *problems,
            *preset_problems(effective),
            *recording_problems(effective),
            *folder_problems(),
            *socket_problems(),
        ]
    )
    found.warnings += idle_sections(effective)
    for name, inspection in inspections.items():
        found.problems += plugin_problems(effective, name, inspection)
        found.warnings += plugin_warnings(effective, name, inspection)
    return found


def preset_problems(effective: Effective) -> Iterator[str]:
    """Start presets that cannot be loaded."""
    library = PresetLibrary(paths.state_folder() / "presets")
    for key in ("start", "start_b"):
        path = ("preset", key)
        try:
            library.load(getattr(effective.config.preset, key))
        except (PresetError, RequestError) as error:
            yield f"{effective.origin(path)}: preset.{key}: {error}"


def recording_problems(effective: Effective) -> Iterator[str]:
    """Recordings that are named as devices and cannot be read."""
    for key in ("device", "fallback"):
        path = ("audio", key)
        try:
            recording = recording_path(getattr(effective.config.audio, key))
            if recording is not None:
                open_regular(recording).close()
        except (OSError, RuntimeError) as error:  # no such user, in `~somebody`
            reason = error.strerror if isinstance(error, OSError) else error
            yield f"{effective.origin(path)}: audio.{key}: the recording cannot be read: {reason}"


def folder_problems() -> Iterator[str]:
    """Folders for sockets and data that cannot be made or written."""
    for folder in (paths.runtime_folder(), paths.state_folder()):
        there = next(part for part in (folder.absolute(), *folder.absolute().parents) if part.exists())
        if not there.is_dir():
            yield f"{folder}: {there} is not a folder"
        elif not os.access(there, os.W_OK | os.X_OK):
            what = "may not be written" if there == folder.absolute() else f"cannot be made in {there}"
            yield f"{folder}: {what} by this user"


def socket_problems() -> Iterator[str]:
    """A folder for the sockets whose path is too long for one."""
    try:
        paths.sockets()
    except ConfigError as error:
        yield from error.problems


def plugin_problems(effective: Effective, name: str, inspection: Inspection) -> Iterator[str]:
    """A plugin that is not there or does not load, or settings that its model refuses."""
    if inspection.refused:
        host = next(host for host, config in effective.config.hosts.items() if name in config.plugins)
        path: KeyPath = ("hosts", host, "plugins")
        yield f"{effective.origin(path)}: {'.'.join(path)}: plugin {name}: {inspection.refused}"
    secrets = [("plugins", name, *path) for path in inspection.secrets]
    for entry in inspection.errors:
        located = entry | {"loc": ("plugins", name, *entry["loc"])}
        path, message = explain(
            located,
            keys=lambda section: _keys(section, inspection),
            secret=lambda path: is_secret(path) or any(path[: len(one)] == one for one in secrets),
        )
        yield f"{whence(path, effective.origins)}: {message}"


def plugin_warnings(effective: Effective, name: str, inspection: Inspection) -> Iterator[str]:
    """Settings of which the plugin's model takes no notice."""
    for within in inspection.ignored:
        path = ("plugins", name, *within)
        near = nearest(path, lambda section: _keys(section, inspection))
        yield f"{effective.origin(path)}: {'.'.join(path)}: the plugin has no such setting{near}"


def _keys(section: KeyPath, inspection: Inspection) -> list[str]:
    """The keys that a section of a plugin may have."""
    return next((keys for path, keys in inspection.keys if path == list(section[2:])), [])


def idle_sections(effective: Effective) -> Iterator[str]:
    """Sections of plugins that no host runs."""
    run = named_plugins(effective.config)
    for name in effective.config.plugins:
        if name not in run:
            path = ("plugins", name)
            near = nearest(path, lambda _: run)
            yield f"{effective.origin(path)}: {'.'.join(path)}: no host runs a plugin of this name{near}"
