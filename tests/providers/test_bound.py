"""What one provider's configuration makes of a request."""

import json

import pytest
from fakes import FakeUpstream, chat, make_env, make_exchange

from aigw.config.services import ServiceTable
from aigw.core.errors import ConfigError, GatewayError
from aigw.core.model import Route
from aigw.dialects import apis
from aigw.providers.bound import BoundProvider
from aigw.providers.config import CustomSetting, ProviderConfig
from aigw.providers.higress import provider_type
from aigw.translation.envelope import sealed
from aigw.translation.gemini.write_request import NO_SIGNATURE

HELLO = {"messages": [{"role": "user", "content": "hi"}]}


async def written(config, body):
    request = chat(body)
    exchange = make_exchange(request)
    provider = BoundProvider(config, make_env(FakeUpstream()))
    call = await provider.write(exchange, request, apis.CHAT, "k")
    call.request.seal()
    return json.loads(call.request.body)


@pytest.mark.parametrize(
    "config, expected",
    [
        ({"type": "claude"}, "m"),
        ({"type": "openai"}, "m"),
        ({"type": "qwen", "qwen_enable_compatible": False}, "m"),
        ({"type": "qwen"}, "m"),
    ],
)
async def test_a_body_without_a_model_gets_the_mapping_of_any(config, expected):
    body = await written(ProviderConfig(**config, model_mapping={"*": "m"}), HELLO)
    assert body.get("model") == expected


async def test_gemini_has_the_model_in_its_path():
    provider = BoundProvider(ProviderConfig(type="gemini", model_mapping={"*": "m"}), make_env(FakeUpstream()))
    request = chat(HELLO)
    call = await provider.write(make_exchange(request), request, apis.CHAT, "k")
    assert call.request.path == "/v1beta/models/m:generateContent"
    provider = BoundProvider(ProviderConfig(type="gemini"), make_env(FakeUpstream()))
    with pytest.raises(GatewayError, match="model") as refusal:
        await provider.write(make_exchange(request), request, apis.CHAT, "k")
    assert refusal.value.status == 400


@pytest.mark.parametrize(
    ("type_", "fidelity", "left"),
    [("mistral", "safe", {}), ("mistral", "higress", {"store": False}), ("openai", "safe", {"store": False})],
)
async def test_only_who_stores_chats_is_told_not_to(type_, fidelity, left):
    env = make_env(FakeUpstream(), fidelity=fidelity)
    provider = provider_type(env)(ProviderConfig(type=type_), env)
    request = chat({"model": "m", "store": False, "messages": []})
    call = await provider.write(make_exchange(request), request, apis.CHAT, "k")
    call.request.seal()
    assert json.loads(call.request.body) == {"model": "m", "messages": [], **left}


async def test_what_gemini_signed_comes_back_from_clients_of_other_formats():
    """Also where something is changed before it is translated."""
    provider = BoundProvider(ProviderConfig(type="gemini", hiclaw_mode=True), make_env(FakeUpstream()))
    thought = {"type": "redacted_thinking", "data": sealed("gemini", "S")}
    said = {"role": "assistant", "content": [thought, {"type": "tool_use", "id": "1", "name": "f", "input": {}}]}
    result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1", "content": "ok"}]}
    body = {"model": "gemini-3-pro", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}, said, result]}
    request = chat(body, path="/v1/messages")
    exchange = make_exchange(request)
    call = await provider.write(exchange, request, apis.MESSAGES, "k")
    assert json.loads(call.request.body)["contents"][1]["parts"][0]["thoughtSignature"] == "S"


async def test_what_another_provider_signed_does_not_go_to_gemini():
    provider = BoundProvider(ProviderConfig(type="gemini"), make_env(FakeUpstream()))
    part = {"functionCall": {"name": "f", "args": {}}, "thoughtSignature": sealed("claude", "S")}
    request = chat({"contents": [{"role": "model", "parts": [part]}]}, path="/v1beta/models/m:generateContent")
    exchange = make_exchange(request)
    call = await provider.write(exchange, request, apis.GENERATE_CONTENT, "k")
    call.request.seal()
    assert json.loads(call.request.body)["contents"][0]["parts"][0]["thoughtSignature"] == NO_SIGNATURE


async def test_what_the_configuration_changes_is_changed_before_it_is_translated():
    config = ProviderConfig(
        type="gemini",
        api_tokens=["k"],
        api_version="v1",
        custom_settings=[CustomSetting(name="max_tokens", value=9)],
        merge_consecutive_messages=True,
        gemini_safety_setting={"HARM": "BLOCK_NONE"},
        gemini_thinking_budget=2000,
    )
    call_of = BoundProvider(config, make_env(FakeUpstream()))
    said = {"role": "user", "content": "a"}
    request = chat({"model": "gemini-2.5-pro", "messages": [said, said], "stream": True})
    call = await call_of.write(make_exchange(request), request, apis.CHAT, "k")
    body = json.loads(call.request.body)
    assert (call.request.path, call.request.query) == ("/v1/models/gemini-2.5-pro:streamGenerateContent", "alt=sse")
    assert call.request.headers["x-goog-api-key"] == "k"
    assert body["contents"] == [{"role": "user", "parts": [{"text": "a\n\na"}]}]
    assert body["safetySettings"] == [{"category": "HARM", "threshold": "BLOCK_NONE"}]
    thinking = {"includeThoughts": True, "thinkingBudget": 2000}
    assert body["generationConfig"] == {"maxOutputTokens": 9, "thinkingConfig": thinking}


@pytest.mark.parametrize(
    ("fidelity", "settings", "kept"), [("safe", {"max_tokens": 9}, {"x-mine"}), ("higress", {}, set())]
)
async def test_what_the_gateway_asks_by_itself(fidelity, settings, kept):
    """To retry, or to probe a token: Higress knows nothing of the configuration's settings then, nor of the client."""
    custom = [CustomSetting(name="max_tokens", value=9)]
    config = ProviderConfig(type="openai", api_tokens=["k"], custom_settings=custom, model_mapping={"*": "z"})
    env = make_env(FakeUpstream(), fidelity=fidelity)
    provider = provider_type(env)(config, env)
    request = chat({**HELLO, "model": "m"}, headers={"x-mine": "1", "authorization": "Bearer of-the-client"})
    call = await provider.write(make_exchange(request), request, apis.CHAT, "k", own=True)
    call.request.seal()
    assert json.loads(call.request.body) == {**HELLO, "model": "z", **settings}
    headers = {name.lower() for name in call.request.headers}
    assert headers == {"content-type", "authorization"} | kept
    assert call.request.headers["authorization"] == "Bearer k"


class TestServices:
    TABLE = ServiceTable({"api.openai.com": "redis://127.0.0.1:6379", "llm.dns": "redis://127.0.0.1:6379"})

    def test_a_provider_that_is_mapped_to_what_is_not_http_is_named_at_the_start(self):
        with pytest.raises(ConfigError, match=r"services\.api\.openai\.com: .* is not HTTP"):
            BoundProvider(ProviderConfig(type="openai"), make_env(FakeUpstream(), services=self.TABLE))

    async def test_a_routes_service_that_is_mapped_to_what_is_not_http_is_named(self):
        provider = BoundProvider(ProviderConfig(type="deepseek"), make_env(FakeUpstream(), services=self.TABLE))
        request = chat(HELLO)
        exchange = make_exchange(request, route=Route("r", "llm.dns"))
        with pytest.raises(GatewayError, match=r"services\.llm\.dns: .* is not HTTP"):
            await provider.write(exchange, request, apis.CHAT, "k")

    async def test_a_provider_is_never_answered_by_the_stand_in_of_its_host_or_of_the_routes_service(self):
        """A stand-in of DashScope embeds texts for plugins; it is no model to talk to."""
        table = ServiceTable({}, ["dashscope.dns", "dashscope.aliyuncs.com"])
        provider = BoundProvider(ProviderConfig(type="qwen"), make_env(FakeUpstream(), services=table))
        request = chat(HELLO | {"model": "qwen-max"})
        exchange = make_exchange(request, route=Route("r", "dashscope.dns:443"))
        call = await provider.write(exchange, request, apis.CHAT, "k")
        assert str(call.target.origin) == "https://dashscope.aliyuncs.com:443"


@pytest.mark.parametrize(
    "kind, fidelity, expected", [("deepseek", "safe", False), ("claude", "safe", True), ("deepseek", "higress", True)]
)
async def test_the_lifetime_of_a_cache_mark_goes_only_to_its_inventor(kind, fidelity, expected):
    """BerriAI/litellm#38790: Claude Code sends it, and other makers may refuse it."""
    env = make_env(FakeUpstream(), fidelity=fidelity)
    mark = {"type": "ephemeral", "ttl": "1h"}
    said = {"role": "user", "content": [{"type": "text", "text": "hi", "cache_control": mark}]}
    request = chat({"model": "m", "max_tokens": 9, "messages": [said]}, path="/v1/messages")
    provider = provider_type(env)(ProviderConfig(type=kind), env)
    call = await provider.write(make_exchange(request), request, apis.MESSAGES, "k")
    call.request.seal()
    assert (b"ttl" in call.request.body) == expected


@pytest.mark.parametrize(("fidelity", "stays"), [("safe", False), ("higress", True)])
async def test_what_another_provider_has_signed_is_left_out(fidelity, stays):
    signed = {"google": {"thought_signature": sealed("gemini", "S")}}
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}, "extra_content": signed}
    request = chat({"model": "m", "messages": [{"role": "assistant", "content": None, "tool_calls": [call]}]})
    env = make_env(FakeUpstream(), fidelity=fidelity)
    provider = provider_type(env)(ProviderConfig(type="groq"), env)
    written = await provider.write(make_exchange(request), request, apis.CHAT, "k")
    (sent,) = written.request.document.get("messages")[0]["tool_calls"]
    assert ("extra_content" in sent) == stays
