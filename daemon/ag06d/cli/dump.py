"""`ag06ctl dump`: what a bug report needs, in one file. Never sound, and no secret of the configuration."""

from __future__ import annotations

import io
import json
import os
import platform
import re
import shutil
import subprocess
import tarfile
import time
import zipfile
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Annotated, Any

import typer

from ag06d import paths
from ag06d.cli.doctor import examine
from ag06d.cli.facts import Facts, gather
from ag06d.cli.output import EXIT_REFUSED, fail, show
from ag06d.cli.verbs import Verbs
from ag06d.errors import Ag06Error

SUFFIXES = (".tar.gz", ".tgz", ".zip")
LOG_BYTES = 256 << 10
JOURNAL_LINES = 2000
JOURNAL_S = 20.0
MESSAGES_MAX = 5000
TOLD_MAX = 64  # elements of a list; a longer one may be sound

app = Verbs()


class MissingError(Ag06Error):
    """A part that cannot be had, and why."""


def plain(value: Any) -> Any:  # noqa: ANN401 - whatever msgpack can carry
    """`value` as JSON can carry it, without anything in which there could be sound."""
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    if isinstance(value, Mapping):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value] if len(value) <= TOLD_MAX else f"<{len(value)} elements>"
    return value


def document(value: Any) -> str:  # noqa: ANN401 - whatever JSON can carry
    """JSON for people."""
    return json.dumps(value, indent=2, default=str) + "\n"


def versions(facts: Facts) -> str:
    """Of this package, what it needs, and the system."""
    needed = [requirement for requirement in requires("ag06d") or () if "extra ==" not in requirement]
    names = [match[0] for requirement in needed if (match := re.match(r"[\w.-]+", requirement))]
    packages = {}
    for name in sorted(names):
        try:
            packages[name] = version(name)
        except PackageNotFoundError:
            packages[name] = "not installed"
    return document(
        {
            "ag06d": version("ag06d"),
            "python": platform.python_version(),
            "packages": packages,
            "portaudio": facts.portaudio.get("version", facts.portaudio.get("error")),
            "kernel": platform.release(),
            "machine": platform.machine(),
            "cpus": os.cpu_count(),
            "libc": " ".join(platform.libc_ver()),
            "system": platform.freedesktop_os_release().get("PRETTY_NAME", ""),
        }
    )


def config(facts: Facts) -> str:
    """As `ag06d config` prints it, with secrets masked, below what is wrong in it."""
    whose = (
        []
        if facts.config_of_the_running
        else ["not the running daemon's: how that was started is not to be seen"]
    )
    remarks = [*whose, *facts.config_problems, *facts.config_warnings]
    return "".join(f"# {remark}\n" for remark in remarks) + facts.config_text


def asked(operation: str, summary: Callable[[dict[str, Any]], Any] = plain) -> Callable[[Facts], str]:
    """What the daemon answers to an operation."""

    def part(_: Facts) -> str:
        from ag06d.client import Client  # noqa: PLC0415 - numpy and ZeroMQ are slow to import

        with Client() as client:
            return document(summary(client.call(operation)))

    return part


def described(description: dict[str, Any]) -> dict[str, Any]:
    """Of what `describe` says, what there is, without its schemas."""
    return {
        "protocol": description["protocol"],
        "operations": {name: entry["doc"] for name, entry in description["operations"].items()},
        "topics": {
            name: {key: entry[key] for key in ("channel", "plugin", "version") if key in entry}
            for name, entry in description["topics"].items()
        },
        "paths": sorted(description["paths"]),
    }


def events(seconds: float) -> str:
    """What is published within so many seconds, a line of JSON each."""
    from ag06d.client import Client  # noqa: PLC0415 - numpy and ZeroMQ are slow to import

    lines: list[str] = []
    until = time.monotonic() + seconds
    with Client() as client:
        for message in client.follow("", timeout_s=seconds):
            told = {"topic": message.topic, "header": message.header, "body": plain(message.body)}
            lines.append(
                json.dumps(told | {"buffers": [len(buffer) for buffer in message.buffers]}, default=str)
            )
            if time.monotonic() > until or len(lines) == MESSAGES_MAX:
                break
    return "".join(f"{line}\n" for line in lines)


def log_tail(_: Facts) -> str:
    """The end of the log in the state folder."""
    path = paths.state_folder() / "ag06d.log"
    try:
        with path.open("rb") as log:
            log.seek(max(0, log.seek(0, io.SEEK_END) - LOG_BYTES))
            return log.read().decode(errors="replace")
    except OSError as error:
        raise MissingError(
            f"{path}: {error.strerror}; it is there where `ag06d run --view` has a terminal"
        ) from error


def journal(_: Facts) -> str:
    """The end of the service's journal."""
    if shutil.which("journalctl") is None:
        raise MissingError("there is no journalctl")
    command = ["journalctl", "--no-pager", "--lines", str(JOURNAL_LINES), "--identifier", "ag06d"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=JOURNAL_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise MissingError(f"journalctl did not end within {JOURNAL_S:g} s") from error
    if done.returncode:
        raise MissingError(done.stderr.strip())
    return done.stdout


def collect(facts: Facts, seconds: float) -> tuple[dict[str, bytes], dict[str, str]]:
    """Every part by its file's name, and those that could not be had with the reason."""
    makers: dict[str, Callable[[Facts], str]] = {
        "versions.json": versions,
        "doctor.json": lambda facts: document(examine(facts)),
        "config.toml": config,
        "status.json": asked("status"),
        "snapshot.json": asked("snapshot"),
        "recordings.json": asked("record.list"),
        "describe.json": asked("describe", described),
        "events.jsonl": lambda _: events(seconds),
        "log.txt": log_tail,
        "journal.txt": journal,
    }
    parts: dict[str, bytes] = {}
    missing: dict[str, str] = {}
    for name, make in makers.items():
        try:
            parts[name] = make(facts).encode(errors="backslashreplace")
        except (Ag06Error, OSError, subprocess.SubprocessError) as error:
            missing[name] = str(error)
    return parts, missing


def write(path: Path, parts: Mapping[str, bytes]) -> None:
    """One folder of files, as the suffix says; for our eyes only. Raises OSError; never overwrites."""
    top = path.name.partition(".")[0]
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        if path.name.endswith(".zip"):
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
                for name, content in parts.items():
                    archive.writestr(f"{top}/{name}", content)
            return
        with tarfile.open(fileobj=file, mode="w:gz") as tar:
            for name, content in parts.items():
                entry = tarfile.TarInfo(f"{top}/{name}")
                entry.size, entry.mtime, entry.mode = len(content), int(time.time()), 0o600
                tar.addfile(entry, io.BytesIO(content))


@app.command()
def dump(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE", help="A .tar.gz or .zip; default: the date, here.", show_default=False
        ),
    ] = None,
    seconds: Annotated[float, typer.Option(min=0, max=600, help="Listen for messages so long.")] = 3,
) -> None:
    """Put what a bug report needs into one file: versions, configuration, state, messages, log; no sound.

    For example: ag06ctl dump bug.zip
    """
    path = file or Path(f"ag06d-dump-{time.strftime('%Y-%m-%d_%H-%M-%S')}.tar.gz")
    if not path.name.endswith(SUFFIXES):
        raise typer.BadParameter(f"{path}: end it in {', '.join(SUFFIXES)}")
    parts, missing = collect(gather(), seconds)
    try:
        write(path, parts)
    except OSError as error:
        fail(f"{path}: {error.strerror}", EXIT_REFUSED)
    sizes = {name: len(content) for name, content in parts.items()}
    show(
        {"path": str(path.absolute()), "files": sizes, "missing": missing},
        *(f"{size:>9}  {name}" for name, size in sizes.items()),
        *(f"{'-':>9}  {name}: {reason}" for name, reason in missing.items()),
        f"{path}: read it before you give it to others; the log may tell more than you want",
    )
