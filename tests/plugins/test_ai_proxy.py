"""ai-proxy as a whole over a scripted upstream; how its requests look on the wire is in tests/conformance."""

import json
from dataclasses import replace

import msgspec
import pytest
from ai_proxy_world import COMPLETION, HELLO, OPENAI, STREAM, delta, once, proxy
from fakes import Answer, FakeUpstream, WordCounter, answer_json, chat, events, make_env, make_exchange
from world import configured

from aigw.core.errors import ConfigError, GatewayError
from aigw.core.headers import CREDENTIALS, PRIVATE, PRIVATE_STARTS
from aigw.core.model import Request, Route
from aigw.plugins.ai_proxy import ABOUT
from aigw.upstream.builtin import BuiltinUpstream
from aigw.upstream.switch import Switch


async def test_an_unchanged_request_and_answer_pass_byte_for_byte():
    body = b'{ "model":"gpt-4",\n "temperature": 1.0, "messages":[{"role":"user","content":"h\\u00e9\xc3\xa9"}] }'
    answer = b'{ "id":"x", "cost": 1.50, "choices": [{"message": {"content":"yo"}}] }'
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
        (b"", "it is empty"),
        (b'{"model":"m","messages":[],"stream":\xff}', "byte 36"),
    ],
)
async def test_a_body_that_is_no_json_object_is_refused(body, message):
    with pytest.raises(GatewayError, match=message) as caught:
        await once({"provider": OPENAI}, chat(body))
    assert (caught.value.status, caught.value.code) == (400, "invalid_body")


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


async def test_without_a_token_the_clients_key_becomes_a_bearer_token():
    upstream, _, _ = await once({"provider": {"type": "openai"}}, chat(HELLO, headers={"x-api-key": "ck"}))
    assert upstream.last.headers["authorization"] == "Bearer ck"
    assert "x-api-key" not in upstream.last.headers


@pytest.mark.parametrize("path", ["/chat/completions", "/v1/chat/completions", "/team/v1/chat/completions"])
async def test_a_path_without_version_or_with_a_prefix(path):
    upstream, _, _ = await once({"provider": OPENAI}, chat(HELLO, path=path))
    assert upstream.last.path == "/v1/chat/completions"


async def test_a_refused_api_is_told_in_words():
    with pytest.raises(GatewayError, match="'deepseek' does not offer") as caught:
        await once(
            {"provider": {"type": "deepseek", "apiTokens": ["k"]}},
            chat({"model": "e", "input": "a"}, path="/v1/embeddings"),
        )
    assert caught.value.status == 400
    assert caught.value.plain == (500, "failed to process request body: unsupported API name")


@pytest.mark.parametrize("path", ["/v1/images/generations", "/v1/responses/compact"])
async def test_who_calls_a_built_in_model_by_another_api_is_told_where_it_answers(path):
    with pytest.raises(GatewayError, match=r"answer at /v1/chat/completions, .*ANTHROPIC_API_KEY"):
        await once({"provider": {"type": "builtin"}}, chat({"model": "claude-x", "input": "a"}, path=path))


async def test_builtin_models_are_providers_like_others():
    config = {"provider": {"type": "builtin", "modelMapping": {"gpt-4": "echo"}}}
    async with proxy(config, Switch({"builtin": BuiltinUpstream(WordCounter())})) as send:
        reply = await send(chat(HELLO))
        assert json.loads(await reply.body())["choices"][0]["message"]["content"] == "hi"


async def test_each_built_in_provider_of_each_configuration_draws_its_own_faults():
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


@pytest.mark.parametrize(
    "config, message",
    [
        ({"provider": {"type": "qwen"}}, "no apiToken found in provider config"),
        ({"provider": {"type": "nope"}}, "unknown provider type: nope"),
        ({"provider": {"type": "kling"}}, "this version does not speak kling"),
        ({"provider": {**OPENAI, "protocol": "grpc"}}, "invalid protocol in config"),
        ({"provider": {**OPENAI, "failover": {"enabled": True}}}, "either healthCheckModel or cooldownDuration"),
        ({"provider": {**OPENAI, "modelMapping": {"~(": "x"}}}, r"~\("),
        ({"provider": {**OPENAI, "customSettings": [{"name": "a..b", "mode": "raw"}]}}, "empty"),
        ({"provider": {**OPENAI, "retryOnFailure": {"retryOnStatus": ["("]}}}, "not a regular expression"),
        ({"providers": [{"id": "a", **OPENAI}], "fallback": ["b"]}, "there is no provider 'b'"),
        ({"providers": [OPENAI]}, "missing id"),
    ],
)
def test_what_is_wrong_is_said(config, message):
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
    upstream = FakeUpstream(Answer(pieces=[b"CTX"]), Answer())
    if path == "/v1/embeddings" or fidelity == "higress":
        upstream.follow(Answer())
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


async def test_an_explicit_null_is_not_forwarded():
    request = chat({"model": "e", "input": "a", "encoding_format": None}, path="/v1/embeddings")
    upstream, _, _ = await once({"provider": OPENAI}, request)
    assert "encoding_format" not in upstream.json()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"reasoning_effort": "none"}, {"thinking": {"type": "disabled"}}),
        ({"reasoning_effort": "high"}, {"reasoning_effort": "high"}),
        ({"reasoning_effort": "none", "thinking": {"type": "enabled"}},
         {"reasoning_effort": "none", "thinking": {"type": "enabled"}}),
    ],
)  # fmt: skip
async def test_who_thinks_unless_it_is_told_is_told(given, expected):
    provider = {"type": "zhipuai", "apiTokens": ["k"]}
    upstream, _, _ = await once({"provider": provider}, chat({**HELLO, **given}))
    assert json.loads(upstream.last.body) == {**HELLO, **expected}


async def test_a_generic_provider_without_a_host_goes_where_the_route_goes():
    upstream = FakeUpstream()
    route = Route("r", "up.dns:80", make_exchange(chat({})).target)
    async with proxy({"provider": {"type": "generic"}}, upstream) as send:
        with pytest.raises(GatewayError, match="names no host"):
            await send(chat(HELLO), route)


async def test_half_an_emoji_in_a_request_passes():
    body = b'{"model":"gpt-4", "messages":[{"role":"developer","content":"\\ud83d"}], "t": 1.0}'
    upstream, _, _ = await once({"provider": {**OPENAI, "modelMapping": {"*": "m"}}}, chat(body))
    assert upstream.last.body == b'{"model":"m","messages":[{"role":"system","content":"\\ud83d"}],"t":1.0}'


async def test_what_is_no_api_never_reaches_a_provider():
    request = Request("GET", "/favicon.ico", "", chat({}).headers)
    with pytest.raises(GatewayError, match="no API path") as caught:
        await once({"provider": OPENAI}, request)
    assert caught.value.status == 404


async def test_a_body_is_not_repeated_in_the_error():
    native = {"type": "qwen", "apiTokens": ["k"], "qwenEnableCompatible": False}
    with pytest.raises(GatewayError) as caught:
        await once({"provider": native}, chat({"model": "m", "messages": [], "secret": "sk-1"}))
    assert "sk-1" not in caught.value.message


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


ALWAYS = {*PRIVATE, *(f"{start}*" for start in PRIVATE_STARTS)}


@pytest.mark.parametrize(
    ("config", "withheld"),
    [
        ({}, set()),
        ({"provider": {"type": "openai"}}, ALWAYS),
        ({"provider": OPENAI}, {*ALWAYS, *CREDENTIALS}),
        ({"provider": {"type": "builtin"}}, {*ALWAYS, *CREDENTIALS}),
        ({"providers": [{**OPENAI, "id": "a"}, {"type": "openai", "id": "b"}], "fallback": ["a", "b"]}, ALWAYS),
    ],
)
async def test_the_headers_that_it_says_to_withhold_go_no_further(config, withheld):
    plugin = configured({"ai-proxy": config}).plugins["ai-proxy"]
    assert set(plugin.about.withholds(plugin.rules.default)) == withheld
    if config.get("provider", {}).get("type") == "openai":
        begun = [f"{start}some" for start in PRIVATE_STARTS]
        own = dict.fromkeys((*PRIVATE, *begun, *CREDENTIALS), "mine")
        upstream, _, _ = await once(config, chat(HELLO, headers=own))
        passed = {name for name, value in upstream.last.headers.items() if "mine" in value}
        assert not passed & {*withheld, *begun}
        assert ("authorization" in passed) == ("authorization" not in withheld)


async def test_the_vocabulary_is_there_before_the_first_call_of_a_built_in_model():
    class Loaded(WordCounter):
        loaded = False

        def ready(self, model=""):
            return self.loaded

        def count(self, text, model=""):
            self.loaded = True
            return super().count(text, model)

    for kind, loaded in (("builtin", True), ("ollama", False)):
        env = replace(make_env(FakeUpstream()), tokenizer=Loaded())
        config = msgspec.convert(
            {"provider": {"type": kind, "ollamaServerHost": "127.0.0.1", "ollamaServerPort": 9}}, ABOUT.config
        )
        async with ABOUT.build(config, env):
            assert env.tokenizer.loaded is loaded
