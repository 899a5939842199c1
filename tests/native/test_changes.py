"""No change clicks: what sounds beside a steady tone during it is no more than in an ideal crossfade.

The ideal is the steady sound before, faded along 3 x^2 - 2 x^3 in 20 ms to the steady sound after,
each run on its own. That is what no crossfade of this length can do better; a cut from one to the
other, where it is heard at all, is far above it.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from scipy.signal.windows import blackmanharris

from ag06d.arena.parameters import CHAIN, Parameter, to_settings

from .conftest import Engine

RATE = 48000
AT = 24000  # frame of the change: everything has settled
LEAD, FADE = 480, 960  # frames: the new chain runs unheard, then fades in
COUNT = 16384  # frames looked at, the fade in the middle
FRAMES = AT + COUNT
WINDOW = blackmanharris(COUNT)
MUTE, BYPASS, SLOT_B = 1, 2, 4
# Hertz: band around the tone that is left out, and what a settling filter or gain may add, in dB.
TONES = {1000: (400, 8), 100: (80, 12)}
ON = {
    "highpass.enabled": True,
    "gate.enabled": True, "gate.threshold_db": -6.0, "gate.hysteresis_db": 2.0, "gate.hold_ms": 5.0,
    "gate.attack_ms": 5.0,
    "eq.low.enabled": True, "eq.low.gain_db": 4.0, "eq.peak1.enabled": True, "eq.peak1.gain_db": -4.0,
    "eq.peak2.enabled": True, "eq.peak2.gain_db": 4.0, "eq.high.enabled": True, "eq.high.gain_db": 4.0,
    "deess.enabled": True, "deess.frequency_hz": 2000.0, "deess.threshold_db": -40.0,
    "comp.enabled": True, "comp.threshold_db": -24.0, "comp.makeup_db": 3.0, "comp.sidechain_hz": 60.0,
    "limiter.enabled": True, "limiter.ceiling_db": -16.0, "level.gain_db": -3.0,
}  # fmt: skip
OTHER = {
    "trim.gain_db": -9.0, "highpass.enabled": True, "highpass.slope_db": 24, "highpass.frequency_hz": 200.0,
    "eq.peak1.enabled": True, "eq.peak1.gain_db": 9.0, "eq.peak1.frequency_hz": 700.0,
    "comp.enabled": True, "comp.threshold_db": -40.0, "comp.auto_makeup": True,
}  # fmt: skip
Settings = tuple[tuple[str, object], ...]


def frozen(values: dict[str, object]) -> Settings:
    return tuple(sorted(values.items()))


def tone(hz: float) -> np.ndarray:
    wave = 0.25 * np.sin(2 * np.pi * hz / RATE * np.arange(FRAMES))
    return np.stack([wave, 0.8 * wave], axis=1).astype(np.float32)


class Sound:
    """A tone through the engine, with changes on the way."""

    def __init__(self, hz: float, a: Settings, b: Settings = (), switches: int = 0) -> None:
        self.engine, self.input, self.output = Engine(RATE), tone(hz), []
        self.fed = 0
        self.engine.settings = to_settings(dict(a))
        self.engine.begin()
        self.publish(b, slot=1)
        self.engine.switch(switches)

    def publish(self, settings: Settings, slot: int = 0) -> None:
        self.engine.settings = to_settings(dict(settings))
        self.engine.publish(slot)

    def until(self, frame: int) -> None:
        self.output.append(self.engine.feed(self.input[self.fed : frame]))
        self.fed = frame

    def left(self) -> np.ndarray:
        self.until(FRAMES)
        assert self.engine.stats.nan_trips.raw == 0
        return np.concatenate(self.output)[:, 0].astype(float)


@cache
def steady(hz: float, a: Settings, b: Settings = (), switches: int = 0) -> np.ndarray:
    return Sound(hz, a, b, switches).left()


def beside(sound: np.ndarray, hz: float, fade_at: int) -> float:
    """Energy outside the band around the tone while a fade at this frame goes on, in dB."""
    start = fade_at + FADE // 2 - COUNT // 2
    spectrum = np.abs(np.fft.rfft(sound[start : start + COUNT] * WINDOW)) ** 2
    away = np.abs(np.fft.rfftfreq(COUNT, 1 / RATE) - hz) > TONES[hz][0]
    return 10 * np.log10(spectrum[away].sum() + 1e-12)


def level_db(sound: np.ndarray) -> float:
    return 20 * np.log10(np.abs(sound[-RATE // 50 :]).max() + 1e-4)


def check(heard: np.ndarray, before: np.ndarray, after: np.ndarray, hz: float, fade_at: int) -> None:
    """`before` and `after` are steady; the fade from one to the other began at `fade_at`."""
    along = np.clip((np.arange(FRAMES) - fade_at) / FADE, 0, 1)
    ideal = beside(before + along**2 * (3 - 2 * along) * (after - before), hz, fade_at)
    cut = beside(np.where(np.arange(FRAMES) < fade_at, before, after), hz, fade_at)
    at_rest = max(beside(before, hz, fade_at), beside(after, hz, fade_at))  # harmonics of the dynamics
    bound = max(ideal, at_rest) + TONES[hz][1]
    assert beside(heard, hz, fade_at) <= bound
    if hz == 1000 and abs(level_db(after) - level_db(before)) > 2:
        assert cut > bound + 10


def other_values(parameter: Parameter) -> list[object]:
    value = ON.get(parameter.path, parameter.default)
    if parameter.kind == "bool":
        return [not value]
    choices = parameter.choices or (parameter.low, parameter.high)
    return [type(value)(choice) for choice in choices if choice != value]


@pytest.mark.parametrize("hz", TONES)
@pytest.mark.parametrize("parameter", CHAIN, ids=lambda parameter: parameter.path)
def test_no_parameter_clicks(parameter, hz):
    """From a chain in which every stage is at work, to either end of the parameter and back."""
    for value in other_values(parameter):
        ends = frozen(ON), frozen(ON | {parameter.path: value})
        for before, after in (ends, ends[::-1]):
            sound = Sound(hz, before)
            sound.until(AT)
            sound.publish(after)
            check(sound.left(), steady(hz, before), steady(hz, after), hz, AT + LEAD)


@pytest.mark.parametrize("hz", TONES)
@pytest.mark.parametrize("before", [ON, OTHER], ids=["to the other", "and back"])
def test_no_preset_clicks(hz, before):
    after = OTHER if before is ON else ON
    sound = Sound(hz, frozen(before))
    sound.until(AT)
    sound.publish(frozen(after))
    check(sound.left(), steady(hz, frozen(before)), steady(hz, frozen(after)), hz, AT + LEAD)


@pytest.mark.parametrize("hz", TONES)
@pytest.mark.parametrize("switch", [MUTE, BYPASS, SLOT_B], ids=["mute", "bypass", "slot"])
@pytest.mark.parametrize("turned_on", [True, False])
def test_no_switch_clicks(hz, switch, turned_on):
    a, b = frozen(ON), frozen(OTHER)
    before, after = (0, switch) if turned_on else (switch, 0)
    sound = Sound(hz, a, b, before)
    sound.until(AT)
    sound.engine.switch(after)
    check(sound.left(), steady(hz, a, b, before), steady(hz, a, b, after), hz, AT)


@pytest.mark.parametrize(
    "path", ["trim.gain_db", "eq.peak1.gain_db", "eq.peak1.frequency_hz", "level.gain_db"]
)
def test_a_knob_that_is_turned_does_not_zip(path):
    """Fifty steps in a third of a second sound like one straight line from end to end."""
    low, high = {"eq.peak1.frequency_hz": (400.0, 1200.0)}.get(path, (-12.0, 0.0))
    steps = [frozen(ON | {path: float(value)}) for value in np.linspace(low, high, 50)]
    sound = Sound(1000, steps[0])
    for frame, settings in zip(range(AT, AT + COUNT, COUNT // 50), steps, strict=False):
        sound.until(frame)
        sound.publish(settings)
    before, after = steady(1000, steps[0]), steady(1000, steps[-1])
    way = np.clip((np.arange(FRAMES) - AT) / COUNT, 0, 1)
    middle = AT + (COUNT - FADE) // 2
    smooth = beside(before + way * (after - before), 1000, middle)
    heard = beside(sound.left(), 1000, middle)
    assert heard <= smooth + 12


@pytest.mark.parametrize("change", ["mute", "bypass", "slot", "preset"])
def test_far_above_a_low_tone_a_fade_is_not_heard(change):
    """The corners of a straight line would put -93 dB of all energy there, this fade -118 dB."""
    quiet = frozen({"level.gain_db": -20.0})
    sound = Sound(100, quiet if change == "bypass" else (), quiet)
    sound.until(AT)
    if change == "preset":
        sound.publish(quiet)
    else:
        sound.engine.switch({"mute": MUTE, "bypass": BYPASS, "slot": SLOT_B}[change])
    start = AT + LEAD + FADE // 2 - COUNT // 2 if change == "preset" else AT + FADE // 2 - COUNT // 2
    power = np.abs(np.fft.rfft(sound.left()[start : start + COUNT] * WINDOW)) ** 2
    far = np.fft.rfftfreq(COUNT, 1 / RATE) > 6000
    assert 10 * np.log10(power[far].sum() / power.sum()) < -110
