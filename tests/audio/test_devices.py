from __future__ import annotations

import pytest

from ag06d.audio.devices import Device, choose
from ag06d.audio.stream import explain
from ag06d.errors import DeviceAbsentError, DeviceError


def device(index: int, name: str, inputs: int = 2, outputs: int = 2) -> Device:
    return Device(index, name, "ALSA", inputs, outputs, 44100.0)


LAPTOP = device(0, "HDA Intel PCH: ALC257 (hw:0,0)")
HDMI = device(1, "HDA Intel PCH: HDMI 0 (hw:0,3)", inputs=0)
MIXER = device(2, "AG06/AG03: USB Audio (hw:1,0)")
MIXER_OUT = device(3, "AG06/AG03: USB Audio #1", inputs=0)
SECOND = device(4, "AG06MK2: USB Audio (hw:2,0)")


@pytest.mark.parametrize(
    ("wanted", "there", "chosen"),
    [
        ("auto", [LAPTOP, HDMI, MIXER], MIXER),
        ("auto", [LAPTOP, MIXER, SECOND], MIXER),
        ("auto", [SECOND, MIXER], SECOND),
        ("auto", [MIXER_OUT, MIXER], MIXER),
        ("auto", [device(7, "yamaha ag03mk2")], device(7, "yamaha ag03mk2")),
        ("AG06MK2", [LAPTOP, MIXER, SECOND], SECOND),
        ("hda intel", [HDMI, LAPTOP, MIXER], LAPTOP),
    ],
)
def test_the_first_duplex_device_of_the_name_is_chosen(wanted, there, chosen):
    assert choose(wanted, there) is next(one for one in there if one == chosen)


def test_auto_takes_nothing_but_a_mixer():
    with pytest.raises(DeviceAbsentError, match="no AG06 or AG03 mixer; devices here: HDA Intel PCH: ALC257"):
        choose("auto", [LAPTOP])


def test_an_absent_device_is_told_with_what_is_there():
    with pytest.raises(
        DeviceAbsentError, match=r"no audio device named 'Scarlett'; devices here: .*AG06/AG03"
    ):
        choose("Scarlett", [LAPTOP, MIXER])
    with pytest.raises(DeviceAbsentError, match="devices here: none"):
        choose("auto", [])


@pytest.mark.parametrize(("inputs", "outputs"), [(0, 2), (2, 0), (1, 2), (2, 1)])
def test_a_device_that_is_not_duplex_stereo_is_there_but_of_no_use(inputs, outputs):
    half = device(2, "AG06/AG03", inputs, outputs)
    with pytest.raises(
        DeviceError, match=rf"AG06/AG03 \(ALSA, {inputs} in, {outputs} out\): two inputs"
    ) as caught:
        choose("auto", [LAPTOP, half])
    assert not isinstance(caught.value, DeviceAbsentError)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("Invalid sample rate", "does not run at 48000 Hz (it says 44100); set audio.rate=44100"),
        ("Device unavailable", "is in use by another program (Device unavailable); stop it"),
        ("Device or resource busy", "is in use by another program"),
        ("Illegal combination", "does not open at 48000 Hz with blocks of 128 frames: Illegal combination"),
    ],
)
def test_an_error_of_portaudio_is_told_with_what_can_be_done(error, said):
    message = explain(MIXER, 48000, 128, error)
    assert message.startswith(MIXER.name)
    assert said in message
