"""ai-proxy as a whole over a scripted upstream; how its requests look on the wire is in tests/conformance."""

import json
from contextlib import asynccontextmanager
from urllib.parse import quote

import pytest
from fakes import (
    Answer,
    FakeClock,
    FakeUpstream,
    WordCounter,
    answer_json,
    chat,
    events,
    make_exchange,
)
from world import configured, world

from aigw.core.errors import ConfigError, GatewayError, UpstreamError, UpstreamFault
from aigw.core.headers import CREDENTIALS
from aigw.core.model import Request, Route
from aigw.upstream.builtin import BuiltinUpstream
from aigw.upstream.switch import Switch

HELLO = {"model": "gpt-4", "messages": [{"role": "user", "content": "hi"}]}
STREAM = {**HELLO, "stream": True}
OPENAI = {"type": "openai", "apiTokens": ["sk-o"]}
COMPLETION = {
    "id": "x",
    "object": "chat.completion",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "yo"}}],
}
RESET = UpstreamError(UpstreamFault.RESET, "reset")


def delta(text, finish=None):
    return {"id": "x", "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": finish}]}


USAGE = {"id": "x", "choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}}


@asynccontextmanager
async def proxy(config, upstream, **how):
    """Sends requests through the plugin; the replies are closed at the end."""

    async def send(request, route=None):
        return (await it.send(request, route=route))[1]

    async with world({"ai-proxy": config}, upstream=upstream, route=Route("test"), **how) as it:
        yield send


async def once(config, request, *script, **how):
    """One request through the plugin: the upstream, the reply and its body."""
    upstream = FakeUpstream(*script)
    async with proxy(config, upstream, **how) as send:
        reply = await send(request)
        return upstream, reply, await reply.body()


async def test_an_unchanged_request_and_answer_pass_byte_for_byte():
    body = b'{ "model":"gpt-4",\n "temperature": 1.0, "messages":[{"role":"user","content":"h\\u00e9\xc3\xa9"}] }'
    answer = b'{ "id":"x", "cost": 1.50 }'
    upstream, reply, received = await once({"provider": OPENAI}, chat(body), Answer(pieces=[answer[:5], answer[5:]]))
    assert upstream.last.body == body
    assert received == answer
    assert reply.single


async def test_mapping_changes_the_model_and_nothing_else():
    body = b'{"temperature": 1.0, "model":"gpt-4", "messages":[{"role":"user","content":"hi"}], "big":12345678901234567890123}'
    upstream, _, _ = await once({"provider": {**OPENAI, "modelMapping": {"*": "m"}}}, chat(body))
    assert upstream.last.body == body.replace(b": 1.0, ", b":1.0,").replace(b'"gpt-4", ', b'"m",').replace(
        b"], ", b"],"
    )


@pytest.mark.parametrize(
    "body, message",
    [
        (b'{"mod', "truncated"),
        (b"[]", "object"),
        (b"", "truncated"),
        (b'{"model":"m","messages":[],"stream":\xff}', "byte 36"),
    ],
)
async def test_a_body_that_is_no_json_object_is_refused(body, message):
    with pytest.raises(GatewayError, match=message) as caught:
        await once({"provider": OPENAI}, chat(body))
    assert (caught.value.status, caught.value.code) == (400, "invalid_body")


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
    _, _, cut = await once({"provider": OPENAI}, chat(STREAM), events(delta("a"), done=False))
    assert b"[DONE]" not in cut


async def test_private_headers_of_the_client_stay_here():
    headers = {
        "authorization": "Bearer mine", "x-api-key": "mine", "cookie": "a=b", "origin": "http://localhost", "te": "trailers",
        "connection": "x-hop", "x-hop": "1", "sec-fetch-mode": "cors", "accept-encoding": "gzip", "openai-beta": "v2",
        "x-hi-original-auth": "forged",
    }  # fmt: skip
    upstream, _, _ = await once({"provider": OPENAI}, chat(HELLO, headers=headers))
    assert dict(upstream.last.headers) == {
        "content-type": "application/json", "openai-beta": "v2", "authorization": "Bearer sk-o",
    }  # fmt: skip


async def test_headers_about_the_providers_own_address_stay_there():
    headers = {
        "content-type": "application/json", "set-cookie": "a=b", "alt-svc": "h3", "access-control-allow-origin": "*",
        "x-ratelimit-limit-requests": "5", "openai-processing-ms": "7", "x-request-id": "req_1",
    }  # fmt: skip
    _, reply, _ = await once({"provider": OPENAI}, chat(HELLO), Answer(headers=headers))
    assert set(reply.headers) == {"content-type", "x-ratelimit-limit-requests", "openai-processing-ms", "x-request-id"}


async def test_without_a_token_the_clients_key_becomes_a_bearer_token():
    upstream, _, _ = await once({"provider": {"type": "openai"}}, chat(HELLO, headers={"x-api-key": "ck"}))
    assert upstream.last.headers["authorization"] == "Bearer ck"
    assert "x-api-key" not in upstream.last.headers


@pytest.mark.parametrize("path", ["/chat/completions", "/v1/chat/completions", "/team/v1/chat/completions"])
async def test_a_path_without_version_or_with_a_prefix(path):
    upstream, _, _ = await once({"provider": OPENAI}, chat(HELLO, path=path))
    assert upstream.last.path == "/v1/chat/completions"


async def test_one_model_by_its_id():
    request = Request("GET", "/v1/models/meta/llama", "", chat({}).headers)
    upstream, _, _ = await once(
        {"provider": {"type": "groq", "apiTokens": ["k"], "capabilities": {"openai/v1/models": "/openai/v1/models"}}},
        request,
    )
    assert upstream.last.path == "/openai/v1/models/meta/llama"


async def test_a_refused_api_is_told_in_words():
    with pytest.raises(GatewayError, match="'deepseek' does not offer") as caught:
        await once(
            {"provider": {"type": "deepseek", "apiTokens": ["k"]}},
            chat({"model": "e", "input": "a"}, path="/v1/embeddings"),
        )
    assert caught.value.status == 404
    assert caught.value.plain == (500, "failed to process request body: unsupported API name")


async def test_an_error_page_becomes_an_error_in_the_clients_shape():
    page = Answer(502, {"content-type": "text/html", "retry-after": "3"}, [b"<html>Bad Gateway</html>"])
    _, reply, received = await once({"provider": OPENAI}, chat(HELLO), page)
    assert reply.status == 502
    assert reply.headers["retry-after"] == "3"
    assert "Bad Gateway" in json.loads(received)["error"]["message"]


async def test_error_bodies_are_logged_where_that_is_asked_for(caplog):
    token = "0123/of the provider"
    config = {"provider": {"type": "openai", "apiTokens": [token], "logUpstreamErrorResponseBody": True}}
    said = {"error": f"bad key {token}, {quote(token, safe='')}, Bearer of-a-client"}
    _, _, received = await once(config, chat(HELLO), answer_json(said, 401))
    assert json.loads(received) == said
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


class TestRetries:
    TWO = {"providers": [{"id": "a", **OPENAI}, {"id": "b", "type": "deepseek", "apiTokens": ["k"]}],
           "activeProviderId": "a", "fallback": ["b"]}  # fmt: skip

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
    async def test_a_failure_before_the_first_event_moves_on(self, failure):
        upstream, _, received = await once(self.TWO, chat(STREAM), failure, events(delta("from b", "stop")))
        assert b"from b" in received
        assert [target.authority for _, target in upstream.sent] == ["api.openai.com", "api.deepseek.com"]
        assert all(body.closed for body in upstream.bodies)

    async def test_after_the_first_event_it_never_moves_on(self):
        upstream = FakeUpstream(
            Answer(headers={"content-type": "text/event-stream"}, pieces=[b'data: {"a":1}\n\n', RESET])
        )
        async with proxy(self.TWO, upstream) as send:
            reply = await send(chat(STREAM))
            with pytest.raises(UpstreamError):
                await reply.body()
        assert len(upstream.sent) == 1

    async def test_the_last_failure_is_the_answer(self):
        _, reply, received = await once(
            self.TWO, chat(HELLO), answer_json({"error": "a"}, 500), answer_json({"error": "b"}, 503)
        )
        assert (reply.status, json.loads(received)) == (503, {"error": "b"})

    async def test_the_fallback_gets_the_clients_request_mapped_anew(self):
        config = {**self.TWO, "providers": [
            {"id": "a", **OPENAI, "modelMapping": {"*": "a-model"}},
            {"id": "b", "type": "deepseek", "apiTokens": ["k"], "modelMapping": {"gpt-4": "b-model"}},
        ]}  # fmt: skip
        upstream, _, _ = await once(config, chat(HELLO), answer_json({}, 500), answer_json(COMPLETION))
        assert [upstream.json(0)["model"], upstream.json(1)["model"]] == ["a-model", "b-model"]

    async def test_comments_are_forwarded_at_once_where_nothing_else_can_be_tried(self):
        upstream = FakeUpstream(Answer(headers={"content-type": "text/event-stream"}, pieces=[b": ping\n\n", RESET]))
        async with proxy({"provider": OPENAI}, upstream) as send:
            reply = await send(chat(STREAM))
            batches = aiter(reply)
            assert [chunk.raw for chunk in await anext(batches)] == [b": ping\n\n"]

    async def test_another_token_is_tried(self):
        config = {"provider": {"type": "openai", "apiTokens": ["t1", "t2"], "retryOnFailure": {"enabled": True}}}
        upstream, _, received = await once(config, chat(HELLO), answer_json({}, 500), answer_json(COMPLETION))
        assert json.loads(received) == COMPLETION
        assert {request.headers["authorization"] for request, _ in upstream.sent} == {"Bearer t1", "Bearer t2"}
        assert upstream.sent[1][1].timeouts.first_byte == 30

    @pytest.mark.parametrize(("fidelity", "told", "sent"), [("safe", "b", 2), ("higress", "a", 3)])
    async def test_the_failure_that_is_told_where_all_tokens_fail(self, fidelity, told, sent):
        """The last one, which explains why nothing more is tried; Higress tells the first and goes on whatever it
        gets."""
        retry = {"enabled": True, "maxRetries": 2, "retryOnStatus": ["429"]}
        config = {"provider": {"type": "openai", "apiTokens": ["t1", "t2", "t3"], "retryOnFailure": retry}}
        script = [answer_json({"error": "a"}, 429), answer_json({"error": "b"}, 503), answer_json({"error": "c"}, 502)]
        upstream, _, received = await once(config, chat(HELLO), *script, fidelity=fidelity)
        assert json.loads(received) == {"error": told}
        assert len(upstream.sent) == sent

    async def test_one_token_is_not_tried_twice(self):
        config = {"provider": {**OPENAI, "retryOnFailure": {"enabled": True, "maxRetries": 3}}}
        upstream, reply, _ = await once(config, chat(HELLO), answer_json({}, 500))
        assert (len(upstream.sent), reply.status) == (1, 500)

    async def test_a_streamed_upload_is_sent_once(self):
        async def pieces():
            yield b"x"

        request = chat(b"", path="/v1/audio/transcriptions")
        request.stream = pieces()
        upstream, reply, _ = await once(self.TWO, request, answer_json({}, 500))
        assert (len(upstream.sent), reply.status) == (1, 500)

    async def test_a_token_that_keeps_failing_is_taken_out_of_use_and_comes_back(self):
        failover = {"enabled": True, "failureThreshold": 2, "cooldownDuration": 1000}
        upstream, clock = FakeUpstream(answer_json({}, 401)), FakeClock()
        async with proxy(
            {"provider": {"type": "openai", "apiTokens": ["t1", "t2"], "failover": failover}}, upstream, clock=clock
        ) as send:

            async def used(count):
                start = len(upstream.sent)
                for _ in range(count):
                    await send(chat(HELLO))
                return [request.headers["authorization"][7:] for request, _ in upstream.sent[start:]]

            first = await used(12)
            out = first[next(i for i in range(12) if first[: i + 1].count(first[i]) == 2)]
            after = first[first.index(out) + 1 :]
            assert out not in after[after.index(out) + 1 :][:1]
            clock.now += 2
            assert set(await used(20)) == {"t1", "t2"}


class TestChoosing:
    async def test_weights_share_the_requests_out(self):
        config = {"providers": [{"id": "a", **OPENAI}, {"id": "b", "type": "deepseek", "apiTokens": ["k"]}],
                  "weights": {"a": 3, "b": 1}}  # fmt: skip
        upstream = FakeUpstream(answer_json(COMPLETION))
        async with proxy(config, upstream) as send:
            for _ in range(400):
                await send(chat(HELLO))
        share = sum(target.authority == "api.openai.com" for _, target in upstream.sent) / 400
        assert 0.68 < share < 0.82

    async def test_by_model(self):
        config = {"providers": [{"id": "a", **OPENAI}, {"id": "b", "type": "deepseek", "apiTokens": ["k"]}],
                  "activeProviderId": "a", "byModel": {"deepseek*": "b"}}  # fmt: skip
        upstream = FakeUpstream(answer_json(COMPLETION))
        async with proxy(config, upstream) as send:
            await send(chat({**HELLO, "model": "deepseek-chat"}))
            await send(chat(HELLO))
        assert [target.authority for _, target in upstream.sent] == ["api.deepseek.com", "api.openai.com"]

    async def test_the_models_of_all_are_one_list(self):
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
            assert [model["id"] for model in json.loads(await reply.body())["data"]] == ["gpt-4", "echo", "mock"]

    async def test_without_an_active_provider_the_plugin_does_nothing(self):
        with pytest.raises(GatewayError, match="no upstream"):
            await once({"providers": [{"id": "a", **OPENAI}]}, chat(HELLO))

    async def test_builtin_models_are_providers_like_others(self):
        config = {"provider": {"type": "builtin", "modelMapping": {"gpt-4": "echo"}}}
        async with proxy(config, Switch({"builtin": BuiltinUpstream(WordCounter())})) as send:
            reply = await send(chat(HELLO))
            assert json.loads(await reply.body())["choices"][0]["message"]["content"] == "hi"

    async def test_each_built_in_provider_of_each_configuration_draws_its_own_faults(self):
        """Also while an older configuration is still answering."""
        faults = [{"kind": "status", "probability": 0.5}]
        mock = {"type": "builtin", "modelMapping": {"*": "mock"}, "mock": {"seed": 7, "faults": faults}}
        config = {
            "providers": [{"id": "a", **mock}, {"id": "b", **mock}],
            "activeProviderId": "a",
            "byModel": {"b": "b"},
        }
        upstream = Switch({"builtin": BuiltinUpstream(WordCounter())})

        async def statuses(send, model):
            return [(await send(chat({**HELLO, "model": model}))).status for _ in range(20)]

        async with proxy(config, upstream) as old:
            drawn = await statuses(old, "a")
            assert set(drawn) == {200, 500}
            assert await statuses(old, "b") == drawn
            async with proxy(config, upstream) as new:
                assert await statuses(new, "a") == drawn
            assert await statuses(old, "a") != drawn


class TestChecks:
    @pytest.mark.parametrize(
        "config, message",
        [
            ({"provider": {"type": "qwen"}}, "no apiToken found in provider config"),
            ({"provider": {"type": "nope"}}, "unknown provider type: nope"),
            ({"provider": {"type": "bedrock"}}, "this version does not speak bedrock"),
            ({"provider": {**OPENAI, "protocol": "grpc"}}, "invalid protocol in config"),
            ({"provider": {**OPENAI, "failover": {"enabled": True}}}, "either healthCheckModel or cooldownDuration"),
            ({"provider": {**OPENAI, "modelMapping": {"~(": "x"}}}, r"~\("),
            ({"provider": {**OPENAI, "customSettings": [{"name": "a..b", "mode": "raw"}]}}, "empty"),
            ({"provider": {**OPENAI, "retryOnFailure": {"retryOnStatus": ["("]}}}, "not a regular expression"),
            ({"providers": [{"id": "a", **OPENAI}], "fallback": ["b"]}, "there is no provider 'b'"),
            ({"providers": [OPENAI]}, "missing id"),
        ],
    )
    def test_what_is_wrong_is_said(self, config, message):
        with pytest.raises(ConfigError, match=message) as caught:
            configured({"ai-proxy": config})
        assert len(caught.value.findings) == 1


async def test_firstbytetimeout_holds_for_streams():
    config = {"provider": {**OPENAI, "firstByteTimeout": 7000}}
    upstream, _, _ = await once(config, chat(STREAM), events(delta("a", "stop")))
    assert upstream.sent[0][1].timeouts.first_byte == 7
    upstream, _, _ = await once(config, chat(HELLO), answer_json(COMPLETION))
    assert upstream.sent[0][1].timeouts.first_byte > 7


async def test_the_context_file_is_fetched_once_and_inserted():
    context = {"fileUrl": "http://files.local/ctx.txt", "serviceName": "files.dns", "servicePort": 80}
    upstream = FakeUpstream(Answer(pieces=[b"CTX", b"TEXT"]), answer_json(COMPLETION))
    async with proxy({"provider": {**OPENAI, "context": context}}, upstream) as send:
        await send(
            chat(
                {
                    "model": "m",
                    "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "hi"}],
                    "foo": 1,
                }
            )
        )
        await send(chat(HELLO))
    assert [target.authority for _, target in upstream.sent] == ["files.local", "api.openai.com", "api.openai.com"]
    sent = upstream.json(1)
    assert [message["content"] for message in sent["messages"]] == ["s", "CTXTEXT", "hi"]
    assert sent["foo"] == 1


CONVERSATIONS = {
    "/v1/messages": ({"messages": HELLO["messages"]}, {"system": [{"type": "text", "text": "CTX"}]}),
    "/v1/responses": (
        {"input": "hi"},
        {
            "input": [
                {"type": "message", "role": "system", "content": "CTX"},
                {"type": "message", "role": "user", "content": "hi"},
            ]
        },
    ),
    "/v1/embeddings": ({"input": "hi"}, {"input": "hi"}),
}


@pytest.mark.parametrize("fidelity", ["safe", "higress"])
@pytest.mark.parametrize("path", CONVERSATIONS)
async def test_the_context_file_goes_into_every_conversation(path, fidelity):
    context = {"fileUrl": "http://files.local/ctx.txt", "serviceName": "files.dns"}
    body, changed = CONVERSATIONS[path]
    upstream = FakeUpstream(Answer(pieces=[b"CTX"]))
    capabilities = {"anthropic/v1/messages": "/v1/messages", "openai/v1/responses": "/v1/responses"}
    config = {"provider": {**OPENAI, "context": context, "capabilities": capabilities}}
    async with proxy(config, upstream, fidelity=fidelity) as send:
        await send(chat({"model": "m", **body}, path=path))
    assert upstream.json() == {"model": "m", **body, **(changed if fidelity == "safe" else {})}


async def test_a_context_file_that_cannot_be_had():
    context = {"fileUrl": "http://files.local/ctx.txt", "serviceName": "files.dns"}
    with pytest.raises(GatewayError) as caught:
        await once({"provider": {**OPENAI, "context": context}}, chat(HELLO), Answer(404))
    assert caught.value.plain == (500, "failed to load context file: failed to load context file, status: 404")


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


async def test_an_explicit_null_is_not_forwarded():
    request = chat({"model": "e", "input": "a", "encoding_format": None}, path="/v1/embeddings")
    upstream, _, _ = await once({"provider": OPENAI}, request)
    assert "encoding_format" not in upstream.json()


async def test_a_generic_provider_without_a_host_goes_where_the_route_goes():
    upstream = FakeUpstream()
    route = Route("r", "up.dns:80", make_exchange(chat({})).target)
    async with proxy({"provider": {"type": "generic"}}, upstream) as send:
        with pytest.raises(GatewayError, match="names no host"):
            await send(chat(HELLO), route)


class TestFindingsOfABreaker:
    """Each was a bug once."""

    TWO = TestRetries.TWO

    async def test_a_plain_answer_that_breaks_before_its_delivery_moves_on(self):
        _, _, received = await once(self.TWO, chat(HELLO), Answer(pieces=[b'{"id":', RESET]), answer_json(COMPLETION))
        assert json.loads(received) == COMPLETION

    async def test_an_answer_that_cannot_be_converted_moves_on(self):
        config = {
            **self.TWO,
            "providers": [
                {"id": "a", "type": "qwen", "apiTokens": ["k"], "qwenEnableCompatible": False},
                self.TWO["providers"][1],
            ],
        }
        _, _, received = await once(config, chat(HELLO), Answer(pieces=[b'"what?"']), answer_json(COMPLETION))
        assert json.loads(received) == COMPLETION

    async def test_an_api_that_one_provider_lacks_is_asked_of_the_next(self):
        config = {**self.TWO, "activeProviderId": "b", "fallback": ["a"]}
        request = chat({"model": "e", "input": "a"}, path="/v1/embeddings")
        upstream, _, _ = await once(config, request, answer_json({"data": []}))
        assert [target.authority for _, target in upstream.sent] == ["api.openai.com"]

    async def test_a_failure_after_several_attempts_tells_sdks_not_to_repeat_them(self):
        _, reply, _ = await once(self.TWO, chat(HELLO), answer_json({}, 500), answer_json({}, 503))
        assert reply.headers["x-should-retry"] == "false"
        _, reply, _ = await once({"provider": OPENAI}, chat(HELLO), answer_json({}, 500))
        assert "x-should-retry" not in reply.headers

    async def test_an_error_event_counts_as_a_failure_of_its_token(self):
        failover = {"enabled": True, "failureThreshold": 1, "cooldownDuration": 60_000}
        upstream = FakeUpstream(events({"error": {"message": "no"}}))
        async with proxy(
            {"provider": {"type": "openai", "apiTokens": ["t1", "t2"], "failover": failover}}, upstream
        ) as send:
            for _ in range(2):
                await send(chat(STREAM))
        assert {request.headers["authorization"] for request, _ in upstream.sent} == {"Bearer t1", "Bearer t2"}

    async def test_endless_comments_are_held_back_within_bounds(self):
        comments = [b": " + b"x" * 1000 + b"\n\n"] * 100
        upstream = FakeUpstream(Answer(headers={"content-type": "text/event-stream"}, pieces=[*comments, RESET]))
        async with proxy(self.TWO, upstream) as send:
            reply = await send(chat(STREAM))
            assert len(await anext(aiter(reply))) < 100

    @pytest.mark.parametrize(
        "choices",
        [5, True, {}, "x", [5], [{"delta": 5, "finish_reason": "stop"}], [{"index": "x", "finish_reason": "stop"}]],
    )
    @pytest.mark.parametrize(
        "provider", [{**OPENAI, "promoteThinkingOnEmpty": True}, {"type": "moonshot", "apiTokens": ["k"]}]
    )
    async def test_oddly_shaped_choices_pass(self, provider, choices):
        odd = {"choices": choices, "finish_reason": "x", "usage": {}}
        _, _, received = await once({"provider": provider}, chat(STREAM), events(odd))
        assert json.loads(received.split(b"\n\n")[0][6:]) == odd
        _, _, received = await once({"provider": provider}, chat(HELLO), answer_json(odd))
        assert json.loads(received) == odd

    async def test_a_stream_of_two_choices_is_complete_when_both_are(self):
        two = {**STREAM, "n": 2}
        one = {"choices": [{"index": 1, "delta": {}, "finish_reason": "stop"}]}
        _, _, received = await once({"provider": OPENAI}, chat(two), events(delta("a", "stop"), done=False))
        assert b"[DONE]" not in received
        _, _, received = await once({"provider": OPENAI}, chat(two), events(delta("a", "stop"), one, done=False))
        assert received.endswith(b"data: [DONE]\n\n")

    @pytest.mark.parametrize("last", [b"data: [DONE]", b"data: [DONE]\n", b"data: [DONE]\r\n"])
    async def test_done_without_its_blank_line_comes_whole(self, last):
        for first in (delta("a", "stop"), delta("a")):
            _, _, received = await once({"provider": OPENAI}, chat(STREAM), events(first, last, done=False))
            assert received.count(b"[DONE]") == 1
            assert received.endswith(b"data: [DONE]\n\n")

    async def test_half_an_emoji_in_a_request_passes(self):
        body = b'{"model":"gpt-4", "messages":[{"role":"developer","content":"\\ud83d"}], "t": 1.0}'
        upstream, _, _ = await once({"provider": {**OPENAI, "modelMapping": {"*": "m"}}}, chat(body))
        assert upstream.last.body == b'{"model":"m","messages":[{"role":"system","content":"\\ud83d"}],"t":1.0}'

    async def test_what_is_no_api_never_reaches_a_provider(self):
        request = Request("GET", "/favicon.ico", "", chat({}).headers)
        with pytest.raises(GatewayError, match="no API path") as caught:
            await once({"provider": OPENAI}, request)
        assert caught.value.status == 404

    async def test_a_body_is_not_repeated_in_the_error(self):
        native = {"type": "qwen", "apiTokens": ["k"], "qwenEnableCompatible": False}
        with pytest.raises(GatewayError) as caught:
            await once({"provider": native}, chat({"model": "m", "messages": [], "secret": "sk-1"}))
        assert "sk-1" not in caught.value.message

    async def test_one_model_by_a_quoted_or_bare_path(self):
        config = {"providers": [{"id": "a", **OPENAI}, {"id": "b", "type": "builtin"}], "activeProviderId": "a",
                  "byModel": {"meta/*": "b"}}  # fmt: skip
        for path in ("/v1/models/meta%2Fx", "/models/meta/x"):
            upstream, _, _ = await once(config, Request("GET", path, "", chat({}).headers))
            assert [target.origin.scheme for _, target in upstream.sent] == ["builtin"]


def identity_of(config, services=None):
    loaded = configured({"ai-proxy": config}, services=services or {})
    return loaded.plugins["ai-proxy"].about.identity(loaded.plugins["ai-proxy"].rules.default, loaded.services)


def test_what_decides_about_answers():
    """Where requests go and how they are changed; not who pays, nor how long it may take."""
    openai = {"type": "openai", "apiTokens": ["sk-a"]}
    mine = identity_of({"provider": openai})
    assert mine["ownKey"] is True
    assert "sk-a" not in str(mine)
    assert identity_of({"provider": {**openai, "apiTokens": ["sk-b", "sk-c"], "timeout": 5}}) == mine
    assert identity_of({"provider": {"type": "openai"}})["ownKey"] is False
    assert identity_of({"provider": {"type": "builtin"}})["ownKey"] is True
    assert identity_of({}) is None
    others = [
        identity_of({"provider": {**openai, "modelMapping": {"*": "m"}}}),
        identity_of({"provider": {"type": "qwen", "apiTokens": ["sk-a"]}}),
        identity_of({"provider": openai}, {"api.openai.com": "http://127.0.0.1:1"}),
        identity_of({"providers": [{**openai, "id": "a"}], "activeProviderId": "a"}),
    ]
    assert all(other != mine for other in others)


@pytest.mark.parametrize(
    ("config", "withheld"),
    [
        ({}, set()),
        ({"provider": {"type": "openai"}}, {"cookie"}),
        ({"provider": OPENAI}, {"cookie", *CREDENTIALS}),
        ({"provider": {"type": "builtin"}}, {"cookie", *CREDENTIALS}),
        ({"providers": [{**OPENAI, "id": "a"}, {"type": "openai", "id": "b"}], "fallback": ["a", "b"]}, {"cookie"}),
    ],
)
async def test_the_headers_that_it_says_to_withhold_go_no_further(config, withheld):
    plugin = configured({"ai-proxy": config}).plugins["ai-proxy"]
    assert set(plugin.about.withholds(plugin.rules.default)) == withheld
    if config.get("provider", {}).get("type") == "openai":
        own = dict.fromkeys(("cookie", *CREDENTIALS), "mine")
        upstream, _, _ = await once(config, chat(HELLO, headers=own))
        passed = {name for name, value in upstream.last.headers.items() if "mine" in value}
        assert not passed & withheld
        assert ("authorization" in passed) == ("authorization" not in withheld)
