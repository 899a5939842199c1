"""`[plugins.anomaly]`: every setting with its default, its range, and what it is for."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from ag06_plugins.anomaly.alerts.quiet import quiet_span
from ag06_plugins.anomaly.faults.kinds import KINDS
from ag06_plugins.anomaly.finding import Severity

Positive = Annotated[float, Field(gt=0)]


class Section(BaseModel):
    """A section; a key that it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)


def known(kind: str) -> str:
    """`kind`, if there is a fault of that name; raises ValueError."""
    there = sorted(rule.kind for rule in KINDS)
    if kind not in there:
        raise ValueError(f"no fault is called {kind!r}; there are {', '.join(there)}")
    return kind


class RuleConfig(Section):
    """`[[plugins.anomaly.rule]]`: one kind of fault, where it is to be otherwise than shipped."""

    kind: Annotated[str, AfterValidator(known)]
    """Which; `ag06ctl anomaly kinds` tells all, with what they have now."""
    enabled: bool = True
    """Whether it is told at all."""
    threshold: float | None = None
    """Beyond which it is a fault, within its bounds."""
    severe: tuple[float, float, float] | None = None
    """From where on it is medium, high, critical; rising."""
    lasting_s: Annotated[float, Field(ge=0)] | None = None
    """After how long it is one step graver; 0 never."""

    @model_validator(mode="after")
    def within(self) -> RuleConfig:
        """As the rule's bounds have it; raises ValueError."""
        rule = next(rule for rule in KINDS if rule.kind == self.kind)
        low, high = rule.bounds
        if self.threshold is not None and not low <= self.threshold <= high:
            raise ValueError(f"threshold of {self.kind}: {low:g} to {high:g} {rule.unit}")
        if self.severe is not None and list(self.severe) != sorted(self.severe):
            raise ValueError("severe: three values that rise")
        return self


class StatisticsConfig(Section):
    """`[plugins.anomaly.statistics]`: what is odd by this studio's own history."""

    enabled: bool = True
    """Learn what is normal, and tell what is not."""
    false_alarms_per_day: Annotated[float, Field(gt=0, le=1000)] = 1.0
    """How many are to be borne."""
    warm_up_s: Annotated[float, Field(ge=60, le=864_000)] = 600.0
    """Of each kind of sound under each preset, before anything is said of it."""


class ClipConfig(Section):
    """`[plugins.anomaly.clips]`: the seconds around an alert, as FLAC; they stay on this machine."""

    keep: bool = True
    """Keep them at all."""
    least: Severity = "medium"
    """Of alerts that are at least so grave."""
    before_s: Annotated[float, Field(ge=0, le=60)] = 3.0
    """How much before the alert; no more than `audio.ring_seconds` holds."""
    after_s: Annotated[float, Field(ge=0.1, le=60)] = 2.0
    """How much after it began."""
    per_hour: Annotated[int, Field(ge=0)] = 20
    """At most so many."""
    max_days: Positive = 7.0
    """Older ones go."""
    max_mb: Positive = 500.0
    """Beyond it, the oldest go."""


class LimitConfig(Section):
    """`[plugins.anomaly.limits]`: how many alerts are told; all are in the history."""

    per_kind_per_hour: Annotated[int, Field(ge=1)] = 12
    """Of one kind."""
    per_hour: Annotated[int, Field(ge=1)] = 40
    """In all, but for critical ones."""


class QuietConfig(Section):
    """`[plugins.anomaly.quiet]`: when nobody is to be told; all is in the history."""

    times: tuple[Annotated[str, AfterValidator(quiet_span)], ...] = ()
    """By the clock on the wall, such as "22:00-07:30" or "sat 00:00-24:00"."""
    least: Severity = "critical"
    """What is so grave is told all the same."""


class HistoryConfig(Section):
    """`[plugins.anomaly.history]`: what is kept of alerts."""

    keep: bool = True
    """Keep them on the disk; false keeps those of this run in memory."""
    max_days: Positive = 400.0
    """Older ones go."""
    max_alerts: Annotated[int, Field(ge=100)] = 100_000
    """Beyond it, the oldest go."""


class AnomalyConfig(Section):
    """`[plugins.anomaly]`."""

    hold_s: Annotated[float, Field(ge=0, le=600)] = 2.0
    """An alert is over when nothing was wrong for so long."""
    update_s: Annotated[float, Field(ge=0.1, le=600)] = 1.0
    """What changes of an alert is told so often at most."""
    target_lufs: Annotated[float, Field(ge=-60, le=0)] = -20.0
    """Loudness of the wet sound that `loudness_low` and `loudness_high` go by."""
    rule: tuple[RuleConfig, ...] = ()
    """Kinds of fault that are to be otherwise than shipped, as `[[plugins.anomaly.rule]]`."""
    statistics: StatisticsConfig = StatisticsConfig()
    """What is odd by this studio's own history."""
    limits: LimitConfig = LimitConfig()
    """How many alerts are told."""
    quiet: QuietConfig = QuietConfig()
    """When nobody is to be told."""
    clips: ClipConfig = ClipConfig()
    """The seconds around an alert."""
    history: HistoryConfig = HistoryConfig()
    """What is kept of alerts."""

    @field_validator("rule")
    @classmethod
    def once(cls, rules: tuple[RuleConfig, ...]) -> tuple[RuleConfig, ...]:
        """One rule for each kind; raises ValueError."""
        twice = [kind for kind, many in Counter(rule.kind for rule in rules).items() if many > 1]
        if twice:
            raise ValueError(f"{', '.join(twice)}: one rule for each kind, and there are more")
        return rules
