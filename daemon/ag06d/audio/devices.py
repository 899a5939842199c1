"""Which of PortAudio's devices is meant, and whether it can be used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ag06d.errors import DeviceAbsentError, DeviceError

MIXERS = ("AG06/AG03", "AG06MK2", "AG03MK2")
CHANNELS = 2


@dataclass(frozen=True, slots=True)
class Device:
    """One device as PortAudio lists it."""

    index: int
    name: str
    api: str
    inputs: int
    outputs: int
    rate: float

    def describe(self) -> str:
        """Name, interface and channels, for messages."""
        return f"{self.name} ({self.api}, {self.inputs} in, {self.outputs} out)"


def listed() -> list[Device]:
    """All devices that PortAudio knows since it was initialised."""
    import sounddevice  # noqa: PLC0415 - importing it initialises PortAudio, which may block

    apis: Sequence[Any] = sounddevice.query_hostapis()
    return [
        Device(
            index=entry["index"],
            name=entry["name"],
            api=apis[entry["hostapi"]]["name"],
            inputs=entry["max_input_channels"],
            outputs=entry["max_output_channels"],
            rate=entry["default_samplerate"],
        )
        for entry in sounddevice.query_devices()
    ]


def choose(wanted: str, devices: Sequence[Device]) -> Device:
    """The first duplex device that `wanted` names: "auto" for a mixer of the AG family, else part of a name.

    Raises DeviceAbsentError when there is none of that name, DeviceError when none of them is duplex.
    """
    names = MIXERS if wanted == "auto" else (wanted,)
    found = [device for device in devices if any(name.lower() in device.name.lower() for name in names)]
    if not found:
        what = "no AG06 or AG03 mixer" if wanted == "auto" else f"no audio device named {wanted!r}"
        there = ", ".join(device.name for device in devices) or "none"
        raise DeviceAbsentError(f"{what}; devices here: {there}")
    for device in found:
        if device.inputs >= CHANNELS and device.outputs >= CHANNELS:
            return device
    raise DeviceError(
        f"{found[0].describe()}: two inputs and two outputs are needed; "
        "is another program using the device, or its profile set to output only?"
    )
