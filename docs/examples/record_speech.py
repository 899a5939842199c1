"""Record whenever somebody speaks, from two seconds before the first word on: `python record_speech.py`."""

import signal
import sys
from contextlib import suppress

from ag06d.client import Client
from ag06d.errors import NoDaemonError

SPEECH_DB = -45.0
silence_s = float(sys.argv[1]) if len(sys.argv) > 1 else 3.0


def stop(ag06: Client, recording: str) -> None:
    finished = ag06.call("record.stop", recording=recording)
    print(f"{finished['seconds']:.1f} s in {finished['path']}", flush=True)


signal.signal(signal.SIGTERM, signal.default_int_handler)  # a service is stopped so; it ends like Ctrl-C
with suppress(KeyboardInterrupt), Client(wait=True) as ag06:
    recording, silent = None, 0
    try:
        for message in ag06.follow("meters."):
            if message.boot_changed:  # what ran in the daemon's run before has ended with it
                recording = None
            speaking = max(message.body["dry"]["rms_db"]) > SPEECH_DB
            silent = 0 if speaking else silent + 1 + message.missed
            if speaking and recording is None:
                recording = ag06.call("record.start", source="both", before_s=2.0)["recording"]
            elif recording is not None and silent > 20 * silence_s:  # meters come twenty times a second
                stop(ag06, recording)
                recording = None
    finally:
        if recording is not None:  # else the daemon would go on with it
            with suppress(NoDaemonError):  # it has ended, and the recording with it
                stop(ag06, recording)
