"""Clients get the form that they asked for, whatever form the provider sent."""

import gzip
import json

import pytest
from ai_proxy_world import HELLO, OPENAI, STREAM, USAGE, delta, once
from fakes import Answer, answer_json, chat, events

WHOLE = {
    "id": "x",
    "object": "chat.completion",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "yo"}, "finish_reason": "stop"}],
    "usage": USAGE["usage"],
}
EVENTS = events(delta("yo", "stop"), USAGE)
MISLABELLED = Answer(pieces=EVENTS.pieces)


@pytest.mark.parametrize("usage", [True, False])
async def test_json_becomes_a_stream(usage):
    asked = {**STREAM, "stream_options": {"include_usage": usage}}
    _, reply, received = await once({"provider": OPENAI}, chat(asked), answer_json(WHOLE))
    assert reply.streaming
    assert reply.headers["content-type"].startswith("text/event-stream")
    assert (received.endswith(b"data: [DONE]\n\n"), b'"yo"' in received) == (True, True)
    assert (b'"usage"' in received) == usage


@pytest.mark.parametrize("answer", [EVENTS, MISLABELLED], ids=["stream", "mislabelled"])
async def test_a_stream_becomes_one_body(answer):
    _, reply, received = await once({"provider": OPENAI}, chat(HELLO), answer)
    body = json.loads(received)
    assert (reply.streaming, reply.headers["content-type"]) == (False, "application/json")
    assert body["choices"][0]["message"]["content"] == "yo"
    assert body["usage"] == USAGE["usage"]


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
@pytest.mark.parametrize("more", [b"", b": hi\n\n", b"data: {no json}\n\n"])
async def test_what_is_made_of_a_stream_that_cannot_be_read_wholly_is_makeshift(path, more):
    broken = Answer(headers=EVENTS.headers, pieces=[more, *EVENTS.pieces])
    _, reply, received = await once({"provider": OPENAI}, chat({**HELLO, "max_tokens": 9}, path=path), broken)
    assert b"yo" in received
    assert reply.makeshift == (b"json" in more)


@pytest.mark.parametrize("kind", ["application/octet-stream", "", "text/plain"])
async def test_a_stream_stays_one_where_nobody_could_read_the_request(kind):
    asked = chat(STREAM, headers={"content-type": kind})
    _, reply, received = await once({"provider": OPENAI}, asked, EVENTS)
    assert reply.streaming
    assert received.endswith(b"data: [DONE]\n\n")


async def test_json_without_its_content_type_is_json():
    answer = Answer(headers={"content-type": "text/plain"}, pieces=[json.dumps(WHOLE).encode()])
    _, reply, received = await once({"provider": OPENAI}, chat(HELLO), answer)
    assert (reply.headers["content-type"], json.loads(received)) == ("application/json", WHOLE)


def coded(answer):
    return Answer(
        headers=answer.headers | {"content-encoding": "gzip"}, pieces=[gzip.compress(b"".join(answer.pieces))]
    )


async def test_a_coded_answer_gets_the_form_that_was_asked_for():
    _, reply, received = await once({"provider": OPENAI}, chat(STREAM), coded(answer_json(WHOLE)))
    assert reply.streaming
    assert "content-encoding" not in reply.headers
    assert received.endswith(b"data: [DONE]\n\n")
    _, reply, received = await once({"provider": OPENAI}, chat(HELLO), coded(EVENTS))
    assert "content-encoding" not in reply.headers
    assert json.loads(received)["choices"][0]["message"]["content"] == "yo"


@pytest.mark.parametrize(("asked", "answer"), [(HELLO, answer_json(WHOLE)), (STREAM, EVENTS)])
async def test_a_coded_answer_in_that_form_passes_as_it_came(asked, answer):
    sent = coded(answer)
    _, reply, received = await once({"provider": OPENAI}, chat(asked), sent)
    assert (received, reply.headers["content-encoding"]) == (sent.pieces[0], "gzip")


async def test_higress_passes_the_form_on():
    _, reply, _ = await once({"provider": OPENAI}, chat(HELLO), EVENTS, fidelity="higress")
    assert reply.streaming
