"""Figures of presets, chains, replays and topics, in a terminal or a PNG; at the user's, without a daemon.

Numbers first (`curves`, `sound`, `series`), then one module for each way of drawing them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ag06d.arena.parameters import Value
from ag06d.core.presets import PresetLibrary
from ag06d.paths import state_folder
from ag06d.plot import terminal
from ag06d.plot.curves import PresetCurves, only
from ag06d.plot.series import Series
from ag06d.plot.sound import Comparison

__all__ = ["plot_chain", "plot_comparison", "plot_preset", "plot_series"]


def plot_preset(name: str, rate: int, output: Path | None = None) -> str:
    """Draw the preset `name` into the PNG `output`, or as the text that is returned.

    Raises RequestError or PresetError (the preset), PlotError (the drawing).
    """
    preset = PresetLibrary(state_folder() / "presets").load(name)
    curves = PresetCurves.of(preset.chain, rate)
    title = f"{preset.name}: {preset.description}"
    if output is None:
        return terminal.draw_preset(curves, title)
    from ag06d.plot import png  # noqa: PLC0415 - matplotlib is an extra, and slow to import

    return png.draw_preset(curves, title, output)


def plot_comparison(dry: Path, wet: Path, rate: int, title: str, output: Path | None = None) -> str:
    """Draw two recordings before and after the chain, likewise; raises RecordingError or PlotError."""
    comparison = Comparison.of(dry, wet, rate)
    if output is None:
        return terminal.draw_comparison(comparison, title)
    from ag06d.plot import png  # noqa: PLC0415 - see above

    return png.draw_comparison(comparison, title, output)


def plot_chain(
    chain: Mapping[str, Value], rate: int, title: str, stage: str = "", output: Path | None = None
) -> str:
    """Draw what a chain's values do, or one `stage` of it alone, likewise; raises PlotError."""
    values = only(chain, stage) if stage else chain
    curves = PresetCurves.of(values, rate)
    if output is None:
        return (terminal.draw_stage if stage else terminal.draw_preset)(curves, title)
    from ag06d.plot import png  # noqa: PLC0415 - see above

    return (png.draw_stage if stage else png.draw_preset)(curves, title, output)


def plot_series(series: Series, title: str, output: Path | None = None) -> str:
    """Draw values over time, likewise; raises PlotError."""
    if output is None:
        return terminal.draw_series(series, title)
    from ag06d.plot import png  # noqa: PLC0415 - see above

    return png.draw_series(series, title, output)
