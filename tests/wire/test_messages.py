from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ag06d.errors import RequestError
from ag06d.wire import ERROR_CODES, PROTOCOL, Message, Reply, Request, WireError, pack, raise_for_error
from ag06d.wire.codec import FRAME_MAX, FRAMES_MAX
from ag06d.wire.hostlink import HostMessage, Kind
from ag06d.wire.messages import ERROR_TEXT_MAX

IDS = st.integers(-(2**63), 2**64 - 1) | st.text(max_size=20) | st.binary(max_size=20)
BUFFERS = st.lists(st.binary(max_size=40), max_size=4)
FINITE = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
DECODERS = [Request, Reply, Message, HostMessage]


@given(data=st.data())
def test_a_request_comes_back_as_it_was(bodies, data):
    request = Request(
        data.draw(IDS),
        data.draw(st.text()),
        data.draw(bodies),
        data.draw(BUFFERS),
        data.draw(st.none() | FINITE),
        data.draw(st.booleans()),
    )
    assert Request.decode(request.encode()) == request


@given(data=st.data())
def test_a_reply_comes_back_as_it_was(bodies, data):
    status = st.sampled_from(["ok", "error", "accepted"])
    reply = Reply(data.draw(IDS | st.none()), data.draw(status), data.draw(bodies), data.draw(BUFFERS))
    assert Reply.decode(reply.encode()) == reply


@given(data=st.data())
def test_a_published_message_comes_back_as_it_was(bodies, data):
    message = Message(data.draw(st.text()), data.draw(bodies), data.draw(bodies), data.draw(BUFFERS))
    assert Message.decode(message.encode()) == message


@given(data=st.data())
def test_a_hosts_message_comes_back_as_it_was(bodies, data):
    kind = data.draw(st.sampled_from(list(Kind)))
    message = HostMessage(kind, data.draw(bodies), data.draw(bodies), data.draw(BUFFERS))
    assert HostMessage.decode(message.encode()) == message


@pytest.mark.parametrize("decoder", DECODERS)
@given(data=st.data())
def test_any_frames_are_a_message_or_a_wire_error(decoder, values, data):
    frame = (
        st.binary(max_size=40)
        | values.map(pack)
        | st.fixed_dictionaries(
            {}, optional={"id": values, "op": values, "deadline_ms": values, "dry_run": values}
        ).map(pack)
    )
    first = st.sampled_from([PROTOCOL, b"hello", b"publish", b"topic."]) | frame
    frames = [data.draw(first), *data.draw(st.lists(frame, max_size=5))]
    try:
        decoder.decode(frames)
    except WireError as error:
        assert str(error)  # noqa: PT017 - either outcome is right


@pytest.mark.parametrize("decoder", DECODERS[:3])
@pytest.mark.parametrize("count", [0, 1, 2, FRAMES_MAX + 1])
def test_too_few_or_too_many_frames_are_refused(decoder, count):
    with pytest.raises(WireError, match=f"a message of {count} frames"):
        decoder.decode([PROTOCOL, *[pack({"id": 1, "op": "get"})] * FRAMES_MAX][:count])


@pytest.mark.parametrize("first", [b"AG06/2", b"", b"AG06/1 ", b"GET / HTTP/1.1"])
def test_another_protocol_is_refused_by_its_name(first):
    with pytest.raises(WireError, match="AG06/1"):
        Request.decode([first, pack({"id": 1, "op": "get"}), pack({})])


@pytest.mark.parametrize(
    ("header", "body"),
    [
        ({"op": None}, pack({})),
        ({"op": 7}, pack({})),
        ({}, pack({})),
        ({"op": "get", "deadline_ms": "soon"}, pack({})),
        ({"op": "get", "deadline_ms": True}, pack({})),
        ({"op": "get", "deadline_ms": math.nan}, pack({})),
        ({"op": "get", "deadline_ms": math.inf}, pack({})),
        ({"op": "set", "dry_run": 1}, pack({})),  # taken for false, it would be carried out
        ({"op": "set", "dry_run": "true"}, pack({})),
        ({"op": "set", "dry_run": None}, pack({})),
        ({"op": "get"}, pack([1, 2])),
        ({"op": "get"}, pack({b"bytes": 1})),
        ({"op": "get"}, b"\xc1"),
        ({"op": "get"}, b""),
    ],
)
@pytest.mark.parametrize("request_id", [7, "seven", b"\x07", 0, ""])
def test_what_is_wrong_behind_the_id_is_told_with_the_id(header, body, request_id):
    with pytest.raises(WireError) as caught:
        Request.decode([PROTOCOL, pack({"id": request_id, **header}), body])
    assert caught.value.request_id == request_id


def test_a_buffer_has_the_largest_size_of_a_frame_and_not_more():
    head = [PROTOCOL, pack({"id": 1, "op": "get"}), pack({})]
    assert Request.decode([*head, bytes(FRAME_MAX)]).buffers == [bytes(FRAME_MAX)]
    with pytest.raises(WireError, match=f"at most {FRAME_MAX}") as caught:
        Request.decode([*head, b"", bytes(FRAME_MAX + 1)])
    assert caught.value.request_id == 1


@pytest.mark.parametrize("request_id", [None, True, 1.5, [1], {"a": 1}])
def test_an_id_is_an_integer_a_string_or_bytes(request_id):
    with pytest.raises(WireError, match="id"):
        Request.decode([PROTOCOL, pack({"id": request_id, "op": "get"}), pack({})])


def test_fields_of_the_header_that_are_not_known_are_ignored():
    header = {"id": 1, "op": "get", "trace": "abc", "priority": 9}
    assert Request.decode([PROTOCOL, pack(header), pack({"x": 1})]) == Request(1, "get", {"x": 1}, [])


@pytest.mark.parametrize("code", ERROR_CODES)
def test_an_error_is_the_same_error_on_the_other_side(code):
    sent = Reply.failed(3, RequestError(code, "what was wrong", "what would be right"))
    with pytest.raises(RequestError) as caught:
        raise_for_error(Reply.decode(sent.encode()))
    error = caught.value
    assert (error.code, error.message, error.hint) == (code, "what was wrong", "what would be right")


def test_an_error_that_quotes_a_long_request_is_cut():
    reply = Reply.failed(1, RequestError("unknown_op", "there is no operation " + "x" * FRAME_MAX))
    assert len(reply.body["message"]) == ERROR_TEXT_MAX
    assert reply.body["message"].endswith("...")
