"""Which provider is asked, and who comes next when it fails. Nothing moves on once a client has seen an event."""

import gzip
import json

import pytest
from ai_proxy_world import COMPLETION, HELLO, OPENAI, RESET, STREAM, TWO, delta, once, proxy
from fakes import Answer, FakeUpstream, WordCounter, answer_json, chat, events
from world import world

from aigw.core.errors import GatewayError, UpstreamError, UpstreamFault
from aigw.core.model import Request, Route
from aigw.dialects import apis
from aigw.dialects.table import dialect_of
from aigw.upstream.builtin import BuiltinUpstream
from aigw.upstream.switch import Switch


async def test_one_model_by_its_id():
    request = Request("GET", "/v1/models/meta/llama", "", chat({}).headers)
    upstream, _, _ = await once(
        {"provider": {"type": "groq", "apiTokens": ["k"], "capabilities": {"openai/v1/models": "/openai/v1/models"}}},
        request,
    )
    assert upstream.last.path == "/openai/v1/models/meta/llama"


@pytest.mark.parametrize(
    "failure",
    [
        Answer(error=UpstreamError(UpstreamFault.CONNECT, "refused")),
        answer_json({"error": "x"}, 500),
        answer_json({"error": "x"}, 429),
        events(b": ping\n\n", {"error": {"message": "overloaded"}}),
        Answer(headers={"content-type": "text/event-stream"}, pieces=[b": ping\n\n", RESET]),
    ],
    ids=["connect", "500", "429", "error event", "reset before the first event"],
)
async def test_a_failure_before_the_first_event_moves_on(failure):
    upstream, _, received = await once(TWO, chat(STREAM), failure, events(delta("from b", "stop")))
    assert b"from b" in received
    assert [target.authority for _, target in upstream.sent] == ["api.openai.com", "api.deepseek.com"]
    assert all(body.closed for body in upstream.bodies)


@pytest.mark.parametrize("choice", [{"fallback": ["b"]}, {"byModel": {"*": "b"}}, {"weights": {"b": 1}}])
async def test_only_the_default_provider_is_where_the_service_of_the_route_is(choice):
    """The key of another one must not go there."""
    upstream = FakeUpstream(answer_json({"error": "x"}, 500), answer_json(COMPLETION))
    services = {"llm.dns": "http://10.0.0.9:8080"}
    config = {key: TWO[key] for key in ("providers", "activeProviderId")} | choice
    async with proxy(config, upstream, services=services) as send:
        await (await send(chat(HELLO), Route("r", "llm.dns:443"))).body()
    origins = {target.authority: str(target.origin) for _, target in upstream.sent}
    expected = {"api.openai.com": "http://10.0.0.9:8080", "api.deepseek.com": "https://api.deepseek.com:443"}
    assert origins == {name: expected[name] for name in origins}
    assert "api.deepseek.com" in origins


async def test_after_the_first_content_it_never_moves_on():
    first = b"data: " + json.dumps(delta("a")).encode() + b"\n\n"
    upstream = FakeUpstream(Answer(headers={"content-type": "text/event-stream"}, pieces=[first, RESET]))
    async with proxy(TWO, upstream) as send:
        reply = await send(chat(STREAM))
        with pytest.raises(UpstreamError):
            await reply.body()
    assert len(upstream.sent) == 1


async def test_the_first_failure_is_the_answer_with_a_line_on_the_others():
    _, reply, received = await once(
        TWO, chat(HELLO), answer_json({"error": "a"}, 500), answer_json({"error": {"message": "b"}}, 503)
    )
    assert (reply.status, json.loads(received)) == (500, {"error": "a\nb was tried, too: 503 b"})
    with pytest.raises(UpstreamError, match=r"^reset\nb was tried, too: 503 b$") as caught:
        await once(TWO, chat(HELLO), Answer(error=RESET), answer_json({"error": "b"}, 503))
    assert (caught.value.status, caught.value.answer().code) == (502, "upstream_reset")


FIRST = {
    "reset": (Answer(error=RESET), "reset"),
    "failed 200": (answer_json({"error": {"message": "busy\nagain", "code": 429}}), "busy again"),
    "pretty": (answer_json({"error": {"message": "a"}}, 500), "a"),
}
SHAPES = {
    "chat": (apis.CHAT, "/v1/chat/completions", HELLO),
    "messages": (apis.MESSAGES, "/v1/messages", {**HELLO, "max_tokens": 9}),
    "responses": (apis.RESPONSES, "/v1/responses", {"model": "m", "input": "hi"}),
    "gemini": (apis.GENERATE_CONTENT, "/v1beta/models/m:generateContent", {"contents": [{"parts": [{"text": "hi"}]}]}),
    "images": (apis.IMAGE_GENERATION, "/v1/images/generations", {"model": "m", "prompt": "hi"}),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("first", FIRST)
async def test_the_line_on_the_others_is_read_in_every_format(shape, first):
    """It stands behind a line break, and what was said there is one line."""
    api, path, body = SHAPES[shape]
    type_ = {"messages": "claude", "gemini": "gemini"}.get(shape, "openai")
    config = {**TWO, "providers": [{"id": each, "type": type_, "apiTokens": ["k"]} for each in "ab"]}
    answer, said = FIRST[first]
    try:
        _, _, told = await once(config, chat(body, path=path), answer, answer_json({"error": "late,\n\ttoo"}, 503))
    except UpstreamError as error:
        told = dialect_of(api).error(error.answer(), "1")
    assert json.loads(told)["error"]["message"] == f"{said}\nb was tried, too: 503 late, too"


async def test_the_first_refusal_is_told_where_no_provider_can_be_asked():
    config = {**TWO, "providers": [{"id": "a", **OPENAI}, {"id": "b", **OPENAI}]}
    with pytest.raises(GatewayError, match="the provider 'a' does not offer the Rerank API"):
        await once(config, chat({"model": "m", "query": "q", "documents": []}, path="/v1/rerank"))


async def test_higress_tells_the_last_failure():
    _, reply, received = await once(
        TWO, chat(HELLO), answer_json({"error": "a"}, 500), answer_json({"error": "b"}, 503), fidelity="higress"
    )
    assert (reply.status, json.loads(received)) == (503, {"error": "b"})


async def test_the_fallback_gets_the_clients_request_mapped_anew():
    config = {**TWO, "providers": [
        {"id": "a", **OPENAI, "modelMapping": {"*": "a-model"}},
        {"id": "b", "type": "deepseek", "apiTokens": ["k"], "modelMapping": {"gpt-4": "b-model"}},
    ]}  # fmt: skip
    upstream, _, _ = await once(config, chat(HELLO), answer_json({}, 500), answer_json(COMPLETION))
    assert [upstream.json(0)["model"], upstream.json(1)["model"]] == ["a-model", "b-model"]


@pytest.mark.parametrize("kind", ["application/json", "text/html"])
async def test_the_line_on_the_others_stands_in_a_coded_error_too(kind):
    def coded(text, status):
        headers = {"content-type": kind, "content-encoding": "gzip"}
        return Answer(status, headers, [gzip.compress(json.dumps({"error": {"message": text}}).encode())])

    _, reply, received = await once(TWO, chat(HELLO), coded("a", 500), coded("b", 503))
    assert (reply.status, "content-encoding" in reply.headers) == (500, False)
    assert json.loads(received) == {"error": {"message": "a\nb was tried, too: 503 b"}}


async def test_another_token_is_tried():
    config = {"provider": {"type": "openai", "apiTokens": ["t1", "t2"], "retryOnFailure": {"enabled": True}}}
    upstream, _, received = await once(config, chat(HELLO), answer_json({}, 500), answer_json(COMPLETION))
    assert json.loads(received) == COMPLETION
    assert {request.headers["authorization"] for request, _ in upstream.sent} == {"Bearer t1", "Bearer t2"}
    assert upstream.sent[1][1].timeouts.first_byte == 30


RETRY = {"enabled": True, "maxRetries": 2, "retryOnStatus": ["429"]}
TOKENS = {"type": "openai", "apiTokens": ["t1", "t2", "t3"], "retryOnFailure": RETRY}


@pytest.mark.parametrize(
    ("fidelity", "told", "sent"),
    [("safe", "a\nanother token of openai was tried, too: 503 b", 2), ("higress", "a", 3)],
)
async def test_the_failure_that_is_told_where_all_tokens_fail(fidelity, told, sent):
    """The first one, with a line on the others; Higress tells no more than the first and goes on whatever it gets."""
    script = [answer_json({"error": "a"}, 429), answer_json({"error": "b"}, 503), answer_json({"error": "c"}, 502)]
    upstream, reply, received = await once({"provider": TOKENS}, chat(HELLO), *script, fidelity=fidelity)
    assert (reply.status, json.loads(received)) == (429, {"error": told})
    assert len(upstream.sent) == sent
    assert all(body.closed for body in upstream.bodies)


BUSY = answer_json({"error": {"message": "busy", "code": 429}})


@pytest.mark.parametrize("asked", [HELLO, STREAM], ids=["plain", "stream"])
async def test_a_failure_of_a_token_in_an_answer_is_told_in_the_same_way(asked):
    script = [answer_json({"error": "a"}, 429), BUSY, Answer(error=RESET)]
    _, reply, received = await once({"provider": TOKENS}, chat(asked), *script)
    line = "another token of openai was tried, too: 429 busy; another token of openai was tried, too: 502 reset"
    assert (reply.status, json.loads(received)) == (429, {"error": f"a\n{line}"})
    assert reply.headers["x-should-retry"] == "false"
    with pytest.raises(UpstreamError, match=r"^busy\nanother token of openai was tried, too: 429 busy$") as caught:
        await once({"provider": TOKENS}, chat(asked), BUSY)
    assert caught.value.status == 429


async def test_the_first_of_all_tokens_and_providers_is_told():
    config = {**TWO, "providers": [{"id": "a", **TOKENS}, TWO["providers"][1]]}
    script = [answer_json({"error": "a"}, 429), answer_json({"error": "b"}, 500), answer_json({"error": "c"}, 500)]
    _, reply, received = await once(config, chat(HELLO), *script)
    line = "another token of a was tried, too: 500 b; b was tried, too: 500 c"
    assert (reply.status, json.loads(received)) == (429, {"error": f"a\n{line}"})


async def test_one_token_is_not_tried_twice():
    config = {"provider": {**OPENAI, "retryOnFailure": {"enabled": True, "maxRetries": 3}}}
    upstream, reply, _ = await once(config, chat(HELLO), answer_json({}, 500))
    assert (len(upstream.sent), reply.status) == (1, 500)


async def test_a_streamed_upload_is_sent_once():
    async def pieces():
        yield b"x"

    request = chat(b"", path="/v1/audio/transcriptions")
    request.upload = pieces()
    upstream, reply, _ = await once(TWO, request, answer_json({}, 500))
    assert (len(upstream.sent), reply.status) == (1, 500)


async def test_weights_share_the_requests_out():
    config = {"providers": [{"id": "a", **OPENAI}, {"id": "b", "type": "deepseek", "apiTokens": ["k"]}],
              "weights": {"a": 3, "b": 1}}  # fmt: skip
    upstream = FakeUpstream(answer_json(COMPLETION))
    async with proxy(config, upstream) as send:
        for _ in range(400):
            await send(chat(HELLO))
    share = sum(target.authority == "api.openai.com" for _, target in upstream.sent) / 400
    assert 0.68 < share < 0.82


async def test_by_model():
    config = {"providers": [{"id": "a", **OPENAI}, {"id": "b", "type": "deepseek", "apiTokens": ["k"]}],
              "activeProviderId": "a", "byModel": {"deepseek*": "b"}}  # fmt: skip
    upstream = FakeUpstream(answer_json(COMPLETION))
    async with proxy(config, upstream) as send:
        await send(chat({**HELLO, "model": "deepseek-chat"}))
        await send(chat(HELLO))
    assert [target.authority for _, target in upstream.sent] == ["api.deepseek.com", "api.openai.com"]


async def test_the_models_that_are_answered_are_one_list():
    config = {
        "providers": [{"id": "a", **OPENAI}, {"id": "b", "type": "builtin"}],
        "activeProviderId": "a",
        "byModel": {"echo": "b"},
    }
    models = answer_json(
        {"object": "list", "data": [{"id": "gpt-4", "object": "model", "created": 1, "owned_by": "o"}]}
    )
    upstream = Switch({"https": FakeUpstream(models), "builtin": BuiltinUpstream(WordCounter())})
    async with proxy(config, upstream) as send:
        reply = await send(Request("GET", "/v1/models", "", chat({}).headers))
        assert [model["id"] for model in json.loads(await reply.body())["data"]] == ["gpt-4", "echo"]


async def test_without_an_active_provider_the_plugin_does_nothing():
    with pytest.raises(GatewayError, match="no upstream"):
        await once({"providers": [{"id": "a", **OPENAI}]}, chat(HELLO))


async def test_a_plain_answer_that_breaks_before_its_delivery_moves_on():
    _, _, received = await once(TWO, chat(HELLO), Answer(pieces=[b'{"id":', RESET]), answer_json(COMPLETION))
    assert json.loads(received) == COMPLETION


async def test_an_answer_that_cannot_be_converted_moves_on():
    config = {
        **TWO,
        "providers": [
            {"id": "a", "type": "qwen", "apiTokens": ["k"], "qwenEnableCompatible": False},
            TWO["providers"][1],
        ],
    }
    _, _, received = await once(config, chat(HELLO), Answer(pieces=[b'"what?"']), answer_json(COMPLETION))
    assert json.loads(received) == COMPLETION


async def test_an_api_that_one_provider_lacks_is_asked_of_the_next():
    config = {**TWO, "activeProviderId": "b", "fallback": ["a"]}
    request = chat({"model": "e", "input": "a"}, path="/v1/embeddings")
    upstream, _, _ = await once(config, request, answer_json({"data": [{"embedding": [1.0]}]}))
    assert [target.authority for _, target in upstream.sent] == ["api.openai.com"]


async def test_a_failure_after_several_attempts_tells_sdks_not_to_repeat_them():
    _, reply, _ = await once(TWO, chat(HELLO), answer_json({}, 500), answer_json({}, 503))
    assert reply.headers["x-should-retry"] == "false"
    _, reply, _ = await once({"provider": OPENAI}, chat(HELLO), answer_json({}, 500))
    assert "x-should-retry" not in reply.headers


async def test_endless_comments_are_held_back_within_bounds():
    comments = [b": " + b"x" * 1000 + b"\n\n"] * 100
    upstream = FakeUpstream(Answer(headers={"content-type": "text/event-stream"}, pieces=[*comments, RESET]))
    async with proxy(TWO, upstream) as send:
        reply = await send(chat(STREAM))
        assert len(await anext(aiter(reply))) < 100


async def test_one_model_by_a_quoted_or_bare_path():
    config = {"providers": [{"id": "a", **OPENAI}, {"id": "b", "type": "builtin"}], "activeProviderId": "a",
              "byModel": {"meta/*": "b"}}  # fmt: skip
    for path in ("/v1/models/meta%2Fx", "/models/meta/x"):
        upstream, _, _ = await once(config, Request("GET", path, "", chat({}).headers))
        assert [target.origin.scheme for _, target in upstream.sent] == ["builtin"]


ARRAY = [
    b'[{"candidates":[{"content":{"parts":[{"text":"one"}]}}],"usageMetadata":{"promptTokenCount":5,"candidatesTokenCount":3}}\n',
    b',{"candidates":[{"content":{"parts":[{"text":" two"}]},"finishReason":"STOP"}],'
    b'"usageMetadata":{"promptTokenCount":5,"candidatesTokenCount":6}}\n]',
]


async def test_a_stream_that_is_an_array_passes_element_by_element():
    upstream = FakeUpstream(Answer(headers={"content-type": "application/json"}, pieces=ARRAY))
    limit = {"rule_name": "r", "global_threshold": {"token_per_day": 1000}, "redis": {"service_name": "redis.static"}}
    plugins = {"ai-token-ratelimit": limit, "ai-proxy": {"provider": {"type": "gemini", "apiTokens": ["k"]}}}
    request = chat({"contents": [{"parts": [{"text": "hi"}]}]}, path="/v1beta/models/m:streamGenerateContent")
    async with world(plugins, upstream=upstream, route=Route("test")) as it:
        exchange, reply = await it.send(request)
        batches = aiter(reply)
        (first,) = await anext(batches)
        assert first.raw == ARRAY[0]
        assert [chunk.raw async for batch in batches for chunk in batch] == ARRAY[1:]
        assert exchange.answer.complete
        assert (exchange.answer.tokens.input, exchange.answer.tokens.output) == (5, 6)


async def test_an_array_that_breaks_off_is_charged_for_what_came():
    script = Answer(headers={"content-type": "application/json"}, pieces=[ARRAY[0], RESET])
    plugins = {"ai-proxy": {"provider": {"type": "gemini", "apiTokens": ["k"]}}}
    request = chat({"contents": [{"parts": [{"text": "hi"}]}]}, path="/v1beta/models/m:streamGenerateContent")
    async with world(plugins, script, route=Route("test")) as it:
        exchange, reply = await it.send(request)
        with pytest.raises(UpstreamError):
            await reply.body()
        assert not exchange.answer.complete
        assert (exchange.answer.tokens.input, exchange.answer.tokens.output) == (5, 3)


EMBED = {"model": "m", "input": "hi"}
VECTORS = {"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [1.0]}], "model": "m"}


def mapped(*targets, **more):
    providers = [{"id": f"p{i}", **OPENAI, "modelMapping": {"m": target}} for i, target in enumerate(targets)]
    return {"providers": providers, "activeProviderId": "p0", "fallback": [each["id"] for each in providers], **more}


@pytest.mark.parametrize(
    ("targets", "asked"),
    [
        (("a", "b"), ["a"]),
        (("a", "b", "a"), ["a", "a"]),
        (("a", "openai/A"), ["a", "openai/A"]),
        (("", ""), ["m", "m"]),
    ],
)
async def test_embeddings_fall_back_to_the_same_model_only(targets, asked):
    request = chat(EMBED, path="/v1/embeddings")
    upstream, reply, _ = await once(mapped(*targets), request, answer_json({"error": "x"}, 503))
    assert ([upstream.json(index)["model"] for index in range(len(upstream.sent))], reply.status) == (asked, 503)


async def test_weights_do_not_mix_the_embeddings_of_two_models():
    upstream = FakeUpstream(answer_json({**COMPLETION, **VECTORS}))
    async with proxy(mapped("a", "b", "a", weights={"p0": 1, "p1": 3, "p2": 3}), upstream) as send:
        for _ in range(20):
            await (await send(chat(EMBED, path="/v1/embeddings"))).body()
        await (await send(chat({**HELLO, "model": "m"}))).body()
    assert {upstream.json(index)["model"] for index in range(20)} == {"b"}


async def test_embeddings_of_higress_fall_back_to_any():
    request = chat(EMBED, path="/v1/embeddings")
    upstream, _, _ = await once(mapped("a", "b"), request, answer_json({"error": "x"}, 503), fidelity="higress")
    assert len(upstream.sent) == 2
