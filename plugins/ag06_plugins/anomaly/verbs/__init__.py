"""`ag06ctl anomaly ...`: alerts of the running daemon, and faults and oddities in files without one."""

from ag06_plugins.anomaly.verbs import alerts, injecting, judging, kinds, scan, score
from ag06d.cli.verbs import Verbs

app = Verbs(help="Alerts: what was wrong, the evidence, and what you say of it; faults in files.")
for family in (alerts, judging, injecting, kinds, scan, score):
    app.add_typer(family.app)
