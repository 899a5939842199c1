"""Every kind of fault that the daemon knows by name."""

from __future__ import annotations

from typing import Final

from ag06_plugins.anomaly.faults.kinds_tone import TONE
from ag06_plugins.anomaly.faults.kinds_wave import WAVE
from ag06_plugins.anomaly.faults.rule import Rule

KINDS: Final[tuple[Rule, ...]] = (*WAVE, *TONE)
