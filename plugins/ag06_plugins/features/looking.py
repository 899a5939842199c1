"""Looking into the past step by step, while the reader does it: for commands and for plugins in the host."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ag06_plugins.features.house import House
from ag06d.plugin import Answer, RequestError

VALUES_MAX: Final = 1 << 23  # of one answer: 64 MiB

Waiting = Generator[None, None, Answer]


def bounded(house: House, references: Iterable[str], moments: int) -> None:
    """Raise RequestError for what refers to nothing, or to more than one answer may have."""
    columns = sum(len(indices) for _, _, indices in house.store.registry.select(references))
    if columns * moments > VALUES_MAX:
        message = f"{columns} features at {moments} moments are more than {VALUES_MAX} values"
        raise RequestError("out_of_range", message, "ask for less at a time")


def looking(house: House, question: str, body: Mapping[str, Any], *arrays: npt.NDArray[Any]) -> Waiting:
    """Have the reader look into the past; raises RequestError."""
    if house.workers is None:
        raise RequestError("not_ready", "nothing is kept on the disk", "see features.status")
    job = house.workers.ask(question, body, arrays)
    try:
        while not job.done:
            yield
            house.workers.poll()
    finally:
        job.wanted = False
    note = job.result()
    return Answer(note.body, note.arrays)


def joining(
    house: House,
    features: Sequence[str] | str,
    entities: Mapping[str, str | Sequence[str]],
    moments_ns: npt.NDArray[Any],
    *,
    as_known: bool,
) -> Waiting:
    """What was known at each moment; raises RequestError."""
    references = house.store.references(features)
    bounded(house, references, moments_ns.size)  # or it is wrong at once
    if moments_ns.ndim != 1 or moments_ns.dtype.kind not in "iu":
        raise RequestError("bad_request", f"moments of dtype {moments_ns.dtype}", "int64 of shape (n,)")
    for entity, which in entities.items():
        if not isinstance(which, str) and len(which) != len(moments_ns):
            message = f"entities.{entity}: {len(which)} for {len(moments_ns)} moments"
            raise RequestError("bad_request", message, "one for each, or one for all")
    body = {"features": list(references), "entities": dict(entities), "as_known": as_known}
    return (yield from looking(house, "join", body, moments_ns.astype(np.int64)))
