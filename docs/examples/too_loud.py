"""Say when the voice is too loud, and when it is well again: `python too_loud.py -16`, in LUFS."""

import sys
import time
from contextlib import suppress

from ag06d.client import Client

limit_lufs = float(sys.argv[1]) if len(sys.argv) > 1 else -14.0

with suppress(KeyboardInterrupt), Client(wait=True) as ag06:
    warned = False
    for message in ag06.follow("meters."):
        loudness = message.body["dry"]["momentary_lufs"]
        if not warned and loudness > limit_lufs:
            warned = True
        elif warned and loudness < limit_lufs - 3:  # not back and forth at every word
            warned = False
        else:
            continue
        clock = time.strftime("%H:%M:%S", time.localtime(message.time_s))
        print(f"{clock} {'too loud' if warned else 'well again'}: {loudness:.1f} LUFS", flush=True)
