"""Fields that the gateway adds and a provider refuses: asked again without them, once, and from then on."""

import json
import zlib

import pytest
from ai_proxy_world import COMPLETION, HELLO, OPENAI, STREAM, delta, once, proxy
from fakes import Answer, FakeUpstream, answer_json, chat, events

MISTRAL = {"detail": [{"type": "extra_forbidden", "loc": ["body", "stream_options"], "msg": "Extra inputs"}]}
OLD_VLLM = {"object": "error", "message": "[{'loc': ('body', 'stream_options'), 'msg': 'extra fields'}]", "code": 400}
AZURE = {"error": {"message": "Unrecognized request argument supplied: include_usage", "type": "x"}}
OTHERS = {"error": {"message": "Parameter streamOptions is unknown", "type": "x"}}
PONG = events(delta("pong", "stop"))
CONFIG = {"provider": OPENAI}


def coded(body):
    raw = zlib.compress(json.dumps(body).encode())
    return Answer(400, {"content-type": "application/json", "content-encoding": "deflate"}, [raw])


REFUSALS = [
    answer_json(MISTRAL, 422), answer_json(OLD_VLLM, 400), answer_json(AZURE, 400), answer_json(OTHERS, 501), answer_json(OTHERS, 500),
    coded(MISTRAL), Answer(400, {"content-type": "text/plain"}, [b"unknown field: stream_options"]),
    events(AZURE, done=False), answer_json({"error": {"message": "no stream_options"}}, 200),
]  # fmt: skip


@pytest.mark.parametrize("refusal", REFUSALS)
async def test_it_is_asked_again_without_what_was_added(refusal, caplog):
    upstream, reply, received = await once(CONFIG, chat(STREAM), refusal, PONG)
    assert (reply.status, b"pong" in received) == (200, True)
    assert ["stream_options" in json.loads(request.body) for request, _ in upstream.sent] == [True, False]
    assert "refuses stream_options for gpt-4: asked again without, as from now on" in caplog.text


async def test_it_is_remembered_for_this_model():
    upstream = FakeUpstream(answer_json(MISTRAL, 422), PONG)
    async with proxy(CONFIG, upstream) as send:
        for model in ("gpt-4", "gpt-4", "gpt-5"):
            await (await send(chat({**STREAM, "model": model}))).body()
    assert [upstream.json(index).get("stream_options") for index in range(4)] == [
        {"include_usage": True}, None, None, {"include_usage": True},
    ]  # fmt: skip


async def test_what_the_client_asked_for_stays():
    """It is given back as it was, and an error about it is the client's."""
    asked = {**STREAM, "stream_options": {"include_obfuscation": False}}
    upstream, reply, _ = await once(CONFIG, chat(asked), answer_json(AZURE, 400))
    assert (reply.status, len(upstream.sent)) == (400, 2)
    assert upstream.json()["stream_options"] == {"include_obfuscation": False}
    asked["stream_options"] = {"include_usage": True}
    upstream, reply, _ = await once(CONFIG, chat(asked), answer_json(AZURE, 400))
    assert (reply.status, len(upstream.sent)) == (400, 1)


async def test_an_error_of_another_kind_is_not_repeated():
    for body in ({"error": {"message": "no such model"}}, {}):
        upstream, reply, _ = await once(CONFIG, chat(STREAM), answer_json(body, 400))
        assert (reply.status, len(upstream.sent)) == (400, 1)


async def test_what_was_not_the_reason_is_sent_again():
    """The error repeats the request, whatever is wrong with it."""
    upstream = FakeUpstream(answer_json({"error": {"message": "bad", "input": {"stream_options": 1}}}, 400))
    async with proxy(CONFIG, upstream) as send:
        for _ in range(2):
            await (await send(chat(STREAM))).body()
    assert ["stream_options" in upstream.json(index) for index in range(4)] == [True, False, True, False]


async def test_other_fields_that_were_added():
    qwen = {"provider": {"type": "qwen", "apiTokens": ["k"]}}
    thought = {"role": "assistant", "content": "a", "reasoning_content": "b"}
    body = {**HELLO, "model": "qwen3.6-plus", "messages": [*HELLO["messages"], thought]}
    refusal = answer_json({"error": {"message": "preserve_thinking is unknown"}}, 400)
    upstream, _, _ = await once(qwen, chat(body), refusal, answer_json(COMPLETION))
    assert ["preserve_thinking" in upstream.json(index) for index in range(2)] == [True, False]
    image = chat({"model": "m", "prompt": "x"}, path="/v1/images/generations")
    refusal = answer_json({"error": {"message": "watermark is unknown"}}, 400)
    upstream, _, _ = await once({"provider": {"type": "doubao", "apiTokens": ["k"]}}, image, refusal, Answer())
    assert ["watermark" in upstream.json(index) for index in range(2)] == [True, False]


async def test_higress_does_not_ask_again():
    upstream, reply, _ = await once(CONFIG, chat(STREAM), answer_json(AZURE, 400), fidelity="higress")
    assert (reply.status, len(upstream.sent)) == (400, 1)
