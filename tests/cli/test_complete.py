"""Completion, asked for as a shell does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

AG06CTL = str(Path(sys.executable).parent / "ag06ctl")


@pytest.fixture
def complete(folders):
    """What bash would offer for these words, the last of them unfinished."""

    def complete(*words: str) -> list[str]:
        environ = os.environ | {
            "AG06D_RUNTIME_DIR": str(folders.folder),
            "_AG06CTL_COMPLETE": "complete_bash",
            "COMP_WORDS": "\n".join(["ag06ctl", *words]),
            "COMP_CWORD": str(len(words)),
        }
        done = subprocess.run([AG06CTL], env=environ, capture_output=True, text=True, timeout=60, check=False)
        assert done.stderr == ""
        return done.stdout.split()

    return complete


@pytest.mark.usefixtures("daemon")
def test_paths_values_presets_topics_and_hosts_are_the_daemons(ctl, complete):
    ctl("set", "chain.a.comp.ratio=7.5")
    assert complete("get", "audio.") == ["audio.bypass", "audio.mute", "audio.slot"]
    assert "chain.a.comp" in complete("describe", "chain.a.c")
    assert complete("set", "audio.") == ["audio.mute=", "audio.bypass=", "audio.slot="]
    assert complete("set", "chain.a.comp.rat")[0] == "chain.a.comp.ratio=7.5"
    assert complete("set", "preset.") == []
    assert complete("preset", "apply", "voice") == ["voice", "voice-warm"]
    assert complete("watch", "schema") == ["schema"]
    assert complete("watch", "trace") == ["trace"]
    assert complete("watch", "x") == ["x.vector"]
    assert complete("watch", "x.vector", "met") == ["meters"]
    assert complete("hosts", "") == ["live"]


@pytest.mark.usefixtures("daemon")
def test_after_the_equals_sign_bash_is_offered_the_value_alone(complete):
    assert complete("set", "audio.slot", "=") == ["a", "b", "!"]
    assert complete("set", "audio.slot", "=", "b") == ["b"]
    assert complete("set", "audio.slot", "=", "b", "audio.mute", "=", "t") == ["true"]
    assert complete("set", "audio.slot", "=", "b", "audio.m")[0] == "audio.mute=false"


@pytest.mark.parametrize("words", [("set", "aud"), ("preset", "apply", ""), ("watch", ""), ("hosts", "")])
def test_without_a_daemon_nothing_is_offered_and_nothing_said(complete, words):
    assert complete(*words) == []


def test_with_a_daemon_that_does_not_answer_nothing_is_offered(folders, complete):
    import zmq  # noqa: PLC0415 - this test alone

    folders.folder.mkdir()
    with zmq.Context() as context, context.socket(zmq.ROUTER) as mute:
        mute.bind(folders.control)
        assert complete("set", "aud") == []


def test_verbs_and_options_need_no_daemon(complete):
    assert {"status", "snapshot", "preset"} <= set(complete(""))
    assert "--json" in complete("get", "--")
