"""A JACK client that PortAudio takes for a mixer: it plays a recording and keeps what comes back.

Run as `python fake_mixer.py RECORDING`; a line on stdin with a path writes the last seconds there, as
an array of shape (frames, 4): what was played, left and right, then what came back.
"""

from __future__ import annotations

import sys
import threading

import jack
import numpy as np
import soundfile

NAME = "AG06/AG03"
KEPT_S = 2


class Mixer:
    def __init__(self, recording: str) -> None:
        self.client = jack.Client(NAME, no_start_server=True)
        sound, _ = soundfile.read(recording, dtype="float32", always_2d=True)
        self.sound = np.repeat(sound, 2, axis=1)[:, :2] if sound.shape[1] == 1 else sound[:, :2]
        self.at = 0
        self.kept = np.zeros((KEPT_S * self.client.samplerate, 4), np.float32)
        self.lock = threading.Lock()
        self.gone = threading.Event()
        self.outputs = [self.client.outports.register(f"capture_{n}") for n in (1, 2)]
        self.inputs = [self.client.inports.register(f"playback_{n}") for n in (1, 2)]
        self.client.set_process_callback(self.process)
        self.client.set_shutdown_callback(lambda *_: self.gone.set())
        self.client.activate()

    def process(self, frames: int) -> None:
        played = np.take(self.sound, np.arange(self.at, self.at + frames), axis=0, mode="wrap")
        self.at = (self.at + frames) % len(self.sound)
        block = np.empty((frames, 4), np.float32)
        block[:, :2] = played
        for channel in range(2):
            self.outputs[channel].get_array()[:] = played[:, channel]
            block[:, 2 + channel] = self.inputs[channel].get_array()
        with self.lock:
            self.kept = np.concatenate([self.kept[frames:], block])

    def keep(self, path: str) -> None:
        with self.lock:
            kept = self.kept
        np.save(path, kept)


def main() -> None:
    mixer = Mixer(sys.argv[1])
    print("ready", flush=True)  # noqa: T201 - stdout is the channel
    for line in sys.stdin:
        mixer.keep(line.strip())
        print("kept", flush=True)  # noqa: T201 - likewise


if __name__ == "__main__":
    main()
