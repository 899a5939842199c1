"""A PortAudio stream whose callback is our C function; Python is out of the way of the sound."""

from __future__ import annotations

import mmap
from typing import Any

from ag06d._native import ffi, lib
from ag06d.arena import Arena
from ag06d.audio.devices import CHANNELS, Device
from ag06d.errors import DeviceError


class Engine:
    """The callback's private memory, page-aligned and resident."""

    def __init__(self, arena: Arena, priority: int) -> None:
        self.arena = arena
        self._map = mmap.mmap(
            -1, lib.ag06_engine_bytes(), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE
        )
        self._buffer = ffi.from_buffer(self._map)
        self.pointer: Any = ffi.cast("ag06_engine *", self._buffer)
        lib.ag06_engine_init(self.pointer, arena.pointer, priority)


class SoundCard:
    """A duplex stream on a PortAudio device, running from construction on."""

    def __init__(self, device: Device, engine: Engine, block: int) -> None:
        """Open and start; raises DeviceError with what PortAudio said and what to do."""
        import sounddevice  # noqa: PLC0415 - importing it initialises PortAudio, which may block

        rate = engine.arena.rate
        pa: Any = sounddevice._ffi  # noqa: SLF001 - a C callback and a C finished callback have no public door

        def address(pointer: Any, ctype: str) -> Any:  # noqa: ANN401 - from our cffi to sounddevice's
            return pa.cast(ctype, int(ffi.cast("uintptr_t", pointer)))

        try:
            self._stream: Any = sounddevice._StreamBase(  # noqa: SLF001 - see above
                kind="duplex",
                device=(device.index, device.index),
                channels=(CHANNELS, CHANNELS),
                dtype="float32",
                samplerate=rate,
                blocksize=block,
                latency="low",
                clip_off=True,
                dither_off=True,
                wrap_callback=None,
                callback=address(ffi.addressof(lib, "ag06_callback"), "void *"),
                finished_callback=address(ffi.addressof(lib, "ag06_finished"), "PaStreamFinishedCallback *"),
                userdata=address(engine.pointer, "void *"),
            )
            self._stream.start()
        except sounddevice.PortAudioError as error:
            raise DeviceError(explain(device, rate, block, str(error.args[0]))) from error
        self._engine = engine  # must outlive the stream
        self.device = device

    @property
    def active(self) -> bool:
        """Whether PortAudio takes the stream for running."""
        return bool(self._stream.active)

    def document(self) -> dict[str, Any]:
        """What `status` tells of the device."""
        latency = self._stream.latency
        return {
            "name": self.device.name,
            "api": self.device.api,
            "latency_ms": {"input": round(1000 * latency[0], 2), "output": round(1000 * latency[1], 2)},
        }

    def stop(self) -> None:
        """Stop in good order; may block when the sound server is gone."""
        self._stream.stop()
        self._stream.close()


def explain(device: Device, rate: int, block: int, error: str) -> str:
    """PortAudio's error with what can be done about it."""
    if "sample rate" in error.lower():
        return (
            f"{device.name} does not run at {rate} Hz (it says {device.rate:g}); "
            f"set audio.rate={device.rate:g}, or the device to {rate}"
        )
    if "unavailable" in error.lower() or "busy" in error.lower():
        return f"{device.name} is in use by another program ({error}); stop it, or name another audio.device"
    return f"{device.name} does not open at {rate} Hz with blocks of {block} frames: {error}"
