"""The rules of one provider, with what its configuration adds."""

import msgspec
import pytest

from aigw.providers.config import ProviderConfig
from aigw.providers.configured_rules import rules_of
from aigw.providers.lookup import lookup


def rules(**keys):
    config = msgspec.convert(keys, ProviderConfig)
    return rules_of(config, lookup(config.type))


def test_what_the_configuration_adds():
    found = rules(type="gemini", geminiSafetySetting={"c": "t"}, geminiThinkingBudget=5, apiVersion="v1")
    assert (found.maker, found.safety, found.thinking_budget, found.version) == ("gemini", {"c": "t"}, 5, "v1")


def test_bedrock_caches_behind_the_system_text_if_it_shall():
    assert rules(type="bedrock").cache_points == ()
    found = rules(type="bedrock", promptCacheRetention="24h")
    assert (found.cache_points, found.cache_lifetime) == (("system",), "1h")
    chosen = {"lastMessage": True}
    found = rules(type="bedrock", promptCacheRetention="in_memory", bedrockPromptCachePointPositions=chosen)
    assert (found.cache_points, found.cache_lifetime) == (("last message",), "")
    with pytest.raises(ValueError, match="neither"):
        rules(type="bedrock", promptCacheRetention="1h")
