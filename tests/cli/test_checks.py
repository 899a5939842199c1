"""What the doctor finds, of machines that are made up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ag06d.cli.checks import ADVICE_FOR, CHECKS
from ag06d.cli.doctor import examine, lines
from ag06d.cli.facts import Facts, Folder

MIXER = {"name": "AG06/AG03: USB Audio (hw:1,0)", "api": "ALSA", "inputs": 2, "outputs": 2, "rate": 48000}
PCM = "/dev/snd/pcmC1D0c"
STATUS = {
    "state": "running",
    "reason": "",
    "device": {"name": MIXER["name"], "rate": 48000, "block": 128},
    "pids": {"ag06d": 10, "audio": 11},
    "audio": {
        "callbacks": 1000,
        "policy": "fifo",
        "priority": 60,
        "overruns": 0,
        "late": 0,
        "nan_trips": 0,
        "gap_frames": 0,
        "flags": {"input_overflows": 0, "priming": 7},
    },
    "hosts": {"live": {"lost_frames": 0}},
    "plugins": {"features": {"state": "running"}},
}
HEALTHY = Facts(
    user="studio",
    groups=frozenset({"studio", "audio"}),
    governors={"cpu0": "performance"},
    portaudio={"version": "PortAudio V19.6.0, revision x", "devices": [MIXER]},
    usb_mixers=("AG06/AG03",),
    sound_cards=(PCM,),
    holders={PCM: ("python (pid 11)",)},
    servers=("pipewire", "wireplumber"),
    runtime=Folder(Path("/run/ag06d"), writable=True, free=1 << 40),
    state=Folder(Path("/var/lib/ag06d"), writable=True, free=1 << 40),
    sockets={"control.sock": True},
    config={"audio": {"device": "auto", "rate": 48000}, "hosts": {"live": {"plugins": ["features"]}}},
    plugins={"features": ""},
    status=STATUS,
)
STOPPED = replace(HEALTHY, status=None, status_error="no daemon answers", holders={}, sockets={})
FULL = Folder(Path("/var/lib/ag06d"), writable=True, free=1 << 20)
CLOSED = Folder(Path("/run/ag06d"), writable=False, free=1 << 40)


def status(**changes):
    return replace(HEALTHY, status=STATUS | changes)


def audio(**changes):
    return status(audio=STATUS["audio"] | changes)


def devices(*found):
    return replace(STOPPED, portaudio={"version": "V", "devices": found})


def configured(facts, **audio):
    return replace(facts, config=facts.config | {"audio": facts.config["audio"] | audio})


ILL = [
    ("daemon", STOPPED, "warning", "no daemon answers"),
    ("daemon", status(state="waiting", reason="no AG06"), "warning", "waiting: no AG06"),
    ("daemon", status(state="stalled"), "problem", "stalled"),
    ("sockets", replace(STOPPED, sockets={"control.sock": False}), "warning", "control.sock"),
    ("folders", replace(HEALTHY, runtime=CLOSED), "problem", "/run/ag06d cannot be written by studio"),
    ("folders", replace(HEALTHY, state=CLOSED), "problem", "cannot be written"),
    ("disk_space", replace(HEALTHY, state=replace(FULL, free=500 << 20)), "warning", "500 MiB"),
    ("disk_space", replace(HEALTHY, state=FULL), "problem", "0 minutes"),
    ("config", replace(HEALTHY, config_problems=("a.toml: audio.blok: no such key",)), "problem", "blok"),
    ("config", replace(HEALTHY, config_of_the_running=False), "warning", "cannot be seen"),
    ("config", replace(HEALTHY, config_warnings=("hosts.live: x",)), "warning", "hosts.live: x"),
    ("plugins", replace(HEALTHY, plugins={"features": "ImportError: x"}), "problem", "ImportError: x"),
    ("plugins", replace(HEALTHY, plugins={"features": "", "other": "x"}), "warning", "other does not load"),
    ("plugins", replace(STOPPED, plugins={}), "problem", "not installed: features"),
    ("plugins", status(plugins={"features": {"state": "refused", "reason": "no"}}), "warning", "refused: no"),
    ("real_time_limit", replace(HEALTHY, real_time_error="not permitted"), "warning", "not permitted"),
    ("real_time", audio(policy="other", priority=0), "problem", "policy other"),
    ("locked_memory", replace(HEALTHY, locked_limit=8 << 20), "warning", "8 MiB"),
    ("governor", replace(HEALTHY, governors={"cpu0": "powersave"}), "warning", "powersave"),
    ("memory", replace(HEALTHY, available=100 << 20), "problem", "100 MiB"),
    ("memory", replace(HEALTHY, shared_free=1 << 20), "warning", "1 MiB in /dev/shm"),
    ("memory", replace(HEALTHY, memfd_error="not permitted"), "problem", "not permitted"),
    ("portaudio", replace(HEALTHY, portaudio={"error": "OSError: not found"}), "problem", "not found"),
    ("usb_driver", replace(HEALTHY, usb_audio=False), "problem", "AG06/AG03 is plugged in"),
    ("audio_group", replace(HEALTHY, sound_card_error=f"{PCM}: denied"), "problem", PCM),
    ("mixer", devices(), "problem", "no AG06 or AG03"),
    ("mixer", devices(MIXER | {"name": "HDA Intel"}), "problem", "no AG06 or AG03"),
    ("mixer", configured(devices(), fallback="recording"), "warning", "no AG06 or AG03"),
    ("mixer", configured(devices(MIXER), device="Scarlett"), "problem", "'Scarlett'"),
    ("mixer", devices(MIXER | {"inputs": 0}), "problem", "0 inputs"),
    ("mixer", devices(MIXER | {"rate": 44100}), "warning", "44100 Hz, and audio.rate is 48000"),
    ("holders", replace(HEALTHY, holders={PCM: ("jackd (pid 9)",)}), "warning", "jackd (pid 9)"),
    ("sound_servers", replace(HEALTHY, servers=("jackd", "pipewire")), "warning", "jackd, pipewire"),
    ("sound_servers", replace(HEALTHY, servers=("pulseaudio",)), "warning", "pulseaudio"),
    ("audio_account", audio(overruns=3, flags={"input_overflows": 2}), "warning", "3 overruns, 2 input"),
    ("audio_account", status(hosts={"live": {"lost_frames": 5}}), "warning", "5 frames lost by host live"),
]


@pytest.mark.parametrize("facts", [HEALTHY, replace(STOPPED, status=None)], ids=["running", "stopped"])
def test_of_a_machine_that_is_well_nothing_is_wrong(facts):
    document = examine(facts)
    wrong = [finding["check"] for finding in document["findings"] if finding["level"] != "ok"]
    assert wrong == ([] if facts.status else ["daemon"])
    assert document["problem"] == 0


@pytest.mark.parametrize(("check", "facts", "level", "found"), ILL)
def test_what_is_wrong_is_found_by_its_check_alone_and_comes_with_what_to_do(check, facts, level, found):
    finding = CHECKS[check](facts)
    assert finding.level == level
    assert found in finding.found
    assert finding.advice
    document = examine(facts)
    others = {f["check"] for f in document["findings"] if f["level"] != "ok"} - {check, "daemon"}
    assert others == set()
    assert document["problem"] == (level == "problem")


def test_the_advice_for_a_plugin_fits_its_state():
    for state, words in ADVICE_FOR.items():
        ill = CHECKS["plugins"](status(plugins={"features": {"state": state}}))
        assert (ill.level, ill.advice) == ("warning", words)


def test_every_check_is_shown_to_find_something():
    assert {check for check, *_ in ILL} == CHECKS.keys()


def test_of_nothing_that_could_be_learnt_every_check_makes_something():
    for finding in examine(Facts(status_error="?"))["findings"]:
        assert finding["found"]


def test_where_a_recording_is_played_no_mixer_and_no_real_time_are_missed():
    facts = status(
        device={"name": "recording:studio.flac", "rate": 48000, "block": 128},
        audio=STATUS["audio"] | {"policy": "other"},
    )
    facts = replace(facts, portaudio={"version": "V", "devices": []})
    assert CHECKS["mixer"](facts).level == "ok"
    assert CHECKS["real_time"](facts).level == "warning"


def test_a_person_reads_every_finding_with_its_advice_below_and_the_sum_at_the_end():
    told = lines(examine(replace(HEALTHY, state=FULL)))
    (at,) = [number for number, line in enumerate(told) if line.startswith("problem")]
    assert "disk space" in told[at]
    assert told[at + 1].strip() == "-> make room"
    assert told[-1].endswith("0 warning, 1 problem")
