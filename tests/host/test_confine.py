"""What a host gives up before it runs a plugin, even as root."""

from __future__ import annotations

import subprocess
import sys

import pytest

TRY = """
import os
from ag06d.host.__main__ import confine
confine({scheduling!r}, 0, 512)
try:
    {attempt}
except (PermissionError, ValueError):
    print("refused")
"""


def attempt(what: str, scheduling: str = "other") -> str:
    code = TRY.format(attempt=what, scheduling=scheduling)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout


@pytest.mark.parametrize("scheduling", ["other", "batch", "idle"])
@pytest.mark.parametrize("policy", ["SCHED_FIFO", "SCHED_RR"])
def test_real_time_scheduling_is_refused(policy, scheduling):
    what = f"os.sched_setscheduler(0, os.{policy}, os.sched_param(1))"
    assert attempt(what, scheduling) == "refused\n"


FIFO = "os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))"
LIMIT = f"import resource; resource.setrlimit(resource.RLIMIT_RTPRIO, (9, 9)); {FIFO}"
EXEC = f"os.execl({sys.executable!r}, 'python', '-c', {f'import os; {FIFO}'!r})"


@pytest.mark.parametrize("what", ["os.nice(-1)", LIMIT], ids=["niceness", "by the limit"])
def test_neither_niceness_nor_a_way_round_it_is_had(what):
    assert attempt(what) == "refused\n"


def test_what_is_executed_has_no_more_rights():
    code = TRY.format(attempt=EXEC, scheduling="other")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "PermissionError" in done.stderr
