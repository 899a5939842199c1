"""`ag06ctl record` of a daemon that ends; tests/e2e/test_record.py records."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from ag06d.cli.record import left_behind
from ag06d.errors import NoDaemonError


@pytest.mark.parametrize(
    ("there", "reason", "path"),
    [
        (["take.wav"], "shutdown", "take.wav"),
        (["take.wav.part"], "killed", "take.wav.part"),
        (["take.wav", "take.wav.part"], "killed", "take.wav.part"),
    ],
)
def test_the_files_say_what_the_end_of_the_daemon_has_made_of_a_recording(tmp_path, there, reason, path):
    for name in there:
        soundfile.write(tmp_path / name, np.zeros((480, 2)), 48000, format="WAV")
    end = left_behind({"recording": "r1", "path": str(tmp_path / "take.wav"), "frames": 5, "lost_frames": 1})
    assert (end["state"], end["reason"], end["frames"], end["lost_frames"]) == ("finished", reason, 480, 1)
    assert end["path"] == str(tmp_path / path)


def test_of_a_file_that_is_not_there_nothing_is_claimed(tmp_path):
    with pytest.raises(NoDaemonError, match=r"neither .*take\.wav nor"):
        left_behind({"recording": "r1", "path": str(tmp_path / "take.wav")})
