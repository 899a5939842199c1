"""Write the features of every hop as CSV: `python csv_log.py > features.csv`."""

import csv
import sys
from contextlib import suppress

from ag06d.client import Client

with suppress(KeyboardInterrupt), Client(wait=True) as ag06:
    columns: list[str] = []
    rows = csv.writer(sys.stdout)
    for message in ag06.follow("feature.basic."):
        features = message.vector
        if features and list(features) != columns:  # another run of the daemon may have others
            columns = list(features)
            rows.writerow(["position", "missed", *columns])
        rows.writerow([message.position, message.missed, *features.values()])
