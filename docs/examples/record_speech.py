"""Record whenever somebody speaks, from two seconds before the first word on: `python record_speech.py`."""

import signal
import sys
from contextlib import suppress

from ag06d.client import Client
from ag06d.errors import NoDaemonError

silence_s = float(sys.argv[1]) if len(sys.argv) > 1 else 3.0


def stop(ag06: Client, recording: str) -> None:
    finished = ag06.call("record.stop", recording=recording)
    print(f"{finished['seconds']:.1f} s in {finished['path']}", flush=True)


signal.signal(signal.SIGTERM, signal.default_int_handler)  # a service is stopped so; it ends like Ctrl-C
with suppress(KeyboardInterrupt, NoDaemonError), Client(wait=True) as ag06:
    recording, silent = None, 0
    try:
        for message in ag06.follow("meters."):
            recording = None if message.boot_changed else recording  # it ended with the daemon's run
            silent += 1 + message.missed
            if max(message.body["dry"]["rms_db"]) > -45.0:  # dBFS: somebody speaks
                silent = 0
                recording = recording or ag06.call("record.start", source="both", before_s=2.0)["recording"]
            elif recording and silent > 20 * silence_s:  # meters come twenty times a second
                stop(ag06, recording)
                recording = None
    finally:
        if recording:  # else the daemon would go on with it
            stop(ag06, recording)
