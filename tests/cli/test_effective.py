from __future__ import annotations

import subprocess
import sys

import pytest

from ag06d.cli.effective import Start, configuration, configuring


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("ag06d run", ""),
        ("ag06ctl status", ""),
        (
            "python -c x ag06d run --config a.toml --view -c b.toml -o x.y=1",
            "--config a.toml -c b.toml -o x.y=1",
        ),
        ("ag06d run --config=a.toml -ox.y=1 --duration 5", "--config=a.toml -ox.y=1"),
    ],
)
def test_of_a_daemons_arguments_those_that_configure_it_are_taken(command, expected):
    assert configuring(command.split()) == expected.split()


def test_what_is_wrong_in_the_configuration_a_daemon_was_started_with_is_told(tmp_path):
    (tmp_path / "my.toml").write_text("[audio]\nblok = 64\n")
    command = [
        sys.executable,
        "-c",
        "import sys; print(flush=True); sys.stdin.read()",
        "run",
        "--config",
        "my.toml",
    ]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, cwd=tmp_path) as daemon:
        daemon.stdout.readline()  # until then it is not all there
        wrong = configuration(daemon.pid)
        (tmp_path / "my.toml").write_text("[audio]\nblock = 64\n")
        right = configuration(daemon.pid)
        daemon.stdin.close()
    assert "blok" in wrong.problems[0]
    assert (right.tree["audio"]["block"], right.problems) == (64, ())


def test_a_process_that_there_is_not_or_is_not_ours_has_no_start():
    assert Start.of(None) == Start.of(2**22 + 1) == Start()
