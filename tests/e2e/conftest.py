"""The daemon run for real, as a user runs it, and the sound server and mixer that it is run on."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from ag06d.client import Client, Message
from ag06d.errors import NoDaemonError
from ag06d.paths import SHIPPED_RECORDING, Sockets

HERE = Path(__file__).parent
BIN = Path(sys.executable).parent
PATIENCE_S = 60.0  # with a machine that may have much else to do
BLOCK = 128
Status = dict[str, Any]


def until(what: Callable[[], Any], describe: Callable[[], object], patience_s: float = PATIENCE_S) -> Any:
    """The first result of `what` that is true; fails with `describe()` when there is none in time."""
    give_up = time.monotonic() + patience_s
    while not (found := what()):
        if time.monotonic() > give_up:
            pytest.fail(f"not within {patience_s:g} s: {describe()}")
        time.sleep(0.02)
    return found


def descendants(pid: int) -> dict[int, str]:
    """Every process below `pid`, with its time of birth, so that a pid used again is not taken for it."""
    parents, births = {}, {}
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            parents[int(entry.name)], births[int(entry.name)] = int(fields[1]), fields[19]
    found: set[int] = set()
    while more := {child for child, parent in parents.items() if parent in found | {pid}} - found:
        found |= more
    return {child: births[child] for child in found}


def living(processes: Mapping[int, str]) -> list[int]:
    """Those of `processes` that run."""
    alive = []
    for pid, birth in processes.items():
        with suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            if fields[19] == birth and fields[0] != "Z":
                alive.append(pid)
    return alive


class Listener:
    """Subscriptions that are in effect; keeps all it hears."""

    def __init__(self, client: Client, topics: Sequence[str]) -> None:
        self._follower = client.follow(*topics)
        self.heard: list[Message] = []

    def take(self) -> None:
        while (message := self._follower.receive()) is not None:
            self.heard.append(message)

    def until(self, condition: Callable[[Message], bool]) -> Message:
        """The first message heard that fits."""
        checked = 0

        def found() -> Message | None:
            nonlocal checked
            self.take()
            news, checked = self.heard[checked:], len(self.heard)
            return next((message for message in news if condition(message)), None)

        return until(found, lambda: [(message.topic, message.body) for message in self.heard[-20:]])

    def count(self, number: int) -> list[Message]:
        """The first `number` messages."""
        until(lambda: self.take() or len(self.heard) >= number, lambda: f"{len(self.heard)} messages")
        return self.heard[:number]


class Daemon:
    """`ag06d run` in folders of its own."""

    def __init__(  # noqa: PLR0913 - the ways to start it
        self,
        *settings: str,
        arguments: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        prefix: Sequence[str] = (),
        folder: Path | None = None,
        tracebacks: bool = False,
        stdin: int = subprocess.DEVNULL,
    ) -> None:
        """`tracebacks`: those of bad plugins are expected in the log."""
        self._made = folder is None
        self.folder = folder or Path(tempfile.mkdtemp(prefix="ag06-e2e-", dir="/tmp"))
        self.sockets = Sockets(self.folder / "run")
        self.tracebacks = tracebacks
        self.env = os.environ | {
            "AG06D_RUNTIME_DIR": str(self.folder / "run"),
            "AG06D_STATE_DIR": str(self.folder / "state"),
            "PYTHONPATH": str(HERE / "bad_plugins"),
            **(env or {}),
        }
        self.errors = self.folder / "errors"
        self.output = self.folder / "output"
        options = [part for setting in settings for part in ("-o", setting)]
        with self.errors.open("wb") as stderr, self.output.open("wb") as stdout:
            self.process = subprocess.Popen(
                [*prefix, str(BIN / "ag06d"), "run", *options, *arguments],
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                env=self.env,
                start_new_session=True,
            )
        self.client = Client(self.sockets, timeout_s=20)

    def log(self) -> str:
        return self.errors.read_text(errors="replace")

    def status(self) -> Status:
        return self.client.status()

    def wait(self, condition: Callable[[Status], Any], patience_s: float = PATIENCE_S) -> Status:
        """The first status that fits."""
        status: Status = {}

        def fits() -> bool:
            nonlocal status
            assert self.process.poll() is None, f"the daemon ended: {self.log()}"
            if (self.folder / "run" / "control.sock").exists():
                with suppress(NoDaemonError):
                    status = self.status()
                    return bool(condition(status))
            return False

        until(fits, lambda: f"{json.dumps(status)}\n{self.log()[-3000:]}", patience_s)
        return status

    def once_it_answers(self) -> Daemon:
        """Itself, as soon as there is somebody to talk to."""
        self.wait(lambda _: True)
        return self

    def running(self) -> Status:
        """Wait until sound flows and every host is at work."""
        return self.wait(
            lambda status: (
                status["state"] == "running"
                and all(host["state"] == "running" for host in status["hosts"].values())
            )
        )

    def ctl(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """`ag06ctl ...` to its end."""
        return subprocess.run(
            [str(BIN / "ag06ctl"), *arguments],
            env=self.env,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
            **options,
        )

    def begin_ctl(self, *arguments: str) -> subprocess.Popen[str]:
        """`ag06ctl ...`, to be read from while it runs."""
        pipe = subprocess.PIPE
        command = [str(BIN / "ag06ctl"), *arguments]
        return subprocess.Popen(command, env=self.env, stdout=pipe, stderr=pipe, text=True)

    @contextmanager
    def listen(self, *topics: str) -> Iterator[Listener]:
        """Hear what is published from now on."""
        with Client(self.sockets, timeout_s=20) as client:
            yield Listener(client, topics)

    def report(self, plugin: str = "counts", *, afresh: bool = False) -> dict[str, Any]:
        """The account of a well-behaved plugin."""
        return self.client.call(f"{plugin}.report", afresh=afresh)

    def hit(self, pid: int, number: signal.Signals) -> None:
        assert pid in descendants(self.process.pid)
        os.kill(pid, number)

    def children(self) -> dict[int, str]:
        return descendants(self.process.pid)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> float:
        """Stop it and check how it ended; the seconds that it took."""
        children = self.children()
        began = time.monotonic()
        self.process.send_signal(number)
        status = self.process.wait(PATIENCE_S)
        took_s = time.monotonic() - began
        self.check(status, children)
        return took_s

    def check(self, status: int, children: Mapping[int, str]) -> None:
        assert status == 0, self.log()
        # One that gives way to everything, as the store's keeper does, ends when the machine lets it.
        until(lambda: not living(children), lambda: living(children))
        if not self.tracebacks:
            assert "Traceback" not in self.log(), self.log()

    def close(self) -> None:
        """Clean up, however the test ended."""
        self.client.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if self._made:
            shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def run_daemon(*settings: str, **options: Any) -> Iterator[Daemon]:
    """A daemon, stopped and checked at the end unless the test has ended it."""
    daemon = Daemon(*settings, **options)
    try:
        yield daemon
        if daemon.process.poll() is None:
            daemon.stop()
    finally:
        daemon.close()


def no_frame_lost(status: Status) -> bool:
    """Whether the account of the sound is whole: one stream, and every frame that the clock asks for.

    True only at times on a machine that is held up, when the newest callbacks are still to come; a
    frame that was lost keeps it false for ever.
    """
    audio = status["audio"]
    missing = audio["expected_frames"] - audio["frames"]
    return (
        audio["streams"] == 1
        and audio["restarts"] == 0
        and audio["gap_frames"] == 0
        and missing <= 8 * status["device"]["block"]
    )


@pytest.fixture(scope="session")
def start() -> Any:
    """Starts a daemon: `with start("section.key=value", ...) as daemon`."""
    return run_daemon


@pytest.fixture(scope="session")
def whole() -> Any:
    """Whether a status shows that no frame of sound was lost."""
    return no_frame_lost


@pytest.fixture
def nothing_lost(daemon: Daemon, whole: Callable[[Status], bool]) -> Iterator[None]:
    """After each test of a module's `daemon`: no frame lost, by the audio process or by a host."""
    yield
    status = daemon.wait(whole)
    assert {host["restarts"] for host in status["hosts"].values()} == {0}
    report = daemon.report()
    assert (report["breaks"], report["lost"], report["gap_frames"]) == ([], 0, 0)


@pytest.fixture(scope="session")
def children() -> Any:
    """Every process below a pid."""
    return descendants


@pytest.fixture(scope="session")
def poll() -> Any:
    """Waits for a condition: `poll(condition, describe)`."""
    return until


@pytest.fixture(scope="session")
def alive() -> Any:
    """Those of some processes that run."""
    return living


@pytest.fixture(scope="session")
def sine(tmp_path_factory) -> Path:
    """A recording of a sine wave that loops without a seam: 200 Hz, half of full scale."""
    path = tmp_path_factory.mktemp("sine") / "sine.wav"
    wave = 0.5 * np.sin(2 * np.pi * 200 / 48000 * np.arange(48000))
    soundfile.write(path, wave, 48000, subtype="FLOAT")
    return path


class SoundServer:
    """A JACK server of our own on the dummy backend, which may be killed and started again."""

    def __init__(self, folder: Path) -> None:
        # Always the same name: JACK has room for eight servers, and gives the place of one that was
        # killed to none but the next of its name.
        self.name = "ag06-e2e"
        self.env = {"JACK_DEFAULT_SERVER": self.name, "JACK_NO_START_SERVER": "1"}
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, rate: int = 48000) -> None:
        command = ["jackd", "-n", self.name, "-d", "dummy", "-r", str(rate), "-p", str(BLOCK)]
        with (self._folder / f"{self.name}.log").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=os.environ | self.env
            )
        until(self._answers, (self._folder / f"{self.name}.log").read_text)

    def _answers(self) -> bool:
        asked = subprocess.run(
            [shutil.which("jack_lsp")],
            env=os.environ | self.env,
            capture_output=True,
            timeout=PATIENCE_S,
            check=False,
        )
        return asked.returncode == 0

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def hold(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        self.end()
        for left in Path("/dev/shm").glob(f"*{self.name}*"):  # noqa: S108 - where JACK puts it
            shutil.rmtree(left) if left.is_dir() else left.unlink()


class Mixer:
    """The fake mixer, in a process of its own."""

    def __init__(self, server: SoundServer, folder: Path) -> None:
        self._folder = folder
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "fake_mixer.py"), str(SHIPPED_RECORDING)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | server.env,
            text=True,
        )
        assert self._process.stdout.readline() == "ready\n"

    def kept(self) -> np.ndarray:
        """The last two seconds, (frames, 4): played left and right, come back left and right."""
        path = self._folder / "kept.npy"
        self._process.stdin.write(f"{path}\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline() == "kept\n"
        return np.load(path)

    def remove(self) -> None:
        self._process.kill()
        self._process.wait()
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.stdout.close()


@pytest.fixture
def jack_server(tmp_path) -> Iterator[SoundServer]:
    """A sound server, not started yet."""
    if shutil.which("jackd") is None or shutil.which("jack_lsp") is None:
        pytest.skip("jackd is not installed (Debian: jackd2)")
    server = SoundServer(tmp_path)
    yield server
    server.close()


@pytest.fixture
def make_mixer(jack_server, tmp_path) -> Iterator[Callable[[], Mixer]]:
    """Plugs a fake mixer in."""
    mixers: list[Mixer] = []

    def make() -> Mixer:
        mixers.append(Mixer(jack_server, tmp_path))
        return mixers[-1]

    yield make
    for mixer in mixers:
        mixer.remove()


@pytest.fixture(scope="session")
def ag06d() -> Any:
    """`ag06d ...` to its end, without a daemon about: `ag06d("replay", file)`."""

    def run(*arguments: str | Path, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        with tempfile.TemporaryDirectory(prefix="ag06-e2e-") as folder:
            folders = {"AG06D_RUNTIME_DIR": f"{folder}/run", "AG06D_STATE_DIR": f"{folder}/state"}
            return subprocess.run(
                [str(BIN / "ag06d"), *map(str, arguments)],
                env=os.environ | folders | dict(env or {}),
                capture_output=True,
                text=True,
                timeout=90,
                check=False,
            )

    return run
