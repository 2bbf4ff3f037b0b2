"""AWS's binary event streams, whole, byte by byte, and damaged."""

import json

import pytest
from aws_messages import encode_message
from hypothesis import given
from hypothesis import strategies as st

from aigw.dialects.aws_events import EventStreamDecoder
from aigw.dialects.sse import EventSplitter

HEAD = {"event_type": "contentBlockDelta", "content_type": "application/json", "message_type": "event"}


def bodies(data):
    return [event.json() for event in EventSplitter().feed(data)]


@given(st.lists(st.text(max_size=20), max_size=4), st.data())
def test_messages_become_events_however_they_are_cut(texts, data):
    stream = b"".join(encode_message(json.dumps({"t": text}).encode(), **HEAD) for text in texts)
    cut = data.draw(st.integers(0, len(stream)))
    decoder = EventStreamDecoder()
    out = decoder.feed(stream[:cut]) + decoder.feed(stream[cut:])
    assert bodies(out) == [{"contentBlockDelta": {"t": text}} for text in texts]
    assert decoder.complete


def test_an_exception_has_its_name():
    message = encode_message(b'{"message":"slow down"}', exception_type="throttlingException", message_type="exception")
    assert bodies(EventStreamDecoder().feed(message)) == [{"throttlingException": {"message": "slow down"}}]


def test_an_error_without_a_payload_has_its_message():
    message = encode_message(b"", error_code="internal", error_message="it broke", message_type="error")
    assert bodies(EventStreamDecoder().feed(message)) == [{"internal": {"message": "it broke"}}]


def test_a_message_as_aws_documents_it():
    """The first message of https://awslabs.github.io/aws-eventstream's test vectors: a payload without headers."""
    message = bytes.fromhex("0000001d00000000fd528c5a7b27666f6f273a27626172277dc3653936")
    assert EventStreamDecoder().feed(message) == b"data: {\"unknown\":{'foo':'bar'}}\n\n"
    assert encode_message(b"{'foo':'bar'}") == message


@pytest.mark.parametrize("at", range(40))
def test_damage_is_seen(at):
    message = bytearray(encode_message(b'{"a":1}', event_type="metadata"))
    message[at] ^= 1
    decoder = EventStreamDecoder()
    with pytest.raises(ValueError, match="damaged"):
        decoder.feed(bytes(message))
        raise AssertionError(decoder.complete)


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(data):
    try:
        EventStreamDecoder().feed(data)
    except ValueError as error:
        assert "message" in str(error)
