"""Faults to put into sound on purpose: for operators, tests and benchmarks; pure."""

from ag06_plugins.anomaly.inject.fault import Disturber, Fault, disturbed
from ag06_plugins.anomaly.inject.tone import TONE
from ag06_plugins.anomaly.inject.wave import WAVE

FAULTS: dict[str, Fault] = {fault.name: fault for fault in (*WAVE, *TONE)}

__all__ = ["FAULTS", "Disturber", "Fault", "disturbed"]
