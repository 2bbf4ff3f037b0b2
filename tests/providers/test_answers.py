"""What becomes of a provider's answer: usage that nobody asked for, the end of a stream, errors, odd shapes."""

import json
from urllib.parse import quote

import pytest
from ai_proxy_world import HELLO, OPENAI, STREAM, USAGE, delta, once, proxy
from fakes import Answer, FakeUpstream, answer_json, chat, events

from aigw.core.errors import UpstreamError


async def test_usage_is_asked_for_upstream_and_hidden_from_a_client_that_did_not_ask():
    script = events(delta("a"), delta("b", "stop"), USAGE)
    upstream, _, received = await once({"provider": OPENAI}, chat(STREAM), script)
    assert upstream.json()["stream_options"] == {"include_usage": True}
    assert b'"usage"' not in received
    assert received.endswith(b"data: [DONE]\n\n")


async def test_usage_is_shown_to_a_client_that_asked():
    asked = {**STREAM, "stream_options": {"include_usage": True}}
    _, _, received = await once({"provider": OPENAI}, chat(asked), events(delta("a", "stop"), USAGE))
    assert b'"total_tokens": 3' in received


async def test_higress_shows_the_usage_chunk():
    _, _, received = await once(
        {"provider": OPENAI}, chat(STREAM), events(delta("a", "stop"), USAGE), fidelity="higress"
    )
    assert b'"total_tokens": 3' in received


async def test_done_is_added_to_a_complete_stream_only():
    _, _, complete = await once({"provider": OPENAI}, chat(STREAM), events(delta("a", "stop"), done=False))
    assert complete.endswith(b"data: [DONE]\n\n")
    for done in (True, False):
        upstream = FakeUpstream(events(delta("a"), done=done))
        async with proxy({"provider": OPENAI}, upstream) as send:
            reply = await send(chat(STREAM))
            received = []
            with pytest.raises(UpstreamError, match="before it was complete"):
                async for batch in reply:
                    received += [chunk.raw for chunk in batch]
        assert b"[DONE]" not in b"".join(received)


async def test_headers_about_the_providers_own_address_stay_there():
    headers = {
        "content-type": "application/json", "set-cookie": "a=b", "alt-svc": "h3", "access-control-allow-origin": "*",
        "x-ratelimit-limit-requests": "5", "openai-processing-ms": "7", "x-request-id": "req_1",
    }  # fmt: skip
    _, reply, _ = await once({"provider": OPENAI}, chat(HELLO), Answer(headers=headers))
    assert set(reply.headers) == {"content-type", "x-ratelimit-limit-requests", "openai-processing-ms", "x-request-id"}


async def test_an_error_page_becomes_an_error_in_the_clients_shape():
    page = Answer(502, {"content-type": "text/html", "retry-after": "3"}, [b"<html>Bad Gateway</html>"])
    _, reply, received = await once({"provider": OPENAI}, chat(HELLO), page)
    assert reply.status == 502
    assert reply.headers["retry-after"] == "3"
    assert "Bad Gateway" in json.loads(received)["error"]["message"]


async def test_an_error_of_dashscope_has_the_form_that_openais_clients_read():
    """Node's SDK says `400 status code (no body)` without an `error` in it."""
    qwen = {"provider": {"type": "qwen", "apiTokens": ["k"], "qwenEnableCompatible": False}}
    said = {"code": "InvalidParameter", "message": "Temperature is wrong", "request_id": "r"}
    _, reply, received = await once(qwen, chat({"model": "m", **HELLO}), answer_json(said, 400))
    error = json.loads(received)["error"]
    assert (reply.status, error["message"], error["code"]) == (400, "Temperature is wrong", "InvalidParameter")


async def test_an_error_page_that_is_json_all_the_same_passes():
    body = b'{"error":{"message":"cut in an emoji: \\ud83d"}}'
    page = Answer(400, {"content-type": "text/plain"}, [body])
    assert (await once({"provider": OPENAI}, chat(HELLO), page))[2] == body


async def test_an_error_page_that_quotes_the_key_comes_without_it():
    page = Answer(502, {"content-type": "text/html"}, [b"<p>sk-of-the-provider is not known</p>"])
    _, _, received = await once({"provider": {**OPENAI, "apiTokens": ["sk-of-the-provider"]}}, chat(HELLO), page)
    assert b"*** is not known" in received


async def test_error_bodies_are_logged_where_that_is_asked_for(caplog):
    token = "0123/of the provider"
    config = {"provider": {"type": "openai", "apiTokens": [token], "logUpstreamErrorResponseBody": True}}
    said = {"error": f"bad key {token}, {quote(token, safe='')}, Bearer of-a-client"}
    _, _, received = await once(config, chat(HELLO), answer_json(said, 401))
    assert json.loads(received) == {"error": "bad key ***, ***, Bearer of-a-client"}
    assert 'answered 401: {"error": "bad key ***, ***, Bearer ***"}' in caplog.text


async def test_a_key_of_a_client_is_not_logged_when_the_provider_quotes_it(caplog):
    config = {"provider": {"type": "openai", "logUpstreamErrorResponseBody": True}}
    request = chat(HELLO, headers={"authorization": "Bearer key-of-the-client"})
    await once(config, request, answer_json({"error": "bad: key-of-the-client"}, 401))
    assert 'answered 401: {"error": "bad: ***"}' in caplog.text


async def test_a_providers_own_error_passes_as_it_is():
    error = Answer(400, pieces=[b'{ "error":{"message":"no"}}'])
    _, reply, received = await once({"provider": OPENAI}, chat(HELLO), error)
    assert (reply.status, received) == (400, b'{ "error":{"message":"no"}}')


async def test_thinking_is_promoted_everywhere_but_in_higress():
    config = {"provider": {**OPENAI, "promoteThinkingOnEmpty": True}}
    answer = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "", "reasoning_content": "why"}}]}
    _, _, received = await once(config, chat(HELLO), answer_json(answer))
    assert json.loads(received)["choices"][0]["message"] == {"role": "assistant", "content": "why"}
    _, _, received = await once(config, chat(HELLO), answer_json(answer), fidelity="higress")
    assert json.loads(received) == answer
    thinking = {"choices": [{"index": 0, "delta": {"reasoning_content": "why"}, "finish_reason": None}]}
    finish = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    _, _, received = await once(config, chat(STREAM), events(thinking, finish))
    assert b'"content":"why"' in received


@pytest.mark.parametrize("asked, vector", [("base64", "AACAPwAAAEA="), ("float", [1.0, 2.0]), (None, [1.0, 2.0])])
async def test_embeddings_come_in_the_format_that_was_asked_for(asked, vector):
    body = {"model": "e", "input": "a", **({"encoding_format": asked} if asked else {})}
    answer = answer_json({"data": [{"index": 0, "embedding": [1.0, 2.0]}]})
    _, _, received = await once({"provider": OPENAI}, chat(body, path="/v1/embeddings"), answer)
    assert json.loads(received)["data"][0]["embedding"] == vector


@pytest.mark.parametrize(
    "choices",
    [[{"delta": 5, "finish_reason": "stop"}], [{"index": "x", "finish_reason": "stop"}]],
)
@pytest.mark.parametrize(
    "provider", [{**OPENAI, "promoteThinkingOnEmpty": True}, {"type": "moonshot", "apiTokens": ["k"]}]
)
async def test_oddly_shaped_choices_pass(provider, choices):
    odd = {"choices": choices, "finish_reason": "x", "usage": {}}
    _, _, received = await once({"provider": provider}, chat(STREAM), events(delta("a"), odd))
    assert json.loads(received.split(b"\n\n")[1][6:]) == odd
    odd["choices"] = [*choices, {"message": {"content": "a"}}]
    _, _, received = await once({"provider": provider}, chat(HELLO), answer_json(odd))
    assert json.loads(received) == odd


async def test_a_stream_of_two_choices_is_complete_when_both_are():
    two = {**STREAM, "n": 2}
    one = {"choices": [{"index": 1, "delta": {}, "finish_reason": "stop"}]}
    with pytest.raises(UpstreamError, match="before it was complete"):
        await once({"provider": OPENAI}, chat(two), events(delta("a", "stop"), done=False))
    _, _, received = await once({"provider": OPENAI}, chat(two), events(delta("a", "stop"), one, done=False))
    assert received.endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize("last", [b"data: [DONE]", b"data: [DONE]\n", b"data: [DONE]\r\n"])
async def test_done_without_its_blank_line_comes_whole(last):
    _, _, received = await once({"provider": OPENAI}, chat(STREAM), events(delta("a", "stop"), last, done=False))
    assert received.count(b"[DONE]") == 1
    assert received.endswith(b"data: [DONE]\n\n")
