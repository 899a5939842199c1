"""The feature store of another host: asked at the door of the plugin that has it, and waited for."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import zmq

from ag06d.errors import RequestError
from ag06d.paths import Sockets
from ag06d.plugin import (
    Entity,
    FeatureService,
    FeatureView,
    HistoricalFeatures,
    OnlineFeatures,
    Pushed,
    Rejected,
    To,
)
from ag06d.wire import Reply, Request, WireError, pack_arrays, raise_for_error
from ag06d.wire.codec import check_content

PLUGIN: Final = "features"
QUICK_S: Final = 0.25  # for what a frame waits for
APPLY_S: Final = 1.0


@contextmanager
def _refused() -> Iterator[None]:
    """What no request can be made of is answered as the store would answer it."""
    try:
        yield
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise RequestError("bad_request", f"the feature store cannot be asked that: {error}") from error


class DistantFeatures:
    """See `ag06d.plugin.Features`."""

    def __init__(self, context: zmq.Context[Any], sockets: Sockets) -> None:
        self._context, self._address = context, sockets.door(PLUGIN)
        self._socket: zmq.Socket[bytes] | None = None
        self._number = 0

    @_refused()
    def get_online_features(
        self, features: Sequence[str] | str, entity_rows: Sequence[Mapping[str, str]]
    ) -> OnlineFeatures:
        """Of the newest rows."""
        reply = self._ask(
            "get", {**_named(features), "entities": [dict(row) for row in entity_rows]}, QUICK_S
        )
        values, statuses, event_ns = reply.arrays
        return OnlineFeatures(tuple(reply.body["names"]), values, statuses, event_ns)

    @_refused()
    def get_historical_features(
        self,
        moments_ns: npt.NDArray[np.int64],
        entities: Mapping[str, str | Sequence[str]],
        features: Sequence[str] | str,
        *,
        as_known: bool = False,
        timeout_s: float = 5.0,
    ) -> HistoricalFeatures:
        """Of the rows before each moment."""
        which = {name: one if isinstance(one, str) else list(one) for name, one in entities.items()}
        body = {**_named(features), "entities": which, "as_known": as_known}
        reply = self._ask("join", body, timeout_s, np.asarray(moments_ns, dtype=np.int64))
        (values,) = reply.arrays
        return HistoricalFeatures(tuple(reply.body["names"]), values)

    @_refused()
    def push(
        self,
        view: str,
        entity: str,
        rows: npt.ArrayLike,
        times_ns: npt.ArrayLike | None = None,
        to: To = "online_and_offline",
    ) -> Pushed:
        """Add rows of one entity."""
        values = np.atleast_2d(np.asarray(rows))
        times = np.full(len(values), time.time_ns()) if times_ns is None else np.atleast_1d(times_ns)
        reply = self._ask("push", {"view": view, "entity": entity, "to": to}, QUICK_S, values, times)
        rejected = [Rejected(entry["index"], entry["reason"]) for entry in reply.body["rejected"]]
        return Pushed(reply.body["accepted"], rejected)

    @_refused()
    def apply(
        self,
        views: Iterable[FeatureView] = (),
        services: Iterable[FeatureService] = (),
        entities: Iterable[Entity] = (),
    ) -> list[str]:
        """Declare."""
        declared = {"views": views, "services": services, "entities": entities}
        body = {name: [entry.model_dump(mode="json") for entry in of] for name, of in declared.items()}
        problems: list[str] = self._ask("apply", body, APPLY_S).body["problems"]
        return problems

    def _ask(self, command: str, body: dict[str, Any], timeout_s: float, *arrays: Any) -> Reply:  # noqa: ANN401 - of numbers
        """The answer to `features.COMMAND`; raises RequestError."""
        entries, buffers = pack_arrays(*arrays)
        if entries:
            body = body | {"arrays": entries}
        self._number += 1
        request = Request(self._number, f"{PLUGIN}.{command}", body, buffers, deadline_ms=timeout_s * 1000)
        frames = request.encode()
        try:
            check_content(frames[2:])
        except WireError as error:
            raise RequestError("out_of_range", f"{request.op}: {error}", "less at a time") from error
        until_s = time.monotonic() + timeout_s
        socket = self._connected()
        try:
            socket.send_multipart(frames, zmq.NOBLOCK)
            while socket.poll(max(0, round(1000 * (until_s - time.monotonic())))):
                reply = Reply.decode(socket.recv_multipart())
                if reply.re == request.id:
                    return raise_for_error(reply)
        except (zmq.ZMQError, WireError) as error:
            self.close()
            raise RequestError(
                "not_ready", f"the feature store cannot be asked: {error}", "ask again later"
            ) from error
        self.close()  # what comes late is for nobody
        raise RequestError(
            "deadline", f"the feature store did not answer within {timeout_s:g} s", "ask again later"
        )

    def _connected(self) -> zmq.Socket[bytes]:
        if not Path(self._address.removeprefix("ipc://")).exists():
            self.close()
            raise RequestError("not_ready", f"no plugin {PLUGIN} runs that has a store", "ask again later")
        if self._socket is None:
            self._socket = self._context.socket(zmq.DEALER)
            self._socket.setsockopt(zmq.LINGER, 0)
            self._socket.connect(self._address)
        return self._socket

    def close(self) -> None:
        """Let go of the socket; the next question takes another."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _named(features: Sequence[str] | str) -> dict[str, Any]:
    """A service by its name, or references."""
    return {"service": features} if isinstance(features, str) else {"features": list(features)}
