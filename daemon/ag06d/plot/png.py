"""Figures as PNG, drawn by matplotlib, which is the extra `ag06d[plot]`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ag06d.errors import PlotError
from ag06d.plot.curves import LEVELS_DB, PresetCurves, hertz
from ag06d.plot.loudness import STEP_S
from ag06d.plot.series import Series
from ag06d.plot.sound import Comparison, Sound

try:
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine
    from matplotlib.ticker import FuncFormatter, MultipleLocator, NullFormatter
except ImportError as error:
    raise PlotError(
        "a PNG needs matplotlib: pip install 'ag06d[plot]'; without a file the figure goes to the terminal"
    ) from error

INK, QUIET, GRID = "#1b2733", "#6b7a89", "#dfe5ea"
DRY, WET = "#98a4b0", "#0b6fb8"
STAGES = {"gate": "#2a8f5b", "deess": "#b0508e", "comp": "#d9822b", "limiter": "#c23b3b"}
TITLES = {
    "gate": "gate",
    "deess": "de-esser, by the level above its corner",
    "comp": "compressor",
    "limiter": "limiter",
}
BANDS = ("#8c8c8c", "#2a8f5b", "#b0508e", "#d9822b", "#7a68b8")
FREQUENCIES = (20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000)
LINES = (WET, *STAGES.values(), *BANDS)
DPI = 120
TITLE_INCHES, TITLE_TOP_INCHES = 0.3, 0.1


def draw_preset(curves: PresetCurves, title: str, output: Path) -> str:
    """Frequency response above, static curve and stages below."""
    fig = titled(title, 8)
    grid = fig.add_gridspec(2, 2, height_ratios=(1, 1.15))
    draw_response(fig.add_subplot(grid[0, :]), curves)
    draw_static(fig.add_subplot(grid[1, 0]), curves)
    draw_stages(fig.add_subplot(grid[1, 1]), curves)
    return save(fig, output)


def draw_stage(curves: PresetCurves, title: str, output: Path) -> str:
    """The curves of one stage alone: its frequency response, or what it does to levels."""
    fig = titled(title, 4.8)
    if curves.gains_db:
        grid = fig.add_gridspec(1, 2)
        draw_static(fig.add_subplot(grid[0, 0]), curves)
        draw_stages(fig.add_subplot(grid[0, 1]), curves)
    else:
        axes = fig.add_subplot()
        draw_response(axes, curves)
        axes.set_title(f"{', '.join(curves.bands_db)}, at {curves.rate:g} Hz", loc="left", fontsize=10)
    return save(fig, output)


def draw_series(series: Series, title: str, output: Path) -> str:
    """An axis for each unit, one below the other over the same time."""
    groups = series.groups()
    fig = titled(title, 1.5 + 3 * len(groups))
    grid = fig.add_gridspec(len(groups), 1)
    for row, (unit, names) in enumerate(groups.items()):
        axes = fig.add_subplot(grid[row])
        style(axes, ", ".join(names) if len(names) == 1 else "", "s" if row == len(groups) - 1 else "", unit)
        for name, line_colour in zip(names, LINES * len(names), strict=False):
            axes.plot(series.times_s, series.values[name], color=line_colour, linewidth=1.6, label=name)
        axes.set_xlim(0, series.seconds)
        if len(names) > 1:
            legend(axes, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return save(fig, output)


def titled(title: str, height: float) -> Figure:
    """An empty figure with a title and margins."""
    margins = ConstrainedLayoutEngine(
        rect=(0.005, 0.005, 0.98, 1 - TITLE_INCHES / height), h_pad=0.09, w_pad=0.08
    )
    fig = Figure(figsize=(11, height), dpi=DPI, layout=margins)
    fig.suptitle(
        title,
        x=0.014,
        y=1 - TITLE_TOP_INCHES / height,
        ha="left",
        va="top",
        fontsize=12,
        color=INK,
        weight="bold",
    )
    return fig


def style(axes: Any, title: str, x_label: str, y_label: str) -> None:  # noqa: ANN401 - matplotlib may not be there
    """What all axes have in common."""
    axes.set_title(title, loc="left", fontsize=10, color=INK)
    axes.set_xlabel(x_label, fontsize=9, color=QUIET)
    axes.set_ylabel(y_label, fontsize=9, color=QUIET)
    axes.tick_params(labelsize=8, colors=QUIET, length=3)
    axes.grid(visible=True, color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(GRID)


def frequency_axis(axes: Any, high_hz: float) -> None:  # noqa: ANN401 - see style
    """A logarithmic axis with the frequencies of a graphic equaliser."""
    axes.set_xscale("log")
    axes.set_xlim(20, high_hz)
    axes.set_xticks([frequency for frequency in FREQUENCIES if frequency <= high_hz])
    axes.xaxis.set_major_formatter(FuncFormatter(lambda hz, _: hertz(hz)))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.tick_params(which="minor", length=0)


def legend(axes: Any, **options: Any) -> None:  # noqa: ANN401 - see style
    """The names of what is drawn, if anything has one."""
    if axes.get_legend_handles_labels()[0]:
        axes.legend(**{"fontsize": 8, "frameon": False, "labelcolor": INK} | options)


def draw_response(axes: Any, curves: PresetCurves) -> None:  # noqa: ANN401 - see style
    """High-pass and EQ, and each of the bands that make it up."""
    style(axes, f"High-pass and EQ, at {curves.rate:g} Hz", "Hz", "dB")
    frequency_axis(axes, float(curves.frequencies_hz[-1]))
    reach = max(9.0, 3 * np.ceil(float(curves.response_db.max()) / 3) + 3)
    axes.set_ylim(-max(reach, 18.0), reach)
    axes.yaxis.set_major_locator(MultipleLocator(3 if reach < 15 else 6))  # noqa: PLR2004
    axes.axhline(0, color=QUIET, linewidth=0.8)
    for (name, band), colour in zip(curves.bands_db.items(), BANDS, strict=False):
        axes.plot(curves.frequencies_hz, band, color=colour, linewidth=1.1, linestyle="--", label=name)
    axes.plot(
        curves.frequencies_hz,
        curves.response_db,
        color=WET,
        linewidth=2.4,
        label="together" if curves.bands_db else None,
    )
    legend(axes, loc="lower center", ncols=6)


def draw_static(axes: Any, curves: PresetCurves) -> None:  # noqa: ANN401 - see style
    """Level out for level in."""
    style(axes, "Level out for level in, trim to level", "dBFS in", "dBFS out")
    axes.plot((-80, 0), (-80, 0), color=QUIET, linewidth=0.8, linestyle=":", label="unchanged")
    axes.plot(LEVELS_DB, curves.output_db, color=WET, linewidth=2.4, label="this chain")
    axes.set_xlim(-80, 0)
    axes.set_ylim(-80, 0.5)
    axes.xaxis.set_major_locator(MultipleLocator(10))
    axes.yaxis.set_major_locator(MultipleLocator(10))
    legend(axes, loc="upper left")


def draw_stages(axes: Any, curves: PresetCurves) -> None:  # noqa: ANN401 - see style
    """The gain of each stage, with a tick at its threshold."""
    style(axes, "Gain of each stage, without make-up", "dBFS at the stage's input", "dB")
    deepest = 0.0
    axes.axhline(0, color=QUIET, linewidth=0.8)
    for stage, gain in curves.gains_db.items():
        # Where they do nothing, the lines would hide each other; each begins at 0.
        begins = np.convolve(gain < 0, (1, 1, 1), "same") > 0
        acting = np.where(begins, gain, np.nan)
        axes.plot(LEVELS_DB, acting, color=STAGES[stage], linewidth=2.2, label=TITLES[stage])
        deepest = min(deepest, float(gain.min()))
    for stage, threshold in curves.thresholds_db.items():
        axes.axvline(threshold, color=STAGES[stage], linewidth=0.9, linestyle=":")
    axes.set_xlim(-80, 0)
    axes.set_ylim(min(1.4 * deepest, -8), 1)  # the legend stands below all lines
    axes.xaxis.set_major_locator(MultipleLocator(10))
    if curves.gains_db:
        legend(axes, loc="lower left", ncols=2, frameon=True, framealpha=1, edgecolor="none")
    else:
        axes.text(0.5, 0.5, "every stage is off", transform=axes.transAxes, ha="center", color=QUIET)


def draw_comparison(comparison: Comparison, title: str, output: Path) -> str:
    """Waveform, loudness and spectrum, before and after."""
    fig = titled(title, 10)
    grid = fig.add_gridspec(4, 1, height_ratios=(0.8, 0.8, 1.3, 1.3))
    sounds = ((comparison.dry, "Before", DRY), (comparison.wet, "After", WET))
    for row, (sound, name, colour) in enumerate(sounds):
        draw_waveform(fig.add_subplot(grid[row]), sound, name, colour)
    draw_loudness(fig.add_subplot(grid[2]), comparison)
    draw_spectrum(fig.add_subplot(grid[3]), comparison)
    return save(fig, output)


def draw_waveform(axes: Any, sound: Sound, name: str, colour: str) -> None:  # noqa: ANN401 - see style
    """Least and largest sample of each stretch."""
    figures = (
        f"integrated {sound.loudness.integrated_lufs:.1f} LUFS, sample peak {sound.loudness.peak_db:.1f} dBFS"
    )
    style(axes, f"{name}: {figures}", "", "full scale 1")
    times = np.linspace(0, sound.seconds, len(sound.low))
    axes.fill_between(times, sound.low, sound.high, color=colour, linewidth=0.3)
    axes.set_xlim(0, sound.seconds)
    reach = max(1.0, float(sound.high.max()), float(-sound.low.min())) * 1.02
    axes.set_ylim(-reach, reach)
    axes.yaxis.set_major_locator(MultipleLocator(0.5))


def draw_loudness(axes: Any, comparison: Comparison) -> None:  # noqa: ANN401 - see style
    """Momentary thin, short-term thick, integrated dashed."""
    style(axes, "Loudness: momentary thin, short-term thick, integrated dashed", "s", "LUFS")
    loudest = -30.0
    for sound, name, colour in ((comparison.dry, "before", DRY), (comparison.wet, "after", WET)):
        times = STEP_S * np.arange(1, len(sound.loudness.momentary_lufs) + 1)
        axes.plot(times, sound.loudness.momentary_lufs, color=colour, linewidth=0.8, alpha=0.7)
        axes.plot(times, sound.loudness.short_term_lufs, color=colour, linewidth=2.2, label=name)
        axes.axhline(sound.loudness.integrated_lufs, color=colour, linewidth=1.2, linestyle="--")
        loudest = max(loudest, float(np.nanmax(sound.loudness.momentary_lufs, initial=-30.0)))
    axes.set_xlim(0, max(comparison.dry.seconds, comparison.wet.seconds))
    axes.set_ylim(5 * np.floor(loudest / 5) - 45, 5 * np.ceil(loudest / 5))
    axes.yaxis.set_major_locator(MultipleLocator(10))
    legend(axes, loc="lower right", ncols=2, frameon=True, framealpha=1, edgecolor="none")


def draw_spectrum(axes: Any, comparison: Comparison) -> None:  # noqa: ANN401 - see style
    """Mean over the whole, a sixth of an octave wide."""
    style(axes, "Spectrum: mean of the whole, smoothed over a sixth of an octave", "Hz", "dBFS")
    dry, wet = comparison.dry, comparison.wet
    frequency_axis(axes, float(dry.frequencies_hz[-1]))
    axes.plot(dry.frequencies_hz, dry.spectrum_db, color=DRY, linewidth=2.2, label="before")
    axes.plot(wet.frequencies_hz, wet.spectrum_db, color=WET, linewidth=2.2, label="after")
    top = 10 * np.ceil(max(float(dry.spectrum_db.max()), float(wet.spectrum_db.max())) / 10)
    axes.set_ylim(top - 80, top)
    legend(axes, loc="lower left", ncols=2)


def save(fig: Figure, output: Path) -> str:
    """Write the PNG; its path. Raises PlotError."""
    try:
        fig.savefig(output, format="png", facecolor="white")
    except OSError as error:
        raise PlotError(f"{output}: cannot be written: {error.strerror}") from error
    return str(output)
