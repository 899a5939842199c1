"""What a feature store is told of features: entities, fields, views of them, services for models.

The words are those of Feast. A view's rows belong to one entity, such as the stream `dry`, and to a moment;
all of a row's values are of the view's dtype. A change of meaning is a new version: both live side by side.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Annotated, Final, Literal, NamedTuple, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

WORD: Final = r"^[a-z][a-z0-9_]{0,63}$"
FIELD: Final = r"^[a-z][a-z0-9_.]{0,79}$"
COLUMNS_MAX: Final = 4096  # of one view
SECONDS_MAX: Final = 9e9  # that int64 can count in nanoseconds
REFERENCE: Final = re.compile(r"([a-z][a-z0-9_]*)(?:@([0-9]{1,6}))?(?::([a-z][a-z0-9_.]*))?")

Name = Annotated[str, Field(pattern=WORD)]
Precision = Literal["f32", "f16"] | Annotated[float, Field(gt=0)]


class Declared(BaseModel):
    """A declaration; a key that it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)


class Reference(NamedTuple):
    """`VIEW`, `VIEW:FIELD` or `VIEW@VERSION:FIELD`; version 0 is the newest, no field is all of them."""

    view: str
    version: int
    field: str

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Read a reference; raises ValueError for anything else."""
        match = REFERENCE.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is no reference to features: VIEW, VIEW:FIELD or VIEW@VERSION:FIELD")
        return cls(match[1], int(match[2] or 0), match[3] or "")

    def __str__(self) -> str:
        version = f"@{self.version}" if self.version else ""
        return f"{self.view}{version}" + (f":{self.field}" if self.field else "")


def referring(text: str) -> str:
    """`text`, if it is a reference; raises ValueError."""
    Reference.parse(text)
    return text


class Entity(Declared):
    """What features belong to. Its name is the key under which a request says which one is meant."""

    name: Name
    """Such as `stream`, of which there are `dry` and `wet`."""
    description: str = ""
    """What it is."""


class FeatureField(Declared):
    """One feature of a view: a number, or with a shape a vector of them."""

    name: Annotated[str, Field(pattern=FIELD)]
    """Unique in its view."""
    shape: Annotated[tuple[Annotated[int, Field(ge=1, le=COLUMNS_MAX)], ...], Field(max_length=1)] = ()
    """Empty for a number, its length for a vector."""
    parts: tuple[Annotated[str, Field(pattern=r"^[a-z0-9_]+$")], ...] = ()
    """What the elements of a vector are called behind the name and a `_`; without, they have numbers."""
    unit: str = ""
    """Such as dB."""
    low: float | None = None
    """The least that may be."""
    high: float | None = None
    """The most that may be."""
    precision: Precision = "f32"
    """How exactly it is stored offline: `f32`, `f16`, or a step, of which the error is at most half."""
    expression: str = ""
    """On demand: how it is computed, as of `level["left.rms_db"] - level["right.rms_db"]`."""
    description: str = ""
    """What it means."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"{self.name}: low is {self.low:g} and high {self.high:g}")
        if self.parts and self.shape not in ((), (len(self.parts),)):
            raise ValueError(f"{self.name}: {len(self.parts)} parts, but its shape is {list(self.shape)}")
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """The name of each number: its own, or with the part's behind it."""
        if self.parts:
            return tuple(f"{self.name}_{part}" for part in self.parts)
        if not self.shape:
            return (self.name,)
        digits = max(2, len(str(self.shape[0] - 1)))
        return tuple(f"{self.name}_{number:0{digits}}" for number in range(self.shape[0]))


def _distinct(fields: tuple[FeatureField, ...]) -> tuple[FeatureField, ...]:
    names = [name for field in fields for name in {field.name, *field.columns}]
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise ValueError(f"{min(twice)} is the name of two columns")
    if sum(len(field.columns) for field in fields) > COLUMNS_MAX:
        raise ValueError(f"more than {COLUMNS_MAX} columns")
    return fields


class FeatureView(Declared):
    """Features that belong together: they have an entity, a source and a time to live in common."""

    name: Name
    """Of the view; with its version it is unique."""
    version: Annotated[int, Field(ge=1, le=999_999)] = 1
    """Raised with every change of meaning."""
    entity: Name
    """What a row belongs to."""
    fields: Annotated[tuple[FeatureField, ...], Field(min_length=1), AfterValidator(_distinct)]
    """In the order in which a row has them."""
    dtype: Literal["float32", "float64", "int64"] = "float32"
    """Of every value of a row."""
    source: Literal["stream", "batch", "on_demand"] = "stream"
    """Pushed as it comes; computed from time to time; or computed when it is read."""
    ttl_s: Annotated[float, Field(gt=0, le=SECONDS_MAX)] | None = None
    """How old a row may be to count; without, for ever."""
    period_s: Annotated[float, Field(gt=0, le=SECONDS_MAX)] | None = None
    """Time from row to row, where rows come regularly: what is longer is a gap."""
    nan: Literal["reject", "allow"] = "reject"
    """Whether a value may be missing."""
    order: Literal["any", "increasing"] = "any"
    """Whether a row may be older than the newest one of its entity."""
    retention_days: Annotated[float, Field(gt=0)] | None = None
    """How long rows are kept offline; without, for ever."""
    owner: str = ""
    """Who answers for it."""
    description: str = ""
    """What it is."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        computed = self.source == "on_demand"
        for field in self.fields:
            if computed != bool(field.expression):
                must = "needs an expression" if computed else "has an expression, and is not on demand"
                raise ValueError(f"{self.name}:{field.name} {must}")
            if computed and field.columns != (field.name,):
                raise ValueError(f"{self.name}:{field.name} is on demand, and so one number")
        return self

    @property
    def key(self) -> str:
        """Name and version: `NAME@VERSION`."""
        return f"{self.name}@{self.version}"

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of a row's values, in order."""
        return tuple(column for field in self.fields for column in field.columns)


class FeatureService(Declared):
    """The features that a model or a client reads together, in their order."""

    name: Name
    """Of the service, and with `feature.service.` before it of its topic."""
    features: Annotated[tuple[Annotated[str, AfterValidator(referring)], ...], Field(min_length=1)]
    """References: `VIEW`, `VIEW:FIELD`, `VIEW@VERSION:FIELD`."""
    entities: dict[str, str] = {}
    """Of which entities the topic tells, such as `{stream = "dry"}`."""
    publish_hz: Annotated[float, Field(ge=0, le=100)] = 10.0
    """Messages on its topic per second; 0: it has none."""
    owner: str = ""
    """Who answers for it."""
    description: str = ""
    """What it is for."""
