"""`ag06ctl features get`: the newest values of features, how old they are, and whether they count."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ag06_plugins.features.verbs.references import Entities, References, Service, entity_rows, units, wanted
from ag06_plugins.shared.verbs.tables import number, seconds, table
from ag06d.cli.output import client, show
from ag06d.cli.verbs import Verbs

if TYPE_CHECKING:
    import numpy as np

app = Verbs()


@app.command()
def get(references: References = None, service: Service = "", entity: Entities = None) -> None:
    """The newest values: PRESENT, OUTSIDE_MAX_AGE where they are too old to count, or NOT_FOUND.

    With a service, `ag06ctl watch feature.service.NAME` prints them as they come.

    For example: ag06ctl features get level:mid.rms_db pitch --entity stream=dry --entity stream=wet
    """
    body = wanted(references, service)
    rows = entity_rows(entity)
    with client() as ag06:
        reply = ag06.request("features.get", body | ({"entities": rows} if rows else {}))
        names = reply.body["names"]
        unit = units(ag06, names)
    entities = rows or [{"stream": "dry"}]
    found = list(readings(names, entities, reply.body["statuses"], reply.arrays, unit))
    several = len(entities) > 1
    cells = [
        (
            *([",".join(one["entity"].values())] if several else []),
            one["feature"],
            "-" if one["value"] is None else number(one["value"], one["unit"]),
            seconds(one["age_s"]),
            one["status"],
        )
        for one in found
    ]
    heads = (*(["entity"] if several else []), "feature", "value", "age", "status")
    show({"features": found}, *table(heads, cells, ("value", "age")))


def readings(
    names: Sequence[str],
    entities: Sequence[Mapping[str, str]],
    statuses: Sequence[str],
    arrays: Sequence[np.ndarray[Any, Any]],
    unit: Mapping[str, str],
) -> Iterator[dict[str, Any]]:
    """Each value, with all that is known of it."""
    now_ns = time.time_ns()
    values, codes, event_ns = arrays
    for row, entity in enumerate(entities):
        for at, name in enumerate(names):
            time_ns, value = int(event_ns[row, at]), float(values[row, at])
            yield {
                "entity": dict(entity),
                "feature": name,
                "value": value if value == value else None,  # noqa: PLR0124 - NaN is not
                "unit": unit[name],
                "status": statuses[int(codes[row, at])],
                "event_ns": time_ns,
                "age_s": max(0.0, (now_ns - time_ns) / 1e9) if time_ns else None,
            }
