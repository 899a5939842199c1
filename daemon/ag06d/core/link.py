"""ag06d's end of the private socket: what hosts publish and ask, and what plugins are asked by clients."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

import zmq
import zmq.asyncio

from ag06d._native import lib
from ag06d.core.bus import Bus
from ag06d.core.host_process import HostProcess
from ag06d.core.hosts import HostSupervisor
from ag06d.errors import RequestError
from ag06d.wire import OWN_TOPICS, Message, Reply, Request, WireError, pack
from ag06d.wire.codec import FRAME_MAX, MESSAGE_MAX, check_content
from ag06d.wire.hostlink import COMMAND_S, HostMessage, Kind

WAITING_BYTES_MAX = 64 << 20  # of requests to plugins that are not answered yet, with more than one
NEVER_NS = (1 << 63) - 1

log = logging.getLogger(__name__)
Operate = Callable[[Request], Awaitable[Reply]]


class HostLink:
    """A ROUTER that all hosts connect to; each is known by its name."""

    def __init__(
        self, bus: Bus, hosts: HostSupervisor, socket: zmq.asyncio.Socket, state: Callable[[], dict[str, Any]]
    ) -> None:
        self.topics: dict[str, dict[str, Any]] = {}  # name to what was registered
        self.commands: dict[str, dict[str, Any]] = {}  # op to what was registered
        self._doors: set[str] = set()  # plugins that have one
        self._bus, self._hosts, self._socket, self._state = bus, hosts, socket, state
        self._subscriptions: dict[str, set[str]] = {}  # host to prefixes
        self._waiting: dict[int, asyncio.Future[HostMessage]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._syncs: dict[str, asyncio.Event] = {}
        self._waiting_bytes = 0
        self._next_id = 0
        bus.observe(self._forward)
        bus.retell("schema.", self._tell_topics)

    async def serve(self, operate: Operate) -> None:
        """Handle what hosts send, until cancelled."""
        while True:
            await asyncio.sleep(0)  # receiving what is there already gives nobody else a turn
            identity, *frames = await self._socket.recv_multipart()
            host = identity.decode(errors="replace")
            try:
                self._handle(host, HostMessage.decode(frames), operate)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is the host's
                # A plugin shares its process with the host; nothing that comes from there ends ag06d.
                log.warning("host %s: a message that is not right: %r", host, error)

    def tell_log_level(self, level: str) -> None:
        """Have every host that is ready log from `level` on; the others are started with it."""
        for name, host in self._hosts.hosts.items():
            if host.ready:
                self._send(name, HostMessage(Kind.LOG, {"level": level}))

    def forget(self, hosts: Collection[str], keep: Collection[str]) -> None:
        """What `hosts` subscribed to, and what any plugin but those in `keep` has registered."""
        for host in hosts:
            self._subscriptions.pop(host, None)
        registered = {entry["plugin"] for entry in (*self.topics.values(), *self.commands.values())}
        for plugin in registered:
            if plugin not in keep:
                self._forget(plugin)

    def _send(self, host: str, message: HostMessage) -> None:
        # Not past asyncio: any use of a socket takes the sign that something came in, and pyzmq, not
        # told of it, would wait for another one for ever. With NOBLOCK the future is done already.
        sent: Any = self._socket.send_multipart([host.encode(), *message.encode()], zmq.NOBLOCK)
        if (error := sent.exception()) is not None:
            log.warning("host %s: %s: message dropped", host, error)

    def tell_state(self, changes: Mapping[str, Any]) -> None:
        """Let every host know of changes in the state tree."""
        for name, host in self._hosts.hosts.items():
            if host.ready:
                self._send(name, HostMessage(Kind.STATE, {}, dict(changes)))

    async def synchronise(self, patience_s: float) -> None:
        """Wait until all that the hosts have sent so far is handled; raises TimeoutError."""
        events = self._syncs = {
            name: asyncio.Event() for name, host in self._hosts.hosts.items() if host.ready
        }
        waits = [event.wait() for event in events.values()]
        for name in list(events):
            self._send(name, HostMessage(Kind.SYNC))
        await asyncio.wait_for(asyncio.gather(*waits), patience_s)

    def _handle(self, host: str, message: HostMessage, operate: Operate) -> None:
        process = self._hosts.hosts.get(host)
        if process is None:
            return
        header = message.header
        match message.kind:
            case Kind.HELLO if header.get("pid") == process.pid:
                for plugin in process.put_out_plugins():
                    self._forget(plugin)
                offers = {plugin: message.body[plugin] for plugin in process.own if plugin in message.body}
                self._register(offers)
                process.said_hello(offers)
                self._send(host, HostMessage(Kind.STATE, {}, self._state()))
            case Kind.PLUGIN if header["plugin"] in process.own:
                process.put_out(str(header["plugin"]), str(header["state"]), str(header["reason"]))
                self._forget(str(header["plugin"]))
            case Kind.PUBLISH | Kind.TRACE:
                self._publish(message, process)
            case Kind.DROPPED:
                self._dropped(process, message.body)
            case Kind.SUBSCRIBE:
                self._subscriptions.setdefault(host, set()).add(str(header["topic"]))
            case Kind.REQUEST:
                task = asyncio.create_task(self._operate(host, message, operate))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            case Kind.REPLY | Kind.SYNC:
                self._answered(host, message)
            case _:
                log.warning("host %s: sent a message of kind %s", host, message.kind)

    def _answered(self, host: str, message: HostMessage) -> None:
        if message.kind is Kind.SYNC:
            if host in self._syncs:
                self._syncs[host].set()
            return
        waiting = self._waiting.get(int(message.header.get("id", -1)))
        if waiting is not None and not waiting.done():
            waiting.set_result(message)

    def _register(self, offers: Mapping[str, Any]) -> None:
        for plugin, offer in offers.items():
            if not offer["active"]:
                continue
            for topic in offer["topics"]:
                if f"{topic['name']}.".startswith(OWN_TOPICS):
                    log.error("plugin %s: the topic %s is the daemon's own", plugin, topic["name"])
                    continue
                schema = {**topic, "plugin": plugin}
                owner = self.topics.get(topic["name"], schema)["plugin"]
                if owner != plugin:
                    log.error("plugin %s: the topic %s is plugin %s's", plugin, topic["name"], owner)
                    continue
                if self.topics.get(topic["name"]) != schema:
                    self.topics[topic["name"]] = schema
                    self._tell_topic(schema)
            if offer["door"]:
                self._doors.add(plugin)
            for command in offer["commands"]:
                self.commands[f"{plugin}.{command['name']}"] = {**command, "plugin": plugin}

    def _tell_topic(self, schema: dict[str, Any]) -> None:
        self._bus.publish("events", f"schema.{schema['name']}", schema)

    def _tell_topics(self) -> None:
        for schema in self.topics.values():
            self._tell_topic(schema)

    def _dropped(self, process: HostProcess, messages: Mapping[str, int]) -> None:
        """What the host could not send: counted, and seen as a gap in each topic's sequence."""
        for name, number in messages.items():
            process.dropped += number
            if name in self.topics:
                self._bus.skip(self.topics[name]["channel"], name, number)

    def _forget(self, plugin: str) -> None:
        """What a plugin that no longer runs has registered."""
        self._doors.discard(plugin)
        self.topics = {name: topic for name, topic in self.topics.items() if topic["plugin"] != plugin}
        self.commands = {op: command for op, command in self.commands.items() if command["plugin"] != plugin}

    def trace(self, plugin: str, seconds: float) -> None:
        """Have what happens around `plugin` published for so long; raises RequestError."""
        process = self._hosts.running(plugin)
        self._send(process.name, HostMessage(Kind.TRACE, {"plugin": plugin, "seconds": seconds}))

    def _publish(self, message: HostMessage, process: HostProcess) -> None:
        header = message.header
        if message.kind is Kind.TRACE:
            name = str(header["plugin"])
            own = {"name": f"trace.{name}", "plugin": name, "channel": "stream"}
            if name in process.own and message.size() <= MESSAGE_MAX["stream"]:
                self._carry(message, own)
            return
        topic = self.topics.get(str(header["topic"]))
        if topic is None or topic["plugin"] != header["plugin"]:
            return  # somebody else's topic, refused when it was registered
        if message.size() > MESSAGE_MAX[topic["channel"]]:
            # The host did not keep to what its Context allows.
            self._bus.skip(topic["channel"], topic["name"], 1)
            return
        self._carry(message, topic)

    def _carry(self, message: HostMessage, topic: Mapping[str, Any]) -> None:
        header = message.header
        self._bus.publish(
            topic["channel"],
            topic["name"],
            message.body,
            message.buffers,
            source=str(header["plugin"]),
            position=header["pos"],
            mono_ns=header["mono"],
        )

    def _forward(self, message: Message) -> None:
        for host, prefixes in self._subscriptions.items():
            process = self._hosts.hosts.get(host)
            if process is None or not process.pid:
                continue
            if any(message.topic.startswith(prefix) for prefix in prefixes):
                self._send(
                    host, HostMessage(Kind.MESSAGE, {"topic": message.topic}, message.body, message.buffers)
                )

    async def _operate(self, host: str, message: HostMessage, operate: Operate) -> None:
        header = message.header
        request = Request(header["id"], str(header["op"]), message.body, message.buffers)
        try:
            reply = await operate(request)
        except RequestError as error:
            reply = Reply.failed(request.id, error)
        except Exception:
            log.exception("operation %s, asked by host %s, failed", request.op, host)
            failed = RequestError("internal", f"{request.op}: the daemon failed at it", "its log says why")
            reply = Reply.failed(request.id, failed)
        answer = {"id": request.id, "plugin": header["plugin"], "status": reply.status}
        self._send(host, HostMessage(Kind.REPLY, answer, reply.body, reply.buffers))

    async def command(self, request: Request) -> Reply:
        """Have a plugin carry out `PLUGIN.COMMAND`; raises RequestError."""
        if request.dry_run:
            raise RequestError("bad_request", f"{request.op}: a plugin's command has no dry run")
        plugin, _, name = request.op.partition(".")
        process = self._hosts.host_of(plugin)
        if process is None or not process.ready or request.op not in self.commands:
            raise RequestError(
                "not_ready", f"plugin {plugin} is not ready to answer {request.op}", "ask again later"
            )
        packed = pack(request.body)
        if len(packed) > FRAME_MAX:
            raise RequestError("bad_request", f"{request.op}: the body is longer than {FRAME_MAX} bytes")
        size = len(packed) + sum(map(len, request.buffers))
        if self._waiting and self._waiting_bytes + size > WAITING_BYTES_MAX:
            raise RequestError("busy", "plugins have too much that waits", "ask again later")
        message = await self._ask(process.name, {"plugin": plugin, "command": name}, request, size)
        try:
            check_content((pack(message.body), *message.buffers))
        except WireError as error:  # a plugin shares its process with the host
            raise RequestError("internal", f"the answer to {request.op}: {error}") from error
        return Reply(request.id, str(message.header["status"]), message.body, message.buffers)

    async def _ask(self, host: str, header: dict[str, Any], request: Request, size: int) -> HostMessage:
        """What `host` answers within the request's deadline; raises RequestError."""
        limit_s = COMMAND_S if request.deadline_ms is None else request.deadline_ms / 1000
        deadline_ns = min(max(0, lib.ag06_now_ns() + int(limit_s * 1e9)), NEVER_NS)
        self._next_id += 1
        number = self._next_id
        answer = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        self._waiting_bytes += size
        header |= {"id": number, "deadline_ns": deadline_ns}
        try:
            self._send(host, HostMessage(Kind.REQUEST, header, request.body, request.buffers))
            return await asyncio.wait_for(answer, limit_s)
        except TimeoutError:
            message = f"plugin {header['plugin']} did not answer within {limit_s:g} s"
            raise RequestError("deadline", message) from None
        finally:
            del self._waiting[number]
            self._waiting_bytes -= size

    def doors(self) -> dict[str, str]:
        """The plugins that are ready and have a door of their own, with its file in the runtime folder."""
        ready = [host for host in self._hosts.hosts.values() if host.ready]
        return {
            plugin: f"plugin-{plugin}.sock"
            for host in ready
            for plugin in host.allowed
            if plugin in self._doors
        }
