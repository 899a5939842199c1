"""Figures as text, in braille dots; plain where nobody sees colours."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import plotille

from ag06d.plot.curves import HIGHEST_HZ, LEVELS_DB, LOWEST_HZ, PresetCurves, hertz
from ag06d.plot.loudness import STEP_S
from ag06d.plot.series import Series
from ag06d.plot.sound import Comparison, Sound

Curve = npt.NDArray[np.float64]

# A tick stands on every tenth column and on every row, so the sizes are such that they are round.
DECADE_COLUMNS = 20
LEVEL_COLUMNS, LEVEL_FROM_DB = 60, -60.0
TIME_COLUMNS = 60
SERIES_ROWS = 14
COLOURS = ("cyan", "yellow", "magenta", "green", "blue", "red")
COMPARED = {"before": "yellow", "after": "cyan"}
DOTS = 2  # beside each other in a column of braille
WAVEFORM_HALF = 4  # rows above and below zero
SPECTRUM_DB, LOUDNESS_DB = 60.0, 40.0  # shown below the loudest


def figure(
    labels: tuple[str, str], columns: int, x: tuple[float, float], y: tuple[float, float, float]
) -> Any:  # noqa: ANN401 - plotille tells no types
    """An empty figure; `y` is lowest, highest, and what a row is worth."""
    fig: Any = plotille.Figure()
    fig.width, fig.height = columns, round((y[1] - y[0]) / y[2])
    fig.x_label, fig.y_label = labels
    fig.set_x_limits(*x)
    fig.set_y_limits(y[0], y[1])
    fig.origin = False
    fig.color_mode = "names"
    fig.with_colors = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    fig.y_ticks_fkt = lambda low, _: f"{low:6.0f}"
    fig.x_ticks_fkt = lambda low, _: f"{low:.0f}"
    return fig


def frequency_figure(label: str, y: tuple[float, float, float]) -> Any:  # noqa: ANN401 - see figure
    """An empty figure over log10 Hz, from 20 Hz to 20 kHz."""
    low, high = np.log10(LOWEST_HZ), np.log10(HIGHEST_HZ)
    fig = figure(("Hz", label), round(DECADE_COLUMNS * (high - low)), (low, high), y)
    fig.x_ticks_fkt = frequency_tick
    return fig


def frequency_tick(logarithm: float, _: float) -> str:
    """A tick of an axis of log10 Hz."""
    return hertz(float(f"{10**logarithm:.2g}"))


def finish(fig: Any, title: str, legend: Mapping[str, str] | None = None) -> str:  # noqa: ANN401 - see figure
    """The figure under its title, without spaces at the ends of its lines."""
    lines = [title, *(line.rstrip() for line in fig.show().splitlines())]
    if legend and fig.with_colors:
        lines.append("   ".join(str(plotille.color(name, fg=colour)) for name, colour in legend.items()))
    return "\n".join(lines)


def draw(fig: Any, x: Curve, y: Curve, colour: str) -> None:  # noqa: ANN401 - see figure
    """A line, where it is within the figure."""
    low, high = fig.y_limits()
    shown = (y >= low) & (y <= high)
    fig.plot(x[shown].tolist(), y[shown].tolist(), lc=colour)


def draw_response(curves: PresetCurves, heading: str = "High-pass and EQ") -> str:
    """What the filters do."""
    high = max(6.0, 3 * np.ceil(float(curves.response_db.max()) / 3))
    eq = frequency_figure("dB", (-18.0, high, 2.0 if high % 2 == 0 else 3.0))
    draw(eq, np.log10(curves.frequencies_hz), np.zeros(len(curves.frequencies_hz)), "white")
    draw(eq, np.log10(curves.frequencies_hz), curves.response_db, COLOURS[0])
    return finish(eq, f"\n{heading}")


def draw_static(curves: PresetCurves) -> str:
    """Level out for level in."""
    levels = (LEVEL_FROM_DB, 0.0)
    static = figure(("dBFS in", "dBFS out"), LEVEL_COLUMNS, levels, (*levels, 4.0))
    draw(static, LEVELS_DB, LEVELS_DB, "white")
    draw(static, LEVELS_DB, curves.output_db, COLOURS[0])
    return finish(static, "\nLevel out for level in")


def draw_gains(curves: PresetCurves) -> str:
    """What each stage that is on turns down."""
    deepest = min(float(gain.min()) for gain in curves.gains_db.values())
    y = (min(-6.0, 2 * np.floor(deepest / 2)), 2.0, 2.0)
    gains = figure(("dBFS at the stage", "dB"), LEVEL_COLUMNS, (LEVEL_FROM_DB, 0.0), y)
    legend = dict(zip(curves.gains_db, COLOURS, strict=False))
    for stage, gain in curves.gains_db.items():
        draw(gains, LEVELS_DB, gain, legend[stage])
    return finish(gains, f"\nTurned down by {', '.join(legend)}", legend)


def draw_preset(curves: PresetCurves, title: str) -> str:
    """Frequency response, static curve, and the gain of each stage, one below the other."""
    gains = [draw_gains(curves)] if curves.gains_db else []
    return "\n".join([title, draw_response(curves), draw_static(curves), *gains])


def draw_stage(curves: PresetCurves, title: str) -> str:
    """The curves of one stage alone: its frequency response, or what it does to levels."""
    if not curves.gains_db:
        return "\n".join([title, draw_response(curves, ", ".join(curves.bands_db))])
    return "\n".join([title, draw_static(curves), draw_gains(curves)])


def draw_series(series: Series, title: str) -> str:
    """A figure for each unit; where nobody sees colours, for each name, so that they can be told apart."""
    parts = [title]
    for unit, names in series.groups().items():
        with_colors = figure(("", ""), 1, (0, 1), (0, 1, 1)).with_colors
        figures = [names] if with_colors else [[name] for name in names]
        parts += [draw_names(series, drawn, unit) for drawn in figures]
    return "\n".join(parts)


def draw_names(series: Series, names: list[str], unit: str) -> str:
    """One figure of series with the same unit."""
    y = series.scale(names, SERIES_ROWS)
    fig = figure(("s", unit), TIME_COLUMNS, (0.0, series.seconds), y)
    fig.y_ticks_fkt = lambda low, _: f"{low:8.5g}"
    fig.x_ticks_fkt = lambda low, _: f"{low:.3g}"
    legend = dict(zip(names, COLOURS * len(names), strict=False))
    for name, line_colour in legend.items():
        draw(fig, series.times_s, series.values[name], line_colour)
    return finish(fig, f"\n{', '.join(names)}", legend)


def draw_comparison(comparison: Comparison, title: str) -> str:
    """Waveform, spectrum and loudness before and after, one below the other.

    Where nobody sees colours, before and after have a figure each, so that they can be told apart.
    """
    dry, wet = comparison.dry, comparison.wet
    figures = (
        f"integrated {dry.loudness.integrated_lufs:.1f} -> {wet.loudness.integrated_lufs:.1f} LUFS, "
        f"sample peak {dry.loudness.peak_db:.1f} -> {wet.loudness.peak_db:.1f} dBFS"
    )
    sounds = {"before": dry, "after": wet}
    with_colors = figure(("", ""), 1, (0, 1), (0, 1, 1)).with_colors
    groups = [sounds] if with_colors else [{name: sound} for name, sound in sounds.items()]
    seconds = max(dry.seconds, wet.seconds)
    top = 5 * np.ceil(max(dry.spectrum_db.max(), wet.spectrum_db.max()) / 5)
    return "\n".join(
        [
            *(title, figures),
            *(draw_waveform(name, sound, seconds) for name, sound in sounds.items()),
            *(draw_spectrum(group, top) for group in groups),
            *(draw_loudness(group, seconds) for group in groups),
        ]
    )


def draw_waveform(name: str, sound: Sound, seconds: float) -> str:
    """From the least to the largest sample of each column of dots."""
    columns = np.unique(np.linspace(0, len(sound.low), DOTS * TIME_COLUMNS, endpoint=False).astype(int))
    low = np.minimum.reduceat(sound.low, columns)
    high = np.maximum.reduceat(sound.high, columns)
    reach = max(1.0, float(high.max()), float(-low.min()))
    fig = figure(("s", "full scale 1"), TIME_COLUMNS, (0.0, seconds), (-reach, reach, reach / WAVEFORM_HALF))
    fig.y_ticks_fkt = lambda low, _: f"{low:6.2f}"
    times = (np.arange(len(columns)) + 0.5) * sound.seconds / len(columns)
    draw(fig, np.repeat(times, 2), np.column_stack([low, high]).ravel(), COMPARED[name])
    return finish(fig, f"\nWaveform {name}")


def draw_spectrum(sounds: Mapping[str, Sound], top: float) -> str:
    """The mean of the whole, in one figure."""
    spectrum = frequency_figure("dBFS", (top - SPECTRUM_DB, top, 5.0))
    for name, sound in sounds.items():
        draw(spectrum, np.log10(sound.frequencies_hz), sound.spectrum_db, COMPARED[name])
    return finish(spectrum, f"\nSpectrum {' and '.join(sounds)}", {name: COMPARED[name] for name in sounds})


def draw_loudness(sounds: Mapping[str, Sound], seconds: float) -> str:
    """Short-term, in one figure."""
    loudness = figure(("s", "LUFS"), TIME_COLUMNS, (0.0, seconds), (-LOUDNESS_DB - 5, -5.0, 4.0))
    for name, sound in sounds.items():
        times = np.linspace(STEP_S, sound.seconds, len(sound.loudness.short_term_lufs))
        draw(loudness, times, sound.loudness.short_term_lufs, COMPARED[name])  # NaN is nowhere within
    heading = f"\nShort-term loudness {' and '.join(sounds)}"
    return finish(loudness, heading, {name: COMPARED[name] for name in sounds})
