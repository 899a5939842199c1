"""One plugin behind its fence: loaded, given frames, timed, and put out when it keeps failing."""

from __future__ import annotations

import gc
import logging
import os
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pluggy
from pydantic import ValidationError

from ag06d._native import lib
from ag06d.arena import HostCell, PluginState
from ag06d.arena.cell import UINT64_MAX
from ag06d.errors import Ag06Error, RequestError
from ag06d.host.context import HostContext
from ag06d.host.desk import Desk
from ag06d.host.registration import Registration, register
from ag06d.host.sources import Source, find
from ag06d.plugin import Features, Frame, Processor
from ag06d.wire import ERROR_CODES, pack
from ag06d.wire.codec import unpack_map

EXIT_MEMORY = 75  # out of memory inside a plugin; the cell names it
QUIET_NS = 10_000_000_000  # between two tracebacks of one plugin; `status` counts them all
DEGRADED_FRAMES = 500  # 5 s without trouble make a degraded plugin a running one again

log = logging.getLogger(__name__)


class Runner:
    """A plugin in its host.

    `failed` tells the host that the plugin ended as quarantined or refused, with the reason.
    """

    def __init__(  # noqa: PLR0913 - what a fence has to know
        self,
        context: HostContext,
        index: int,
        cell: HostCell,
        *,
        deadline_ms: float,
        max_errors: int,
        failed: Callable[[Runner, PluginState, str], None],
        plugin_folder: Path = Path(),
    ) -> None:
        self.context = context
        self.desk = Desk(context.name, self._fenced, self.deliver)
        self._index = index
        self._cell = cell.pointer
        self._deadline_ns = int(deadline_ms * 1e6)
        self._max_errors = max_errors
        self._failed = failed
        self._plugin_folder = plugin_folder
        self._source: Source | None = None
        self._registration = Registration()
        self._processors: list[Processor] = []
        self._ticks: list[Callable[[], None]] = []
        self._in_a_row = Counter[str]()  # errors in frames (and commands and messages), and in ticks
        self._quiet_until_ns = 0
        self._trouble = 0  # frames until it counts as sound again
        self._set_state(PluginState.STARTING)

    @property
    def active(self) -> bool:
        """Whether it still sees frames."""
        return self.state in (PluginState.RUNNING, PluginState.DEGRADED)

    def _set_state(self, state: PluginState) -> None:
        self.state = state
        self._cell.plugins[self._index].state.raw = int(state)

    def start(self, config: Mapping[str, Any]) -> None:
        """Load the plugin and let it register; afterwards it runs, or was refused with the reason."""
        lib.ag06_cell_enter(self._cell, self._index)
        try:
            self._register(config)
            self._set_state(PluginState.RUNNING)
        except MemoryError:
            os._exit(EXIT_MEMORY)
        except ValidationError as error:
            problems = "; ".join(
                f"plugins.{self.context.name}.{'.'.join(map(str, entry['loc']))}: {entry['msg']}"
                for entry in error.errors()
            )
            self._end(PluginState.REFUSED, problems)
        except (Ag06Error, ImportError, pluggy.PluginValidationError) as error:
            self._end(PluginState.REFUSED, text(error))
        except BaseException as error:  # sys.exit() too, or the host would end without a culprit
            log.exception("plugin %s: failed at start", self.context.name)
            self._end(PluginState.REFUSED, f"{type(error).__name__} at start: {text(error)}")
        finally:
            self._cell.current.raw = 0

    def _register(self, config: Mapping[str, Any]) -> None:
        self._source = find(self.context.name, self._plugin_folder)
        registration = register(self._source.load(), self.context, config)
        sendable(registration.document())  # else it is the host's word to ag06d that fails
        self._registration = registration
        self.desk.commands, self._processors = registration.commands, registration.processors
        self._ticks = [processor.tick for processor in self._processors if hasattr(processor, "tick")]

    def document(self) -> dict[str, Any]:
        """What is known of the plugin: where it comes from, and what it registered if it was not refused."""
        source = self._source.document() if self._source else {}
        return source | self._registration.document() | {"active": self.active}

    @property
    def features(self) -> Features | None:
        """The feature store, if it is this plugin that has it."""
        return self._registration.features

    @property
    def declares(self) -> bool:
        """Whether it has features to declare."""
        return any(self._registration.declared.values())

    def declare(self) -> bool:
        """Have the store know its features; false where none is there yet."""
        if not self.active:
            return True
        try:
            problems = self.context.features.apply(**self._registration.declared)
        except RequestError as error:
            log.debug("plugin %s: its features are not declared yet: %s", self.context.name, error)
            return False
        for problem in problems:
            log.error("plugin %s: %s", self.context.name, problem)
        return True

    def process(self, frame: Frame) -> None:
        """Give it a frame."""
        lib.ag06_cell_enter(self._cell, self._index)
        error: BaseException | None = None
        try:
            for processor in self._processors:
                processor.process(frame)
        except MemoryError:
            os._exit(EXIT_MEMORY)  # inside the plugin, so that the cell says whose fault it is
        except BaseException as caught:  # noqa: BLE001 - the fence: whatever a plugin raises ends here
            error = caught
        took_ns = lib.ag06_cell_leave(self._cell, self._index, self._deadline_ns, error is not None)
        self._account("frame", error, took_ns)
        if error is None and took_ns <= self._deadline_ns:
            self._recover()

    def tick(self) -> None:
        """Let it do what it does whether or not there is sound."""
        if not self._ticks:
            return
        lib.ag06_cell_enter(self._cell, self._index)
        began_ns = lib.ag06_now_ns()
        error: BaseException | None = None
        try:
            for tick in self._ticks:
                tick()
        except MemoryError:
            os._exit(EXIT_MEMORY)
        except BaseException as caught:  # noqa: BLE001 - as in process
            error = caught
        took_ns = lib.ag06_now_ns() - began_ns
        self._cell.current.raw = 0
        plugin = self._cell.plugins[self._index]
        if error is not None:
            count(plugin.errors)
        if took_ns > self._deadline_ns:
            count(plugin.over_deadline)
        self._account("tick", error, took_ns)

    def _account(self, what: str, error: BaseException | None, took_ns: int) -> None:
        trace = self.context.trace
        if trace is not None:
            trace.add(what, took_us=took_ns / 1000)
            if error is not None:
                trace.error(error)
        if error is None and took_ns <= self._deadline_ns:
            self._in_a_row[what] = 0
        else:
            self._suffer(error, took_ns, what)

    def _recover(self) -> None:
        if self._trouble:
            self._trouble -= 1
            if not self._trouble:
                self._set_state(PluginState.RUNNING)

    def _suffer(self, error: BaseException | None, took_ns: int, what: str) -> None:
        if not self.active:  # it is being closed
            log.error("plugin %s: raised", self.context.name, exc_info=error)
            return
        if self.state is PluginState.RUNNING:
            self._set_state(PluginState.DEGRADED)
            if error is None:
                log.warning("plugin %s: took %.1f ms for a %s", self.context.name, took_ns / 1e6, what)
        self._trouble = DEGRADED_FRAMES
        if error is None:
            self._in_a_row[what] = 0
            return
        if self._in_a_row[what] == 0 and lib.ag06_now_ns() >= self._quiet_until_ns:
            self._quiet_until_ns = lib.ag06_now_ns() + QUIET_NS
            log.error("plugin %s: raised", self.context.name, exc_info=error)
        self._in_a_row[what] += 1
        if self._in_a_row[what] >= self._max_errors:
            self._end(
                PluginState.QUARANTINED,
                f"raised {self._in_a_row[what]} times in a row: {type(error).__name__}: {text(error)}",
            )

    def deliver(self, handler: Callable[[], Any], what: str, name: str) -> bool:
        """Run one of its handlers for `what`, a message or a reply, of a topic or operation `name`.

        False when it raised.
        """
        try:
            self._fenced(handler, what, name)
        except RequestError as error:
            log.error("plugin %s: a handler raised: %s", self.context.name, error)  # noqa: TRY400 - logged below it
            return False
        return True

    def _fenced(self, function: Callable[[], Any], what: str, name: str) -> Any:  # noqa: ANN401 - what it returns
        began_ns, trace = lib.ag06_now_ns(), self.context.trace
        lib.ag06_cell_enter(self._cell, self._index)
        try:
            return function()
        except MemoryError:
            os._exit(EXIT_MEMORY)
        except RequestError as error:
            code, message, hint = (text(part) for part in (error.code, error.message, error.hint))
            if code in ERROR_CODES:
                raise RequestError(code, message, hint) from error
            raise RequestError("internal", f"{code}: {message}", hint) from error
        except BaseException as error:
            count(self._cell.plugins[self._index].errors)
            if trace is not None:
                trace.error(error)
            self._suffer(error, 0, "frame")
            raise RequestError(
                "internal", f"plugin {self.context.name}: {type(error).__name__}: {text(error)}"
            ) from error
        finally:
            self._cell.current.raw = 0
            if trace is not None:
                trace.add(what, name=name, took_us=(lib.ag06_now_ns() - began_ns) / 1000)

    def _end(self, state: PluginState, reason: str) -> None:
        processors, self._processors, self._ticks = self._processors, [], []
        self.context.subscriptions.clear()
        self.context.calls.clear()
        self._set_state(state)
        self._failed(self, state, reason)
        self.desk.close()
        self._close(processors)
        del processors
        gc.collect()

    def close(self) -> None:
        """Let its commands and processors end in good order."""
        self.desk.close()
        processors, self._processors, self._ticks = self._processors, [], []
        self._close(processors)

    def _close(self, processors: list[Processor]) -> None:
        for processor in processors:
            close = getattr(processor, "close", None)
            if close is not None:
                self.deliver(close, "close", type(processor).__name__)


def count(counter: Any) -> None:  # noqa: ANN401 - cffi has no type for its structs
    """One more; whatever stands there, for a plugin may have scribbled."""
    counter.raw = (counter.raw + 1) & UINT64_MAX


def text(thing: object) -> str:
    """A plugin's object in words; its own may raise."""
    try:
        return str(thing)
    except BaseException:  # noqa: BLE001 - a plugin's exception is a plugin's code
        return "something that cannot be printed"


def sendable(document: Mapping[str, Any]) -> None:
    """Raise what a plugin is to blame for when the wire cannot carry what it registered."""
    unpack_map(pack(dict(document)), "registration")
