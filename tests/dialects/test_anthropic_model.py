"""The name of the model in an answer of Anthropic's Messages API."""

import json

import pytest

from aigw.core.model import raw_of
from aigw.dialects.anthropic_model import AskedModel, with_asked_model
from aigw.dialects.sse import EventSplitter

START = {"type": "message_start", "message": {"id": "m", "model": "theirs", "content": []}}
DELTA = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": '"message_start" "model"'}}


def event(body):
    return f"event: {body['type']}\ndata: {json.dumps(body)}\n\n".encode()


def test_a_stream_keeps_all_but_the_name():
    decoder, splitter = AskedModel("asked"), EventSplitter()
    told = [decoder.feed(splitter.feed(data)) for data in (event({"type": "ping"}) + event(START), event(DELTA))]
    said = raw_of([*told[0], *told[1], *decoder.end()])
    assert said.startswith(event({"type": "ping"})) and said.endswith(event(DELTA))
    start = json.loads(said.split(b"\n\n")[1].partition(b"data: ")[2])
    assert start == {**START, "message": {**START["message"], "model": "asked"}}


@pytest.mark.parametrize("event_", [b"data: {\n\n", b'data: ["message_start"]\n\n', b'data: {"message_start": 1}\n\n'])
def test_events_of_another_form_pass(event_):
    assert raw_of(AskedModel("asked").feed(EventSplitter().feed(event_))) == event_


def test_a_plain_answer_keeps_all_but_the_name():
    body = b'{ "type": "message", "model": "theirs", "n": 1.50, "content": [] }'
    assert with_asked_model(body, "asked") == b'{"type":"message","model":"asked","n":1.50,"content":[]}'


@pytest.mark.parametrize("body", [b'{"type": "error"}', b'{"type": "message", "model": "asked"}', b"{", b"[]", b""])
def test_what_needs_no_name_is_the_same_object(body):
    assert with_asked_model(body, "asked") is body
