"""Figures of presets and replays, in a terminal or a PNG; at the user's, without a daemon.

Numbers first (`curves`, `sound`), then one module for each way of drawing them.
"""

from __future__ import annotations

from pathlib import Path

from ag06d.core.presets import PresetLibrary
from ag06d.paths import state_folder
from ag06d.plot import terminal
from ag06d.plot.curves import PresetCurves
from ag06d.plot.sound import Comparison

__all__ = ["plot_comparison", "plot_preset"]


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
