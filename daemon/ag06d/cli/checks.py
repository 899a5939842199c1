"""The checks of `ag06ctl doctor`: each is given the facts and says what it finds, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from ag06d.cli.facts import MIB, Facts

Level = Literal["ok", "warning", "problem"]

MIXERS = ("AG06", "AG03")
CHANNELS = 2
FRAME_BYTES = 8  # stereo, float32
LOCKED_LEAST = 64 * MIB
SHARED_LEAST = 64 * MIB
MEMORY_LEAST = 256 * MIB
DISK_LEAST, DISK_ENOUGH = 50 * MIB, 1024 * MIB


ADVICE_FOR = {
    "degraded": "degraded: a frame took longer than deadline_ms, or raised; it passes after 5 s without, and "
    "`ag06ctl plugins trace NAME` shows what takes long",
    "quarantined": "quarantined: see the log, mend it, then `ag06ctl plugins enable NAME`",
    "refused": "refused: do what its reason says, then `ag06ctl plugins enable NAME`",
    "disabled": "disabled: `ag06ctl plugins enable NAME` lets it run again",
}
"""State of a plugin to what can be done about it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found; `advice` is what to do, where something is to be done."""

    level: Level
    found: str
    advice: str = ""


Check = Callable[[Facts], Finding | None]
CHECKS: dict[str, Check] = {}


def check(function: Check) -> Check:
    """Have the doctor make this check; it returns None where there is nothing to be looked at."""
    CHECKS[function.__name__] = function
    return function


def plays_recording(facts: Facts) -> bool:
    """Whether no sound card is wanted, or another device took its place."""
    name = facts.status["device"]["name"] if facts.status else facts.audio.get("device", "auto")
    return str(name).partition(":")[0] == "recording"


@check
def daemon(facts: Facts) -> Finding | None:
    """Whether one runs, and how it is."""
    if facts.status is None:
        return Finding("warning", facts.status_error, "start it; what only it can tell is left out here")
    state, reason = facts.status["state"], facts.status["reason"]
    found = f"pid {facts.status['pids']['ag06d']}, {state}{f': {reason}' if reason else ''}"
    if state in ("running", "starting"):
        return Finding("ok", found)
    return Finding("problem" if state == "stalled" else "warning", found, "see the log")


@check
def sockets(facts: Facts) -> Finding | None:
    """Files of sockets that nobody listens on."""
    dead = [name for name, answering in facts.sockets.items() if not answering]
    if dead:
        found = f"nobody listens on {', '.join(dead)} in {facts.runtime.path}"
        return Finding("warning", found, "left by a daemon that was killed; the next one replaces them")
    return Finding("ok", f"{', '.join(facts.sockets) or 'none'} in {facts.runtime.path}")


@check
def folders(facts: Facts) -> Finding | None:
    """Whether the daemon could write where it has to."""
    for folder, variable in ((facts.runtime, "AG06D_RUNTIME_DIR"), (facts.state, "AG06D_STATE_DIR")):
        if not folder.writable:
            advice = f"give it to {facts.user}, or set {variable} to another"
            return Finding("problem", f"{folder.path} cannot be written by {facts.user}", advice)
    return Finding("ok", f"{facts.runtime.path} and {facts.state.path} can be written")


@check
def disk_space(facts: Facts) -> Finding | None:
    """How much can be recorded."""
    rate = int(facts.audio.get("rate", 48000))
    minutes = facts.state.free / (rate * FRAME_BYTES) / 60
    found = f"{facts.state.free // MIB} MiB free for {facts.state.path}: {minutes:.0f} minutes of stereo WAV"
    if facts.state.free < DISK_ENOUGH:
        return Finding("problem" if facts.state.free < DISK_LEAST else "warning", found, "make room")
    return Finding("ok", found)


@check
def config(facts: Facts) -> Finding | None:
    """Whether `ag06d check` has nothing to say."""
    if facts.config_problems:
        return Finding(
            "problem", "; ".join(facts.config_problems), "mend it; `ag06d check` says when it is good"
        )
    if facts.config_warnings:
        return Finding("warning", "; ".join(facts.config_warnings), "see `ag06d check`")
    if not facts.config_of_the_running:
        found = "how the running daemon was started cannot be seen; one started here had a good configuration"
        return Finding("warning", found, f"ask as its user or as root, not as {facts.user}")
    return Finding("ok", "the configuration is good")


@check
def plugins(facts: Facts) -> Finding | None:
    """Whether all that are installed load, and those that run are well."""
    broken = {name: error for name, error in facts.plugins.items() if error}
    wanted = {name for host in facts.config.get("hosts", {}).values() for name in host.get("plugins", ())}
    if broken:
        found = "; ".join(f"{name} does not load: {error}" for name, error in broken.items())
        level: Level = "problem" if wanted & broken.keys() else "warning"
        return Finding(level, found, "install what it needs, or take it out of its host's plugins")
    running = facts.status["plugins"] if facts.status else {}
    if missing := sorted(wanted - facts.plugins.keys() - running.keys()):
        return Finding(
            "problem", f"not installed: {', '.join(missing)}", "install them, or take them out of hosts"
        )
    ill = [
        f"{name} is {plugin['state']}{': ' + plugin['reason'] if plugin.get('reason') else ''}"
        for name, plugin in running.items()
        if plugin["state"] not in ("running", "starting")
    ]
    if ill:
        states = {plugin["state"] for plugin in running.values()}
        advice = "; ".join(words for state, words in ADVICE_FOR.items() if state in states)
        return Finding("warning", "; ".join(ill), advice or "see the log")
    return Finding("ok", f"{', '.join(facts.plugins) or 'none'} load{'' if len(facts.plugins) > 1 else 's'}")


@check
def real_time_limit(facts: Facts) -> Finding | None:
    """Whether a daemon that we start would get real time."""
    if not facts.real_time_error:
        return Finding("ok", f"{facts.user} may use real-time scheduling")
    return Finding(
        "warning",
        f"{facts.user} may not use real-time scheduling: {facts.real_time_error}",
        "put `@audio - rtprio 95` into /etc/security/limits.d/audio.conf and log in again; "
        "the systemd service has a limit of its own",
    )


@check
def real_time(facts: Facts) -> Finding | None:
    """Whether the daemon's audio thread got it."""
    if facts.status is None:
        return None
    policy, priority = facts.status["audio"]["policy"], facts.status["audio"]["priority"]
    found = f"the audio thread runs with policy {policy}, priority {priority}"
    if policy in ("fifo", "rr") or facts.audio.get("priority") == 0:
        return Finding("ok", found)
    level: Level = "warning" if plays_recording(facts) else "problem"
    return Finding(level, found, "give the daemon's user an rtprio limit, see real_time_limit")


@check
def locked_memory(facts: Facts) -> Finding | None:
    """What JACK and PipeWire need beside real time."""
    if 0 <= facts.locked_limit < LOCKED_LEAST:
        found = f"{facts.locked_limit // MIB} MiB may be locked in memory"
        advice = "put `@audio - memlock unlimited` into /etc/security/limits.d/audio.conf and log in again"
        return Finding("warning", found, advice)
    limit = "without limit" if facts.locked_limit < 0 else f"up to {facts.locked_limit // MIB} MiB"
    return Finding("ok", f"memory may be locked {limit}")


@check
def governor(facts: Facts) -> Finding | None:
    """Whether the CPUs change their speed."""
    slow = sorted({name for name in facts.governors.values() if name != "performance"})
    if slow:
        advice = "set it to performance while you record: cpupower frequency-set -g performance"
        return Finding("warning", f"the CPU governor is {', '.join(slow)}", advice)
    return Finding("ok", "performance" if facts.governors else "the kernel tells of no CPU governor")


@check
def memory(facts: Facts) -> Finding | None:
    """Whether there is room for the arena, the hosts and a sound server."""
    if facts.memfd_error:
        return Finding("problem", f"no shared memory: {facts.memfd_error}", "is memfd_create forbidden here?")
    found = f"{facts.available // MIB} MiB of memory and {facts.shared_free // MIB} MiB in /dev/shm are free"
    if facts.available < MEMORY_LEAST:
        return Finding("problem", found, f"{MEMORY_LEAST // MIB} MiB of memory should be: end something else")
    if facts.shared_free < SHARED_LEAST:
        return Finding("warning", found, f"JACK wants {SHARED_LEAST // MIB} MiB in /dev/shm: mount it larger")
    return Finding("ok", found)


@check
def portaudio(facts: Facts) -> Finding | None:
    """Whether PortAudio is there and answers."""
    if error := facts.portaudio.get("error"):
        advice = "install libportaudio2; if it is, a sound server that hangs may be in its way"
        return Finding("problem", f"PortAudio: {error}", advice)
    names = [f"{device['name']} ({device['api']})" for device in facts.portaudio.get("devices", ())]
    version = str(facts.portaudio.get("version")).partition(",")[0]
    return Finding("ok", f"{version}; devices: {', '.join(names) or 'none'}")


@check
def usb_driver(facts: Facts) -> Finding | None:
    """Whether a mixer that is plugged in has its driver."""
    if facts.usb_mixers and not facts.usb_audio:
        found = f"{', '.join(facts.usb_mixers)} is plugged in, and the kernel has no snd-usb-audio"
        return Finding("problem", found, "modprobe snd-usb-audio")
    driver = "snd-usb-audio is there" if facts.usb_audio else "snd-usb-audio is not loaded"
    return Finding("ok", f"on the USB: {', '.join(facts.usb_mixers) or 'nothing of Yamaha'}; {driver}")


@check
def audio_group(facts: Facts) -> Finding | None:
    """Whether we may use the sound card."""
    if not facts.sound_cards:
        return None
    if facts.sound_card_error:
        advice = f"usermod -aG audio {facts.user}, and log in again"
        return Finding("problem", facts.sound_card_error, advice)
    how = "is in the group audio" if "audio" in facts.groups else "may without the group audio"
    return Finding("ok", f"{facts.user} may use the sound cards: {how}")


@check
def mixer(facts: Facts) -> Finding | None:
    """Whether the device that is wanted is there, at the right rate."""
    if plays_recording(facts):
        return Finding("ok", "a recording is played; no mixer is needed")
    if facts.status is not None and facts.status["state"] in ("running", "degraded"):
        device = facts.status["device"]
        return Finding("ok", f"the daemon has {device['name']} at {device['rate']} Hz")
    wanted = str(facts.audio.get("device", "auto"))
    names = MIXERS if wanted == "auto" else (wanted,)
    devices = facts.portaudio.get("devices", ())
    found = [device for device in devices if any(name.lower() in device["name"].lower() for name in names)]
    what = "no AG06 or AG03" if wanted == "auto" else f"no device called {wanted!r}"
    if not found:
        level: Level = "warning" if facts.audio.get("fallback") else "problem"
        return Finding(
            level, what, "plug it in and switch it on, or set audio.device; the daemon waits for it"
        )
    duplex = [device for device in found if min(device["inputs"], device["outputs"]) >= CHANNELS]
    if not duplex:
        found_text = f"{found[0]['name']} has {found[0]['inputs']} inputs and {found[0]['outputs']} outputs"
        return Finding("problem", found_text, "another program may hold it, or its profile be output only")
    rate = facts.audio.get("rate", 48000)
    text = f"{duplex[0]['name']} ({duplex[0]['api']}) at {duplex[0]['rate']} Hz"
    if duplex[0]["rate"] != rate:
        advice = f"set audio.rate={duplex[0]['rate']}, or the mixer and its sound server to {rate}"
        return Finding("warning", f"{text}, and audio.rate is {rate}", advice)
    return Finding("ok", text)


@check
def holders(facts: Facts) -> Finding | None:
    """Who else has a sound card open."""
    own = str(facts.status["pids"]["audio"]) if facts.status else ""
    others = sorted(
        f"{card} by {holder}"
        for card, held in facts.holders.items()
        for holder in held
        if f"(pid {own})" not in holder
    )
    if not others:
        return Finding("ok", "nobody else has a sound card open, as far as can be seen")
    advice = "ALSA gives a card to one program: stop the other, or let both go through JACK or PipeWire"
    return Finding("warning", "; ".join(others), advice)


@check
def sound_servers(facts: Facts) -> Finding | None:
    """Which run; each may hold the mixer."""
    names = ", ".join(facts.servers)
    if "pulseaudio" in facts.servers or {"pipewire", "jackd"} <= set(facts.servers):
        return Finding(
            "warning", f"running: {names}", "let one server have the mixer, and turn it off in the others"
        )
    return Finding(
        "ok", f"running: {names}" if names else "no sound server runs; ALSA has the card for itself"
    )


@check
def audio_account(facts: Facts) -> Finding | None:
    """What the daemon has lost so far."""
    if facts.status is None:
        return None
    audio = facts.status["audio"]
    counts = {"overruns": audio["overruns"], "late": audio["late"], "NaN trips": audio["nan_trips"]}
    counts |= {name.replace("_", " "): count for name, count in audio["flags"].items() if name != "priming"}
    counts["frames missed while the device was away"] = audio.get("gap_frames", 0)
    for name, host in facts.status["hosts"].items():
        counts[f"frames lost by host {name}"] = host["lost_frames"]
    lost = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    if lost:
        advice = "see real_time and governor; a larger audio.block gives more time"
        return Finding("warning", f"of {audio['callbacks']} callbacks: {lost}", advice)
    return Finding("ok", f"{audio['callbacks']} callbacks, and nothing was lost")
