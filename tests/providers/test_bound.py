"""What one provider's configuration makes of a request."""

import json

import pytest
from fakes import FakeUpstream, chat, make_env, make_exchange

from aigw.providers import apis
from aigw.providers.bound import BoundProvider
from aigw.providers.config import ProviderConfig

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
        ({"type": "gemini"}, "m"),
        ({"type": "openai"}, "m"),
        ({"type": "qwen", "qwen_enable_compatible": False}, "m"),
        ({"type": "qwen"}, None),
    ],
)
async def test_a_body_without_a_model_gets_the_mapping_of_any(config, expected):
    """P13 to P15"""
    body = await written(ProviderConfig(**config, model_mapping={"*": "m"}), HELLO)
    assert body.get("model") == expected
