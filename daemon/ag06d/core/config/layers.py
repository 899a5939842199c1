"""The layers that the configuration is read from, and where each value came from.

Later ones win, key by key: the models' defaults, the machine's file, the user's, those named with
`--config` in order, variables such as AG06D_AUDIO__BLOCK, then `-o section.key=value`.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from pathlib import Path
from typing import Any

import tomli
from pydantic import ValidationError

from ag06d import paths
from ag06d.core.config.models import NAME, Config, KeyPath, settings
from ag06d.core.config.positions import key_lines
from ag06d.core.config.problems import contradictions, explain
from ag06d.core.files import open_regular
from ag06d.errors import ConfigError

DEFAULT = "default"
PREFIX = "AG06D_"
NESTS = "__"

Origins = dict[KeyPath, str]


@dataclass(frozen=True, slots=True)
class Layer:
    """What one source sets, and what to call the origin of a key in it."""

    tree: dict[str, Any]
    origin: Callable[[KeyPath], str]


@dataclass(frozen=True, slots=True)
class Effective:
    """The configuration that all layers make; `origins` has every key and section that one of them set."""

    config: Config
    origins: Origins

    def origin(self, path: KeyPath) -> str:
        """Where the value at `path` came from: `FILE:LINE`, a variable, `-o ...`, or `default`."""
        return self.origins.get(path, DEFAULT)


def whence(path: KeyPath, origins: Origins) -> str:
    """Where to look for what is wrong at `path`: its origin, or that of the section around it."""
    around = (path[:length] for length in range(len(path), 0, -1))
    return next((origins[part] for part in around if part in origins), DEFAULT)


def load(files: Sequence[Path] = (), overrides: Sequence[str] = ()) -> Effective:
    """The effective configuration; raises ConfigError with every problem found."""
    effective, problems = survey(files, overrides)
    if problems:
        raise ConfigError(problems)
    return effective


def survey(files: Sequence[Path], overrides: Sequence[str]) -> tuple[Effective, list[str]]:
    """The configuration as far as it is right, with defaults for the rest; and every problem found."""
    problems: list[str] = []
    # The default hosts are a layer too: whoever writes `[hosts.live] nice = 5` keeps its plugins.
    merged: dict[str, Any] = {"hosts": Config().model_dump()["hosts"]}
    origins: Origins = {}
    for layer in _layers(files, overrides, problems):
        _merge(merged, layer.tree, layer.origin, origins)
    found = list(contradictions(merged))
    try:
        config = Config.model_validate(merged)
    except ValidationError as error:
        found = [explain(entry) for entry in error.errors()] + found
        config = _without(merged, [path for path, _ in found])
    problems += [f"{whence(path, origins)}: {message}" for path, message in found]
    return Effective(config, origins), problems


def _without(tree: dict[str, Any], paths: Sequence[KeyPath]) -> Config:
    """What `tree` says when nothing is said at `paths`."""
    for path in paths:
        branch = tree
        for key in path[:-1]:
            if not isinstance(branch.get(key), dict):
                break  # it is inside a list, all of which goes
            branch = branch[key]
        else:
            key = path[-1]
        branch.pop(key, None)
    return Config.model_validate(tree)


def _layers(files: Sequence[Path], overrides: Sequence[str], problems: list[str]) -> Iterator[Layer]:
    for path in paths.config_files():
        if path.exists():
            yield _read(path, problems)
    for path in files:
        yield _read(path, problems)
    yield from _variables(os.environ, problems)
    for override in overrides:
        yield _override(override, problems)


def _read(path: Path, problems: list[str]) -> Layer:
    try:
        with open_regular(path) as file:
            text = file.read()
        tree = _plain(tomli.loads(text))
    except OSError as error:
        problems.append(f"{path}: cannot be read: {error.strerror}")
    except tomli.TOMLDecodeError as error:
        problems.append(f"{path}:{error.lineno}: not TOML: {error}")
    except (ValueError, RecursionError) as error:  # not UTF-8, too many digits, too deep
        problems.append(f"{path}: not TOML: {error}")
    else:
        lines = key_lines(text)
        return Layer(tree, lambda key: f"{path}:{_line(key, lines)}")
    return Layer({}, lambda _: str(path))


def _line(key: KeyPath, lines: dict[KeyPath, int]) -> int:
    """Of a table that has no header of its own, the first line that sets something in it."""
    if key in lines:
        return lines[key]
    return min(line for known, line in lines.items() if known[: len(key)] == key)


def _variables(environment: Mapping[str, str], problems: list[str]) -> Iterator[Layer]:
    """Each variable AG06D_SECTION__KEY; names are in lower case, as all of ours are."""
    for variable, value in sorted(environment.items()):
        if not variable.startswith(PREFIX) or variable in paths.FOLDER_VARIABLES:
            continue
        path = tuple(variable.removeprefix(PREFIX).lower().split(NESTS))
        if len(path) > 1 and all(path):
            yield Layer(_nested(path, _parse(value)), lambda _, name=variable: name)  # type: ignore[misc]
            continue
        known = [PREFIX + NESTS.join(setting).upper() for setting, _ in settings() if NAME not in setting]
        near = difflib.get_close_matches(variable, [*known, *paths.FOLDER_VARIABLES], n=1)
        right = f"did you mean {near[0]}?" if near else "write AG06D_SECTION__KEY, such as AG06D_AUDIO__BLOCK"
        problems.append(f"{variable}: there is no such setting; {right}")


def _override(override: str, problems: list[str]) -> Layer:
    key, equals, value = override.partition("=")
    path = tuple(key.split("."))
    if not equals or not all(path):
        problems.append(f"-o {key}: write section.key=value, such as audio.block=64")
        return Layer({}, str)
    return Layer(
        _nested(path, _parse(value)), lambda _: f"-o {key}"
    )  # the value may be secret, or have secrets in it


def _parse(value: str) -> Any:  # noqa: ANN401 - whatever TOML can carry
    """A value as TOML, or else a bare word."""
    try:
        return _plain(tomli.loads(f"value = {value}")["value"])
    except (ValueError, RecursionError):
        return value


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever TOML can carry
    """`value` as JSON can carry it on to a host: dates and times as text, which pydantic reads as well."""
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_plain(part) for part in value]
    return value.isoformat() if isinstance(value, date | time) else value


def _nested(path: KeyPath, value: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever TOML can carry
    tree = value
    for key in reversed(path):
        tree = {key: tree}
    return tree  # type: ignore[no-any-return]  # `path` is not empty


def _merge(
    into: dict[str, Any],
    layer: dict[str, Any],
    origin: Callable[[KeyPath], str],
    origins: Origins,
    at: KeyPath = (),
) -> None:
    for key, value in layer.items():
        path = (*at, key)
        if isinstance(value, dict):
            before = into.get(key)
            if not isinstance(before, dict) or path not in origins:
                origins[path] = origin(path)
            below = into[key] = dict(before) if isinstance(before, dict) else {}
            _merge(below, value, origin, origins, path)
        else:
            if isinstance(into.get(key), dict):  # what was in it is gone
                for gone in [known for known in origins if known[: len(path)] == path]:
                    del origins[gone]
            into[key] = value
            origins[path] = origin(path)
