"""docs/protocol.md, replayed: every exchange on it, in its order, with a daemon on the recording."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import zmq

from ag06d.wire import OWN_TOPICS, Message, Reply, pack
from ag06d.wire.schema import schemas
from ag06d.wire.vocabulary import OPERATIONS, TOPICS

PAGE = Path(__file__).parents[2] / "docs" / "protocol.md"
SETTINGS = ("audio.device=recording", "hosts={live={plugins=['features','absent']}}")
PATIENCE_S = 60
LINE = re.compile(r"^(?P<sign>[<>*]) (?P<first>\S+) (?P<rest>\{.*\})$")
KINDS: dict[str, tuple[type, ...]] = {
    "<text>": (str,),
    "<integer>": (int,),
    "<number>": (int, float),
    "<true or false>": (bool,),
    "<list>": (list,),
    "<map>": (dict,),
}


@dataclass(frozen=True)
class Line:
    """One message on the page: `sign` is >, < or *; `first` the protocol or the topic."""

    number: int
    sign: str
    first: str
    header: dict[str, Any]
    body: dict[str, Any]


def read_page() -> list[Line]:
    found, fenced = [], False
    for number, text in enumerate(PAGE.read_text().splitlines(), 1):
        if text.startswith("```"):
            fenced = not fenced
        elif fenced:
            parts = LINE.match(text)
            assert parts, f"{PAGE.name}:{number}: no message: {text}"
            header, end = json.JSONDecoder().raw_decode(parts["rest"])
            found.append(Line(number, parts["sign"], parts["first"], header, json.loads(parts["rest"][end:])))
    return found


def differences(page: Any, said: Any, at: str = "") -> list[str]:
    """Where what was said is not as the page has it."""
    if isinstance(page, str) and page in KINDS:
        fits = isinstance(said, KINDS[page]) and isinstance(said, bool) == (page == "<true or false>")
        return [] if fits else [f"{at}: {said!r} is no {page}"]
    if isinstance(page, dict) and isinstance(said, dict):
        names = page.keys() - {"..."}
        wrong = [f"{at}.{name}: missing" for name in names - said.keys()]
        if "..." not in page:
            wrong += [f"{at}.{name}: not on the page" for name in said.keys() - names]
        pairs = {f"{at}.{name}": (page[name], said[name]) for name in names & said.keys()}
    elif isinstance(page, list) and isinstance(said, list):
        wanted = page[:-1] if page[-1:] == ["..."] else page
        fits = len(said) == len(wanted) or (len(said) > len(wanted) and len(wanted) < len(page))
        wrong = [] if fits else [f"{at}: {len(said)} entries instead of {len(wanted)}"]
        pairs = {f"{at}[{n}]": pair for n, pair in enumerate(zip(wanted, said, strict=False))}
    else:
        return [] if page == said and type(page) is type(said) else [f"{at}: {said!r} instead of {page!r}"]
    return wrong + [one for where, pair in pairs.items() for one in differences(*pair, where)]


def as_modelled(model: Any, said: dict[str, Any]) -> dict[str, Any]:
    """What was said, without the fields that its model does not know."""
    known: dict[str, Any] = model.model_validate(said).model_dump(exclude_unset=True)
    return known


def own_topic(topic: str) -> str | None:
    """The name of the daemon's own topic that a message is on."""
    name = topic.rstrip(".")
    for prefix, of in (("schema.", "schema.TOPIC"), ("trace.", "trace.PLUGIN")):
        name = of if topic.startswith(prefix) else name
    return name if name in TOPICS else None


def was_heard(line: Line, heard: dict[str, list[Message]]) -> bool:
    """Whether a message was published that is as the page has it."""
    return any(
        not differences([line.header, line.body], [message.header, message.body])
        for message in heard[line.first]
    )


@pytest.fixture(scope="module")
def heard():
    """What was published while the page was replayed, by topic."""
    return defaultdict(list)


def listen(context: zmq.Context, sockets: Any) -> list[zmq.Socket]:
    """Subscriptions to everything, made before there is a daemon."""
    ears = []
    for address in (sockets.events, sockets.stream):
        ear = context.socket(zmq.SUB)
        ear.setsockopt(zmq.RECONNECT_IVL, 10)
        ear.setsockopt(zmq.RCVHWM, 0)
        ear.subscribe("")
        ear.connect(address)
        ears.append(ear)
    return ears


@pytest.fixture(scope="module")
def replayed(start, heard, poll):
    """Each request on the page with the reply on the page and the reply that came."""
    page = read_page()
    lines = [line for line in page if line.sign != "*"]
    wanted = [line for line in page if line.sign == "*"]
    said = []

    def all_heard() -> bool:
        for ear in ears:
            while ear.poll(0):
                message = Message.decode(ear.recv_multipart())
                heard[message.topic].append(message)
        return all(was_heard(line, heard) for line in wanted)

    with start(*SETTINGS) as daemon, zmq.Context() as context, context.socket(zmq.DEALER) as dealer:
        ears = listen(context, daemon.sockets)
        daemon.running()
        dealer.connect(daemon.sockets.control)
        for asked in lines[::2]:
            dealer.send_multipart([asked.first.encode(), pack(asked.header), pack(asked.body)])
            assert dealer.poll(1000 * PATIENCE_S), f"line {asked.number} is not answered"
            said.append(Reply.decode(dealer.recv_multipart()))
        poll(all_heard, lambda: [line for line in wanted if not was_heard(line, heard)])
        context.destroy(linger=0)
        yield list(zip(lines[::2], lines[1::2], said, strict=True))


@pytest.fixture(scope="module")
def validators():
    return {name: jsonschema.Draft202012Validator(schema) for name, schema in schemas().items()}


def test_every_exchange_on_the_page_is_what_the_daemon_says(replayed):
    wrong = {}
    for asked, answered, reply in replayed:
        said = {"header": {"re": reply.re, "status": reply.status}, "body": reply.body}
        page = {"header": answered.header, "body": answered.body}
        if found := differences(page, said):
            wrong[f"{PAGE.name}:{asked.number}"] = found
    assert wrong == {}


def test_every_message_on_the_page_is_published(replayed, heard):
    assert replayed
    assert [line for line in read_page() if line.sign == "*" and not was_heard(line, heard)] == []


def test_every_operation_answers_and_every_own_topic_is_published_on_the_page():
    page = read_page()
    exchanges = [pair for pair in pairwise(page) if pair[0].sign == ">"]
    assert all(answered.sign == "<" for _, answered in exchanges)
    done = {asked.header.get("op") for asked, answered in exchanges if answered.header["status"] == "ok"}
    assert done == OPERATIONS.keys()
    assert {own_topic(line.first) for line in page if line.sign == "*"} == TOPICS.keys()


def test_what_is_said_is_valid_by_the_schemas_and_nothing_is_said_beyond_them(replayed, validators):
    for asked, _, reply in replayed:
        validators["header.reply"].validate({"re": reply.re, "status": reply.status})
        if reply.status == "error":
            validators["error"].validate(reply.body)
            continue
        validators["header.request"].validate(asked.header)
        op = asked.header["op"]
        validators[f"{op}.arguments"].validate(asked.body)
        validators[f"{op}.reply"].validate(reply.body)
        assert as_modelled(OPERATIONS[op].answer, reply.body) == reply.body, op


def test_what_is_published_is_valid_by_the_schemas_and_nothing_is_published_beyond_them(
    replayed, heard, validators
):
    assert replayed
    for topic, messages in heard.items():
        name = own_topic(topic)
        assert (name is not None) == topic.startswith(OWN_TOPICS), topic
        for message in messages:
            validators["header.message"].validate(message.header)
            if name is not None:
                validators[f"topic.{name}"].validate(message.body)
                assert as_modelled(TOPICS[name].body, message.body) == message.body, topic
