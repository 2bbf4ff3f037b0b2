"""Where a request goes at its provider."""

import pytest
from fakes import FakeUpstream, chat, make_env, make_exchange

from aigw.dialects import apis
from aigw.providers.config import ProviderConfig
from aigw.providers.higress import provider_type


async def gone_to(config, path="/v1/chat/completions", *, query="", model="m", fidelity="safe"):
    env = make_env(FakeUpstream(), fidelity=fidelity)
    request = chat({"model": model, "messages": [{"role": "user", "content": "hi"}]}, path=path)
    request.query = query
    provider = provider_type(env)(ProviderConfig(**{"type": "openai", **config}), env)
    call = await provider.write(make_exchange(request), request, apis.CHAT, "k")
    return call.request.target


PREPEND = {"base_path": "/llm/", "base_path_handling": "prepend"}
REMOVE = {**PREPEND, "base_path_handling": "removePrefix", "protocol": "original"}


@pytest.mark.parametrize(
    ("config", "path", "target"),
    [
        ({}, "/v1/chat/completions", "/v1/chat/completions"),
        (PREPEND, "/v1/chat/completions", "/llm/v1/chat/completions"),
        (REMOVE, "/llm/v1/chat/completions", "/v1/chat/completions"),
        (REMOVE, "/llm", "/"),
        (REMOVE, "/llmx/v1/chat/completions", "/llmx/v1/chat/completions"),
        ({"provider_base_path": "/at"}, "/v1/chat/completions", "/at/v1/chat/completions"),
        ({"provider_base_path": "/at/v1"}, "/v1/chat/completions", "/at/v1/v1/chat/completions"),
        ({"provider_base_path": "/v1"}, "/v1/chat/completions", "/v1/chat/completions"),
        ({"provider_base_path": "/v"}, "/v1/chat/completions", "/v/v1/chat/completions"),
        ({"type": "generic", "generic_host": "h", "provider_base_path": "/at/"}, "/at/v1/x", "/at/v1/x"),
        ({"provider_base_path": "/at/"}, "/v1/chat/completions", "/at/v1/chat/completions"),
        ({"type": "deepseek"}, "/v1/chat/completions", "/v1/chat/completions"),
    ],
)
async def test_a_base_is_put_before_the_path_or_taken_away(config, path, target):
    assert await gone_to(config, path) == target


async def test_no_key_of_the_client_is_in_the_query_and_the_providers_own_counts():
    assert await gone_to({}, query="a=1&key=secret&b=2") == "/v1/chat/completions?a=1&b=2"
    azure = {
        "type": "azure",
        "azure_service_url": "https://x.openai.azure.com/openai/deployments/d/chat/completions?api-version=7",
    }
    target = await gone_to(azure, query="api%2Dversion=1&b=2")
    assert target == "/openai/deployments/d/chat/completions?api-version=7&b=2"


async def test_higress_passes_the_query_on_and_takes_any_beginning_for_the_base():
    assert (await gone_to({}, query="key=k", fidelity="higress")).endswith("?key=k")
    assert await gone_to(REMOVE, "/llmx/y", fidelity="higress") == "x/y"
    assert await gone_to({"provider_base_path": "/v"}, fidelity="higress") == "/v1/chat/completions"


CUSTOM = {"openai_custom_url": "http://a/x/v1"}
QWEN = {"type": "qwen"}


@pytest.mark.parametrize(
    ("config", "path", "safe", "higress"),
    [
        ({}, "/team/v1/chat/completions", "/v1/chat/completions", ...),
        (CUSTOM, "/v1/chat/completions", "/x/v1/chat/completions", ...),
        ({"openai_custom_url": "http://a/x/completions"}, "/v1/chat/completions", "/x/completions", ...),
        ({"type": "claude"}, "/team/v1/messages", "/v1/messages", ...),
        ({"type": "zhipuai"}, "/v1/chat/completions", ..., ...),
        ({"type": "zhipuai"}, "/team/api/paas/v4/chat/completions", "/api/paas/v4/chat/completions", ...),
        (QWEN, "/team/compatible-mode/v1/chat/completions", "/compatible-mode/v1/chat/completions", "unchanged"),
        (QWEN, "/api/v1/services/any", ..., ...),
        ({"type": "zhipuai"}, "/api/paas/v4/chat/completions", ..., ...),
        ({"type": "generic", "generic_host": "h"}, "/chat/completions", ..., ...),
        ({"type": "generic", "generic_host": "h"}, "/team/v1/chat/completions", ..., ...),
        (
            {"type": "azure", "azure_service_url": "https://a?api-version=7"},
            "/x/completions",
            "/x/completions?api-version=7",
            "unchanged",
        ),
    ],
)
async def test_with_protocol_original_only_the_gateways_part_of_the_path_is_replaced(config, path, safe, higress):
    config = {**config, "protocol": "original"}
    expected = path if safe is ... else safe
    assert await gone_to(config, path) == expected
    assert await gone_to(config, path, fidelity="higress") == (path if higress == "unchanged" else expected)
