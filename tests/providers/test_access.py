"""Only the keys of a provider's own type have an effect. `test_google.py` and `test_aws.py` say what they do."""

import pytest
from ai_proxy_world import HELLO, once
from fakes import FakeUpstream, answer_json, chat, make_env

from aigw.providers.access import Access, access_of
from aigw.providers.config import ProviderConfig
from aigw.providers.lookup import lookup

CHAT = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "yo"}, "finish_reason": "stop"}]}


@pytest.mark.parametrize("type_", ["openai", "gemini", "claude", "bedrock"])
def test_the_key_of_a_service_account_is_vertex_s(type_):
    config = ProviderConfig(type=type_, api_tokens=["k"], vertex_auth_key="no key at all")
    assert access_of(config, lookup(type_), make_env(FakeUpstream())) == Access()


def test_only_bedrock_signs():
    config = ProviderConfig(type="vertex", aws_access_key="AKID", aws_secret_key="s", aws_region="r")
    assert access_of(config, lookup("vertex"), make_env(FakeUpstream())) == Access()
    assert access_of(config, lookup("bedrock"), make_env(FakeUpstream())).sign is not None


async def test_a_provider_with_the_key_of_another_type_is_asked_as_ever():
    provider = {"type": "openai", "apiTokens": ["k"], "vertexAuthKey": "no key at all", "awsAccessKey": "AKID"}
    upstream, reply, _ = await once({"provider": provider}, chat(HELLO), answer_json(CHAT))
    assert (reply.status, upstream.sent[0][0].headers["authorization"]) == (200, "Bearer k")
