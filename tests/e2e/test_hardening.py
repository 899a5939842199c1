"""What systemd's MemoryDenyWriteExecute forbids, the daemon does not need."""

from __future__ import annotations

import subprocess
import sys

import pytest

DENIED = 77
DENY_WRITE_EXECUTE = f"""
import ctypes, os, sys
PR_SET_MDWE, REFUSE_EXEC_GAIN = 65, 1
if ctypes.CDLL(None).prctl(PR_SET_MDWE, REFUSE_EXEC_GAIN, 0, 0, 0):
    os._exit({DENIED})
os.execvp(sys.argv[1], sys.argv[1:])
"""
PREFIX = [sys.executable, "-c", DENY_WRITE_EXECUTE]


@pytest.mark.jack
def test_a_stream_runs_where_no_memory_may_become_executable(start, jack_server, make_mixer):
    if subprocess.run([*PREFIX, "true"], check=False).returncode == DENIED:
        pytest.skip("this kernel has no PR_SET_MDWE (Linux 6.3)")
    jack_server.start()
    make_mixer()
    with start("preset.start=flat", env=jack_server.env, prefix=PREFIX) as daemon:
        first = daemon.running()
        assert "AG06/AG03" in first["device"]["name"]
        daemon.wait(lambda now: now["audio"]["frames"] > first["audio"]["frames"] + 48000)
