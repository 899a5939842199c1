"""The views and services that come with the plugin: what the extractor tells, by its groups.

`level`, `meter`, `spectrum`, `mfcc`, `tone`, `pitch` and `hum` have a row every 10 ms of each stream, `dry`
and `wet`; `reduction` of wet alone. `level_1s` and so on have the statistics of the last 1, 10 and 60 s.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ag06_plugins.features.settings import StoreConfig
from ag06d.features import GROUPS, HOP_FEATURES, SIGNAL_FEATURES, SIGNALS, STATISTICS, Feature, elements
from ag06d.plugin import Entity, FeatureField, FeatureService, FeatureView, Reduction

STREAM: Final = Entity(name="stream", description="Sound before the chain, `dry`, and behind it, `wet`")
DRY: Final = "dry"
WET: Final = "wet"
STREAMS: Final = (DRY, WET)
HOP_S: Final = 0.01
HOP_TTL_S: Final = 1.0
WINDOWS_S: Final = (1, 10, 60)
OWNER: Final = "features"
REDUCTION: Final = "reduction"
REDUCTIONS: Final = tuple(f"{stage}_reduction_db" for stage in Reduction._fields)
# What is stored of each unit, and of what is finer or coarser than others of its unit.
STEPS: Final = {"dB": 0.1, "LUFS": 0.1, "Hz": 1.0, "1/s": 1.0, "": 0.002}
FINER: Final[dict[str, float | str]] = {"f0": 0.1, "dc_offset": 1e-6, "spectral_slope": "f32"}
DESCRIPTIONS: Final = {
    "level": "Levels in the time domain",
    "spectrum": "Shape of the spectrum",
    "mfcc": "Mel bands and their cepstrum",
    "tone": "Pitch classes and octave bands",
    "pitch": "Fundamental frequency, and how periodic the sound is",
    "hum": "The mains and its harmonics",
    "meter": "Loudness, true peak and the stereo image",
}
SERVICES: Final = (
    FeatureService(
        name="glance",
        features=(
            "meter:momentary_lufs",
            "meter:left.true_peak_db",
            "meter:right.true_peak_db",
            "level:mid.rms_db",
            "level:mid.noise_floor_db",
            "spectrum:mid.spectral_centroid",
            "pitch:mid.f0",
            "pitch:mid.voicing",
            "hum:mid.hum_50_db",
            "hum:mid.hum_60_db",
        ),
        entities={"stream": "dry"},
        owner=OWNER,
        description="What says most at a glance, of the dry sound",
    ),
)


@dataclass(frozen=True, slots=True)
class Part:
    """The columns of one group among the extractor's; those of its statistics follow in the same order."""

    view: FeatureView
    columns: tuple[int, ...]


def parts(config: StoreConfig) -> list[Part]:
    """The views of every 10 ms, and where the extractor's row has what a row of them has."""
    names = [name for name, _ in elements()]
    found = []
    for group in GROUPS:
        fields = tuple(_fields(group))
        view = FeatureView(
            name=group,
            entity=STREAM.name,
            fields=fields,
            ttl_s=HOP_TTL_S,
            period_s=HOP_S,
            retention_days=config.hop_days,
            owner=OWNER,
            description=f"{DESCRIPTIONS[group]}, every 10 ms",
        )
        found.append(Part(view, tuple(names.index(column) for column in view.columns)))
    return found


def reduction(config: StoreConfig) -> FeatureView:
    """By how much each stage of the chain turns down."""
    return FeatureView(
        name=REDUCTION,
        entity=STREAM.name,
        fields=tuple(
            FeatureField(name=name, unit="dB", low=0, precision=STEPS["dB"], description=f"Of the {stage}")
            for name, stage in zip(REDUCTIONS, Reduction._fields, strict=True)
        ),
        ttl_s=HOP_TTL_S,
        period_s=HOP_S,
        retention_days=config.hop_days,
        owner=OWNER,
        description="The largest gain reduction of each stage within 10 ms, of wet alone",
    )


def period_s(window_s: int) -> float:
    """How often statistics over so many seconds are kept: they overlap by half."""
    return max(1.0, window_s / 2)


def statistics_key(key: str, window_s: int) -> str:
    """NAME@VERSION of the statistics of the view NAME@VERSION."""
    name, _, version = key.partition("@")
    return f"{name}_{window_s}s@{version}"


def statistics(hop: FeatureView, window_s: int, config: StoreConfig) -> FeatureView:
    """The view of the statistics of `hop` over the last `window_s` seconds."""
    return FeatureView(
        name=f"{hop.name}_{window_s}s",
        version=hop.version,
        entity=hop.entity,
        fields=tuple(_statistics(hop.fields)),
        ttl_s=max(
            3.0 * HOP_TTL_S, 1.5 * period_s(window_s)
        ),  # so that one that is kept counts until the next
        period_s=period_s(window_s),
        retention_days=config.statistics_days,
        owner=OWNER,
        description=f"Statistics of `{hop.name}` over {window_s} s, every {period_s(window_s):g} s",
    )


def _fields(group: str) -> Iterator[FeatureField]:
    for feature in HOP_FEATURES:
        if feature.group == group:
            yield _field(feature, feature.name)
    for signal in SIGNALS:
        for feature in SIGNAL_FEATURES:
            if feature.group == group:
                yield _field(feature, f"{signal}.{feature.name}")


def _field(feature: Feature, name: str) -> FeatureField:
    return FeatureField(
        name=name,
        parts=feature.parts,
        unit=feature.unit,
        low=feature.low,
        high=feature.high,
        precision=FINER.get(feature.name, STEPS.get(feature.unit, "f32")),  # type: ignore[arg-type]
        description=feature.doc,
    )


def _statistics(fields: Sequence[FeatureField]) -> Iterator[FeatureField]:
    """Of each number, in the order in which `Sliding.read` has them."""
    for field in fields:
        for column in field.columns:
            for statistic in STATISTICS:
                spread = statistic == "std"
                low, high = field.low, field.high
                yield FeatureField(
                    name=f"{column}.{statistic}",
                    unit=field.unit,
                    low=0 if spread else low,
                    high=high - low if spread and low is not None and high is not None else high,
                    precision=field.precision,
                )
