"""`ag06ctl features ...`: the daemon's feature store, and features of recordings without a daemon."""

from ag06_plugins.features.verbs import declared, joins, newest, past, pushing, recordings, status
from ag06d.cli.verbs import Verbs

app = Verbs(help="The feature store: living values, history and joins; features of recordings.")
for family in (status, newest, past, declared, pushing, recordings, joins):
    app.add_typer(family.app)
