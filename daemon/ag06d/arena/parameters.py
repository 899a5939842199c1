"""Every parameter of the DSP chain: its path, unit, range, default and meaning.

One table; the state tree, presets, `describe` and the help of `ag06ctl` are made from it. Paths are
those of the C struct `ag06_chain_settings`, so that filling it needs no second list.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ag06d._native import ffi, lib

Value = bool | int | float | str
ChainValues = Mapping[str, Value]
Kind = Literal["bool", "int", "float", "str"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One leaf that a person may set.

    `low` and `high` bound numbers (inclusive); `choices`, where not empty, lists all that is allowed.
    """

    path: str
    default: Value
    doc: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    choices: tuple[Value, ...] = ()

    @property
    def kind(self) -> Kind:
        """The type of its values."""
        name: Kind = type(self.default).__name__  # type: ignore[assignment]  # Value has just these types
        return name

    def describe(self) -> dict[str, Any]:
        """What `describe` tells of it."""
        return {
            "kind": self.kind,
            "unit": self.unit,
            "low": self.low,
            "high": self.high,
            "choices": list(self.choices),
            "default": self.default,
            "doc": self.doc,
        }

    def allowed(self) -> str:
        """What would be right, in words."""
        if self.choices:
            return "one of " + ", ".join(str(choice) for choice in self.choices)
        if self.kind == "bool":
            return "true or false"
        if self.low is None or self.high is None:
            return "text" if self.kind == "str" else "a number"
        return f"from {self.low:g} to {self.high:g}{' ' + self.unit if self.unit else ''}"


OF_SHELF = "0.7071 gives a shelf without overshoot"
OF_PEAK = "the higher, the narrower; 1.4 is about one octave"


def _band(name: str, title: str, frequency_hz: float, q: float, of_q: str) -> list[Parameter]:
    path = f"eq.{name}"
    return [
        Parameter(f"{path}.enabled", default=False, doc=f"{title}: on or off"),
        Parameter(
            f"{path}.frequency_hz", frequency_hz, f"{title}: centre or corner frequency", "Hz", 20, 20000
        ),
        Parameter(f"{path}.gain_db", 0.0, f"{title}: gain", "dB", -24, 24),
        Parameter(f"{path}.q", q, f"{title}: Q; {of_q}", "", 0.1, 18),
    ]


CHAIN: tuple[Parameter, ...] = (
    Parameter("trim.gain_db", 0.0, "Gain before everything else", "dB", -24, 24),
    Parameter("highpass.enabled", default=False, doc="High-pass: on or off"),
    Parameter("highpass.frequency_hz", 80.0, "High-pass: corner frequency (-3 dB)", "Hz", 20, 1000),
    Parameter("highpass.slope_db", 12, "High-pass: slope per octave", "dB", choices=(12, 24)),
    Parameter("gate.enabled", default=False, doc="Gate: on or off"),
    Parameter("gate.threshold_db", -50.0, "Gate: peak level at which it opens", "dBFS", -90, 0),
    Parameter("gate.hysteresis_db", 4.0, "Gate: it begins to close so far below the threshold", "dB", 0, 24),
    Parameter(
        "gate.ratio", 2.0, "Gate: dB down for one dB below the threshold; 20 is a hard gate", ":1", 1, 20
    ),
    Parameter("gate.range_db", 20.0, "Gate: most that it turns down", "dB", 0, 90),
    Parameter("gate.attack_ms", 1.0, "Gate: time constant when opening", "ms", 0.1, 100),
    Parameter("gate.hold_ms", 80.0, "Gate: stays open for so long after the last peak", "ms", 0, 2000),
    Parameter("gate.release_ms", 150.0, "Gate: time constant when closing", "ms", 5, 4000),
    *_band("low", "Low shelf", 120.0, 0.7071, OF_SHELF),
    *_band("peak1", "First peak", 400.0, 1.0, OF_PEAK),
    *_band("peak2", "Second peak", 3000.0, 1.0, OF_PEAK),
    *_band("high", "High shelf", 8000.0, 0.7071, OF_SHELF),
    Parameter("deess.enabled", default=False, doc="De-esser: on or off"),
    Parameter("deess.frequency_hz", 6000.0, "De-esser: what is above is listened to", "Hz", 2000, 16000),
    Parameter(
        "deess.threshold_db", -30.0, "De-esser: level up there above which it turns down", "dBFS", -60, 0
    ),
    Parameter("deess.ratio", 4.0, "De-esser: dB in for one dB out, above the threshold", ":1", 1, 20),
    Parameter("deess.range_db", 10.0, "De-esser: most that it turns down", "dB", 0, 24),
    Parameter("comp.enabled", default=False, doc="Compressor: on or off"),
    Parameter("comp.threshold_db", -20.0, "Compressor: level above which it turns down", "dBFS", -60, 0),
    Parameter("comp.ratio", 3.0, "Compressor: dB in for one dB out, above the threshold", ":1", 1, 20),
    Parameter("comp.knee_db", 6.0, "Compressor: width of the soft knee", "dB", 0, 24),
    Parameter("comp.attack_ms", 8.0, "Compressor: time constant when turning down", "ms", 0.1, 200),
    Parameter("comp.release_ms", 120.0, "Compressor: time constant when letting go", "ms", 5, 2000),
    Parameter("comp.makeup_db", 0.0, "Compressor: gain after it", "dB", 0, 24),
    Parameter("comp.auto_makeup", default=False, doc="Compressor: add half of what it takes at 0 dBFS"),
    Parameter("comp.sidechain_hz", 0.0, "Compressor: high-pass before its detector; 0: none", "Hz", 0, 1000),
    Parameter("limiter.enabled", default=True, doc="Limiter: on or off"),
    Parameter(
        "limiter.ceiling_db",
        -1.0,
        "Limiter: highest true peak (BS.1770-5 Annex 2)",
        "dBTP",
        -24,
        0,
    ),
    Parameter("limiter.release_ms", 60.0, "Limiter: time constant when letting go", "ms", 5, 1000),
    Parameter("level.gain_db", 0.0, "Output fader; only turns down, so the ceiling holds", "dB", -60, 0),
)


def chain_defaults() -> dict[str, Value]:
    """Path to default of every chain parameter."""
    return {parameter.path: parameter.default for parameter in CHAIN}


def to_settings(values: ChainValues) -> Any:  # noqa: ANN401 - cffi has no type for its structs
    """An `ag06_chain_settings *` with `values`; paths left out are neutral."""
    settings = ffi.new("ag06_chain_settings *")
    lib.ag06_chain_neutral(settings)
    for path, value in values.items():
        *groups, leaf = path.split(".")
        struct = settings
        for group in groups:
            struct = getattr(struct, group)
        setattr(struct, leaf, value)
    return settings


def design(values: ChainValues, rate: float) -> Any:  # noqa: ANN401 - likewise
    """The `ag06_chain_block *` that the callback would run on for `values` at `rate`."""
    block = ffi.new("ag06_chain_block *")
    lib.ag06_chain_design(to_settings(values), rate, block)
    return block
