"""How well audio faults are found: every fault at every strength in real sound, and real sound without any.

Essentia's detectors are run on the same sound, each for the faults that it is for.
"""

from __future__ import annotations

import datetime as dt
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from bench.common import ROOT, Report, machine_note, options, print_table, progress, target
from bench.rig import faults_essentia as essentia
from bench.rig import faults_score as scoring
from bench.rig.faults_corpus import RATE, Clip, clips_of, files_of, held_out, synthesised
from bench.rig.faults_inject import cases

from ag06_plugins.anomaly.faults.kinds import KINDS
from ag06_plugins.anomaly.inject import FAULTS
from ag06_plugins.anomaly.scanning import Scanner
from ag06d.anomaly.faults import FaultMeter

EPILOG = """\
Of each kind: the share of faults that is found, over all strengths and at each; false alarms per hour of
sound without faults; milliseconds from the first wrong sample to the end of the hop in which it is told;
frames between where it begins and where it is said to begin.

Clips are those of the half that nothing was tuned on (--half tuning: the other). A fault is put only where
it is heard: see bench/rig/faults_inject.py for what that means. Clips that are faulty themselves are left
out; they are named in bench/rig/faults_corpus.py.
Needs: the `bench` dependency group; sound in --data.
"""
CLIPS, QUICK_CLIPS = 40, 2
QUICK_CLEAN = 15
RECALL_LEAST, FALSE_MOST, HOP_MOST_US, SCAN_LEAST = 0.995, 1.0, 60.0, 100.0
DOCS: Final = ROOT / "docs" / "faults.md"
BEGIN, END = "<!-- measured -->\n", "<!-- end -->\n"
SPEED_S = 30


def chosen_clips(folders: Iterable[Path], half: str) -> tuple[list[Clip], list[str]]:
    """The clips of one half, and what is to be noted of them."""
    files = [path for path in files_of(folders) if held_out(path.name) == (half == "held-out")]
    clips = [clip for path in files for clip in clips_of(path)]
    if clips:
        return clips, []
    return synthesised(), ["no sound in --data: synthesised instruments and the shipped recording instead"]


def spread(clips: Sequence[Clip], count: int) -> list[Clip]:
    """So many of them, evenly from first to last."""
    step = max(1.0, len(clips) / count)
    return [clips[int(at * step)] for at in range(min(count, len(clips)))]


def speed() -> dict[str, float]:
    """What it costs: the meter and the whole scan, microseconds of CPU a hop of two channels."""
    rng = np.random.default_rng(1)
    sound = (0.1 * rng.standard_normal((SPEED_S * RATE, 2))).astype(np.float32)
    hops = SPEED_S * 100
    took = {}
    for name, take in (("meter_us", FaultMeter(RATE).take), ("scan_us", Scanner(RATE).take)):
        take(sound)
        began = time.process_time_ns()
        take(sound)
        took[name] = (time.process_time_ns() - began) / hops / 1000
    return took


def by_kind(scores: scoring.Scores, alarms: Mapping[str, int], hours: float) -> dict[str, dict[str, Any]]:
    """Figures of each kind, with the recall at each strength of each of its faults."""
    result: dict[str, dict[str, Any]] = {}
    for kind in [rule.kind for rule in KINDS]:
        names = [fault.name for fault in FAULTS.values() if fault.kind == kind]
        total = scoring.together(scores, names)
        figures: dict[str, Any] = total.figures() | {"false_per_hour": alarms.get(kind, 0) / hours}
        figures["faults"] = {
            name: {strength: one.recall for (of, strength), one in scores.items() if of == name}
            for name in names
        }
        result[kind] = figures
    return result


def run(chosen: Any) -> tuple[Report, dict[str, dict[str, Any]]]:  # noqa: ANN401 - argparse's
    """All of it."""
    clips, notes = chosen_clips([chosen.data, *chosen.music], chosen.half)
    some = spread(clips, QUICK_CLIPS if chosen.quick else chosen.clips)
    clean = spread(clips, QUICK_CLEAN) if chosen.quick else clips
    hours = sum(clip.seconds for clip in clean) / 3600
    peers = (
        {name: (kind, make()) for name, (kind, make) in essentia.PEERS.items()}
        if essentia.available()
        else {}
    )
    scores: scoring.Scores = {}
    their_scores: dict[str, scoring.Scores] = {name: {} for name in peers}
    missed: list[str] = []
    wanted = [fault for fault in FAULTS.values() if not chosen.only or fault.kind in chosen.only]
    for number, clip in enumerate(some):
        progress(f"clip {number + 1} of {len(some)}", silent=chosen.json)
        for case in cases([clip], wanted):
            if not scoring.ours(case, scores):
                missed.append(
                    f"{case.fault.name} {case.strength} in {clip.name} at {case.start / RATE:.3f} s"
                )
            for name, (kind, detect) in peers.items():
                if kind == case.fault.kind:
                    scoring.theirs(case, detect, their_scores[name])
    progress("clean sound", silent=chosen.json)
    alarms = scoring.our_alarms(clean)
    counts = {kind: sum(of == kind for _, of, _ in alarms) for _, kind, _ in alarms}
    figures = by_kind(scores, counts, hours)
    report = Report("faults", ours=dict(figures), notes=notes)
    for name, (kind, detect) in peers.items():
        total = scoring.together(their_scores[name], [f.name for f in FAULTS.values() if f.kind == kind])
        if total.cases:
            false = scoring.their_alarms(clean, detect) / hours
            report.peers[name] = {"kind": kind, "false_per_hour": false} | total.figures()
    whole = scoring.together(scores, list(FAULTS))
    took = speed()
    report.ours |= {"all": whole.figures() | {"false_per_hour": len(alarms) / hours} | took}
    report.checks = {
        "recall": target(whole.recall, RECALL_LEAST),
        "false_per_hour": target(len(alarms) / hours, FALSE_MOST, most=True),
        "meter_us": target(took["meter_us"], HOP_MOST_US, most=True),
        "scan_times_real_time": target(1e4 / took["scan_us"], SCAN_LEAST),
    }
    report.notes += [
        f"{len(some)} clips of {len(clips)}, {chosen.half}, with faults; {hours:.2f} hours without",
        *([*essentia.DIFFERENCES] if peers else ["essentia: absent, it is not installed"]),
        *(f"false: {kind} in {name} at {at:.3f} s" for name, kind, at in alarms),
        *(f"missed: {one}" for one in missed[: chosen.misses]),
        machine_note(),
    ]
    return report, figures


def table(report: Report) -> list[list[str]]:
    """A row for each kind and each other detector."""
    rows = []
    for kind, figures in report.ours.items():
        if not figures.get("cases"):
            continue
        strengths = "; ".join(
            f"{name} " + " ".join(f"{100 * share:.0f}" for share in of.values())
            for name, of in figures.get("faults", {}).items()
        )
        rows.append(_row(kind, "ours", figures, strengths))
        rows += [_row(kind, name, one, "") for name, one in report.peers.items() if one["kind"] == kind]
    return rows


def _row(kind: str, side: str, figures: Mapping[str, Any], strengths: str) -> list[str]:
    delay = (
        f"{figures['delay_p50_ms']:.0f} / {figures['delay_p95_ms']:.0f}" if "delay_p50_ms" in figures else "-"
    )
    off = f"{figures['off_p50_frames']:.0f}" if "off_p50_frames" in figures else "-"
    share = f"{100 * figures['recall']:.1f} %"
    return [
        kind,
        side,
        f"{figures['cases']:.0f}",
        share,
        f"{figures['false_per_hour']:.1f}",
        delay,
        off,
        strengths,
    ]


HEADS: Final = (
    "kind",
    "detector",
    "faults",
    "found",
    "false per hour",
    "delay ms",
    "off frames",
    "found, by strength, %",
)


def write(rows: Sequence[Sequence[str]], notes: Sequence[str]) -> None:
    """Put the table with its date into the page."""
    text = DOCS.read_text()
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    lines = [
        f"Measured on {dt.datetime.now(dt.UTC):%Y-%m-%d}; {notes[0]}.",
        "",
        "| " + " | ".join(HEADS) + " |",
        "|" + " --- |" * len(HEADS),
        *("| " + " | ".join(row) + " |" for row in rows),
    ]
    DOCS.write_text(before + BEGIN + "\n".join(lines) + "\n" + END + after)


def main() -> None:
    """Run the benchmark."""
    chosen = options(
        __doc__,
        EPILOG,
        arguments=(
            ("--data", {"type": Path, "default": ROOT.parent / "shared" / "data", "help": "folder of sound"}),
            (
                "--music",
                {"type": Path, "action": "append", "default": [], "help": "one more folder"},
            ),
            ("--half", {"choices": ("held-out", "tuning"), "default": "held-out", "help": "of the clips"}),
            ("--clips", {"type": int, "default": CLIPS, "metavar": "N", "help": "that faults are put into"}),
            ("--only", {"action": "append", "default": [], "metavar": "KIND", "help": "faults of this kind"}),
            (
                "--misses",
                {"type": int, "default": 40, "metavar": "N", "help": "misses to name"},
            ),
            ("--write", {"action": "store_true", "help": "put the table into docs/faults.md"}),
        ),
    )
    report, _ = run(chosen)
    rows = table(report)
    if not chosen.json:
        print_table("Audio faults", HEADS, rows)
    if chosen.write:
        write(rows, [note for note in report.notes if "with faults" in note])
    report.finish(json_only=chosen.json)


if __name__ == "__main__":
    main()
