"""The operations that tell how the daemon is: `status`, `hosts.list`, `plugins.list`."""

from __future__ import annotations

from ag06d.wire.vocabulary.model import Answer, Operation, Part, Slot


class Latencies(Part):
    """Latencies of a device, as it tells them."""

    input: float
    output: float


class RunningDevice(Part):
    """The audio device while it runs; all of it is absent while there is none."""

    name: str = ""
    """Its name."""
    api: str = ""
    """What it is reached by; `recording` for a file."""
    path: str = ""
    """The file, of a recording."""
    latency_ms: Latencies | None = None
    """Latencies as the device tells them, in milliseconds; a recording has none."""


class Device(RunningDevice):
    """The audio device."""

    name: str
    """Its name; while there is none, what is looked for."""
    rate: int
    """Frames per second."""
    block: int
    """Frames per callback."""


class Durations(Part):
    """How long callbacks took."""

    p50: float
    p99: float
    p999: float
    max: float


class Flags(Part):
    """What PortAudio reported, each counted by itself."""

    input_underflows: int
    input_overflows: int
    output_underflows: int
    output_overflows: int
    priming: int


class Audio(Part):
    """The account of the sound."""

    callbacks: int
    """Since the device started."""
    frames: int
    """Frames delivered since the device started."""
    expected_frames: int
    """Frames that the clock asks for since the device started."""
    overruns: int
    """Callbacks that took longer than their period."""
    late: int
    """Callbacks that came more than one and a half periods after the one before."""
    nan_trips: int
    """Blocks in which the chain made what is no number, and was reset."""
    bad_input_frames: int
    """Frames of input that were silenced: no numbers or beyond +24 dBFS, and the millisecond after."""
    flags: Flags
    """Reports of PortAudio, each kind counted by itself."""
    duration_us: Durations
    """How long callbacks took, in microseconds."""
    policy: str
    """Scheduling of the callback's thread: `fifo`, `rr` or `other`."""
    priority: int
    """Its priority."""
    position: int
    """Frames since the daemon started, gaps included: the sample position of now."""
    streams: int
    """How many times a device was started."""
    gap_frames: int
    """Frames that never came, by the clock, while no device ran."""
    latency_frames: int
    """Delay of the chain."""
    restarts: int
    """How many times the audio process was replaced."""


class Host(Part):
    """A plugin host."""

    pid: int
    """Its process; 0 without one."""
    state: str
    """`starting`, `running`, `stopping`, or `probation`: each plugin in a host `HOST.PLUGIN`."""
    restarts: int
    """How many times its process was replaced; what a client asked for does not count."""
    position: int
    """The sample position that it reads next."""
    lost_frames: int
    """Frames that it did not see because it was too slow or had ended."""
    dropped: int
    """Messages of its plugins that ag06d did not take in time, and that were dropped."""
    plugins: list[str]
    """The plugins that it runs."""
    memory_mb: float
    """Its resident memory in MiB."""


class Plugin(Part):
    """A plugin."""

    host: str
    """The host that runs it."""
    state: str
    """`starting`, `running`, `degraded`, `quarantined`, `disabled` or `refused`."""
    frames: int
    """Frames that it was given."""
    errors: int
    """How many times it raised."""
    over_deadline: int
    """Frames for which it took longer than it may."""
    p99_us: float
    """Time that it takes for a frame, in microseconds: 99 of 100 take less."""
    reason: str = ""
    """Why it is quarantined, disabled or refused."""


class Processes(Part):
    """Process ids."""

    ag06d: int
    """The daemon's process."""
    audio: int
    """The audio process; 0 without one."""


class SlotPresets(Part):
    """Names of presets."""

    a: str
    """Preset last applied to slot A."""
    b: str
    """Preset last applied to slot B."""


class SlotChanges(Part):
    """Whether slots are as their presets have them."""

    a: bool
    """The chain of slot A is not, or no longer, that of its preset."""
    b: bool
    """The chain of slot B is not, or no longer, that of its preset."""


class Switches(Part):
    """What stands outside of the chain."""

    mute: bool
    """The output is silenced."""
    bypass: bool
    """The input goes through as it is."""
    slot: Slot
    """The slot that is heard."""


class Clients(Part):
    """Connections at present."""

    control: int
    """To `control`."""
    events: int
    """To `events`."""
    stream: int
    """To `stream`."""


class Bus(Part):
    """The account of the public sockets, since the daemon started."""

    requests: int
    """Messages that came in on `control`."""
    refused: dict[str, int]
    """Requests that were answered with an error, by its code; `malformed` counts what was no request."""
    limited: dict[str, int]
    """Requests beyond a limit, by its name: `rate`, `in_flight`, `size` of one client, `all` of all."""
    dropped: int
    """Replies that their client was not there for or did not take; beyond a limit, what was no request."""
    clients: Clients
    """Connections to each socket at present."""
    turned_away: int
    """How many times a socket was closed to new connections because it had too many."""


class Status(Answer):
    """The answer to `status`."""

    state: str
    """`waiting`, `starting`, `running`, `stalled`, `degraded` or `stopping`."""
    reason: str
    """Why; empty where nothing is to be said."""
    device: Device
    audio: Audio
    hosts: dict[str, Host]
    plugins: dict[str, Plugin]
    pids: Processes
    preset: SlotPresets
    preset_changed: SlotChanges
    switches: Switches
    bus: Bus
    boot: str
    """Identity of this run of the daemon."""
    revision: int
    """Revision of the state tree."""
    uptime_s: float
    """Seconds since the daemon started."""


class Hosts(Answer):
    """The answer to `hosts.list`."""

    hosts: dict[str, Host]


class Plugins(Answer):
    """The answer to `plugins.list`."""

    plugins: dict[str, Plugin]


OPERATIONS = (
    Operation("status", "State of device, audio, hosts, plugins and bus", Status),
    Operation("hosts.list", "The plugin hosts", Hosts),
    Operation("plugins.list", "The plugins", Plugins),
)
