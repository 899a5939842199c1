"""Anomaly detection: the isolation forest and the statistics beside other libraries, and the plugin a hop."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.common import Report, machine_note, options
from bench.rig import anomaly_forest, anomaly_plugin, anomaly_statistics

EPILOG = """\
row      one row from Python: microseconds, percentiles of all calls, then the median over interleaved rounds
batch    rows a second, all rows in one call
fit      milliseconds
series   the statistical detectors, rows a second of CPU time; memory after many; rates of false alarms
plugin   CPU time of the whole plugin, a hop
auc      ROC-AUC of each set and side, grown on the rows that are scored, the mean over seeds

The ratios of rows are p50 by p50, of batches rows a second, of fits milliseconds; above 1 we are ahead.
The sets are three of scikit-learn's own, or with --data those of a folder, such as ADBench's `Classical`.
Needs: the `bench` dependency group.
"""
ARGUMENTS = (
    (
        "--data",
        {"type": Path, "metavar": "FOLDER", "help": "sets for ROC-AUC: .npz files with X and y (1: anomaly)"},
    ),
    ("--seeds", {"type": int, "metavar": "N", "help": "for ROC-AUC (default: 50, with --quick 12)"}),
)
SECTIONS = (anomaly_forest.section, anomaly_statistics.statistics, anomaly_plugin.section)


def main() -> None:
    """Run the benchmark."""
    chosen = options(__doc__, EPILOG, rounds=11, arguments=ARGUMENTS)
    chosen.rounds = min(chosen.rounds, 5) if chosen.quick else chosen.rounds
    if chosen.data and not any(chosen.data.glob("*.npz")):
        sys.exit(f"{chosen.data}: no .npz files are there")
    report = Report("anomaly")
    for section in SECTIONS:
        section(report, chosen)
    report.notes.append(machine_note())
    report.finish(json_only=chosen.json)


if __name__ == "__main__":
    main()
