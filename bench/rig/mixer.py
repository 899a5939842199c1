"""A JACK client with the AG06's name and channels, which PortAudio takes for a device.

The sound it feeds is made in C: nothing in Python runs in the graph but what is measured.
"""

from __future__ import annotations

import sys
from ctypes.util import find_library
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import jack
import numpy as np
from bench.rig.instruments import open_instruments

NAME = "AG06/AG03"
PEAK = 0.25
TABLE_FRAMES = 48000
LIBJACK = """
void *jack_port_get_buffer(void *port, uint32_t frames);
int jack_set_process_callback(void *client, int (*process)(uint32_t, void *), void *userdata);
"""


def main() -> None:
    """Feed sound until stdin ends; the argument is the compiled instruments' path."""
    ffi, instruments = open_instruments(Path(sys.argv[1]))
    ffi.cdef(LIBJACK)
    libjack = ffi.dlopen(find_library("jack"))
    client = jack.Client(NAME, no_start_server=True)
    noise = np.random.default_rng(6).uniform(-PEAK, PEAK, (TABLE_FRAMES, 2)).astype(np.float32)
    ports = [client.outports.register(f"capture_{channel}", is_physical=True) for channel in (1, 2)]
    for channel in (1, 2):
        client.inports.register(f"playback_{channel}", is_physical=True)

    def ours(pointer: Any) -> Any:  # noqa: ANN401 - from JACK-Client's cffi to ours
        return ffi.cast("void *", int(jack._ffi.cast("uintptr_t", pointer)))  # noqa: SLF001 - no public door

    feeder = ffi.new("instrument_feeder *")
    feeder.get_buffer = ffi.addressof(libjack, "jack_port_get_buffer")
    feeder.ports = [ours(port._ptr) for port in ports]  # noqa: SLF001 - no public door
    feeder.table = ffi.cast("float *", ffi.from_buffer(noise))
    feeder.table_frames = TABLE_FRAMES
    feed = ffi.addressof(instruments, "instrument_feed")
    libjack.jack_set_process_callback(ours(client._ptr), feed, feeder)  # noqa: SLF001 - no public door
    with client:
        print("ready", flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
