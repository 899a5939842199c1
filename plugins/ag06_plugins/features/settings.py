"""`[plugins.features]`: every setting with its default, its range, and what it is for."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from ag06_plugins.features.store.expressions import Expression
from ag06d.plugin import Entity, FeatureService, FeatureView


class Section(BaseModel):
    """A section; a key that it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)


class StoreConfig(Section):
    """`[plugins.features.store]`: what is kept of features."""

    keep: bool = True
    """Keep rows on the disk; false keeps the newest ones in memory alone."""
    keep_replays: bool = False
    """Keep the rows of replays too, at the time at which they are made."""
    folder: str = ""
    """Where; "" is `store` in the plugin's data folder."""
    hop_days: Annotated[float, Field(gt=0)] = 1.0
    """How long the features of every 10 ms are kept; some 6 GB a day."""
    statistics_days: Annotated[float, Field(gt=0)] = 30.0
    """How long their statistics are kept; some 0.6 GB a day."""
    max_gb: Annotated[float, Field(gt=0)] = 20.0
    """The most that is kept in all; beyond it, the oldest rows of the largest views go."""
    seal_s: Annotated[float, Field(ge=1, le=86400)] = 300.0
    """How often what was logged is sealed into Parquet."""


def computable(view: FeatureView) -> FeatureView:
    """`view`, if its expressions are some; raises ValueError.

    What they refer to may be another plugin's, and is only known when all have begun.
    """
    for field in view.fields:
        if field.expression:
            try:
                Expression(field.expression)
            except ValueError as error:
                raise ValueError(f"{view.name}:{field.name}: {error}") from None
    return view


class FeatureConfig(Section):
    """`[plugins.features]`."""

    rolloff: Annotated[float, Field(gt=0, lt=1)] = 0.85
    """Share of the energy that lies below `spectral_rolloff`."""
    statistics: bool = True
    """Sliding statistics of every feature over 1, 10 and 60 s."""
    store: StoreConfig = StoreConfig()
    """What is kept of features."""
    entity: tuple[Entity, ...] = ()
    """Entities beside `stream`, as `[[plugins.features.entity]]`."""
    view: tuple[Annotated[FeatureView, AfterValidator(computable)], ...] = ()
    """Feature views beside the shipped ones, as `[[plugins.features.view]]`."""
    service: tuple[FeatureService, ...] = ()
    """Feature services, as `[[plugins.features.service]]`."""
