"""{{ cookiecutter.description }}: what the daemon sees of it. What it computes is in core.py."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict, Field

from ag06d.plugin import Context, Frame, Processor, Topic, hookimpl
from {{ cookiecutter.module }}.core import PeakHold

AG06_API = "1.0"
TOPIC = "{{ cookiecutter.plugin }}"


class Settings(BaseModel):
    """The section `[plugins.{{ cookiecutter.plugin }}]`."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    window_s: float = Field(1.0, gt=0, le=60)
    """Seconds that one message is about."""


class PeakProcessor:
    """Publishes the largest peak of each window."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._hold = PeakHold(round(context.config.window_s * context.rate))

    def process(self, frame: Frame) -> None:
        """Look at one frame."""
        if frame.lost or frame.gap_frames:
            self._hold.reset()
        peak = self._hold.add(frame.wet)
        if peak is not None:
            self._context.publish(TOPIC, {"peak": peak})


@hookimpl
def ag06_config_model() -> type[BaseModel]:
    """Return the model of the settings."""
    return Settings


@hookimpl
def ag06_topics() -> Iterable[Topic]:
    """Return the topic."""
    return [Topic(TOPIC, "Largest peak of each window, full scale 1", channel="events")]


@hookimpl
def ag06_processors(context: Context) -> Iterable[Processor]:
    """Return the processor."""
    return [PeakProcessor(context)]
