"""Record whenever somebody speaks, from two seconds before the first word on: `python record_speech.py`."""

import sys

from ag06d.client import Client

SPEECH_DB = -45.0
silence_s = float(sys.argv[1]) if len(sys.argv) > 1 else 3.0

with Client(wait=True) as ag06:
    recording, silent = None, 0
    for message in ag06.follow("meters."):
        if message.boot_changed:  # what ran in the daemon's run before has ended with it
            recording = None
        speaking = max(message.body["dry"]["rms_db"]) > SPEECH_DB
        silent = 0 if speaking else silent + 1 + message.missed
        if speaking and recording is None:
            recording = ag06.call("record.start", source="both", before_s=2.0)["recording"]
        elif recording is not None and silent > 20 * silence_s:  # meters come twenty times a second
            finished = ag06.call("record.stop", recording=recording)
            print(f"{finished['seconds']:.1f} s in {finished['path']}", flush=True)
            recording = None
