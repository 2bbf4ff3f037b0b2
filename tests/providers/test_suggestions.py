"""The models that a person is told to try."""

import pytest

from aigw.core.tokens import Tokens
from aigw.dialects import apis
from aigw.pricing.prices import Prices, Query
from aigw.providers.catalog import CATALOG
from aigw.providers.config import ProviderConfig
from aigw.providers.suggestions import apis_to_try, lacks_key, models_to_try, variable_of
from aigw.providers.well_known import WELL_KNOWN

BUILTIN = ProviderConfig(type="builtin", id="b")
OPENAI = ProviderConfig(type="openai", id="o")


def test_every_provider_has_one_that_is_known_for_it():
    assert CATALOG.keys() - WELL_KNOWN.keys() == {"builtin", "vllm", "generic", "coze"}
    assert not WELL_KNOWN.keys() - CATALOG.keys()


@pytest.mark.parametrize(
    ("providers", "by_model", "builtin", "first"),
    [
        ([], {}, [], None),
        ([BUILTIN], {}, ["echo", "mock"], "echo"),
        ([OPENAI, BUILTIN], {"mock": "b"}, ["mock"], "mock"),
        ([OPENAI, BUILTIN], {}, [], "gpt-4o-mini"),
        ([BUILTIN, OPENAI], {"echo": "o"}, ["mock"], "mock"),
        ([ProviderConfig(type="vllm", id="v")], {}, [], None),
        ([ProviderConfig(type="vllm", id="v")], {"my-*": "v", "mine": "v"}, [], "mine"),
    ],
)
def test_what_is_reached(providers, by_model, builtin, first):
    found = models_to_try(providers, by_model)
    assert (found[0], next(iter(found[1]), None)) == (builtin, first)


def test_who_needs_a_key():
    assert lacks_key(OPENAI)
    assert not lacks_key(ProviderConfig(type="openai", api_tokens=["k"]))
    assert not lacks_key(BUILTIN)
    assert (variable_of("qwen"), variable_of("vllm")) == ("DASHSCOPE_API_KEY", "")


OWN = ProviderConfig(type="openai", id="own", openai_custom_url="http://192.168.1.2:8000/v1")


def test_a_server_of_ones_own_has_its_own_models_and_needs_no_key():
    assert models_to_try([OWN], {}) == ([], [])
    assert not lacks_key(OWN)
    moved = ProviderConfig(type="openai", openai_custom_url="https://llm.example.com/v1")
    assert (models_to_try([moved], {})[1], lacks_key(moved)) == (["gpt-4o-mini"], True)


@pytest.mark.parametrize(
    ("providers", "by_model", "api", "model"),
    [
        ([BUILTIN], {}, apis.CHAT, "echo"),
        ([BUILTIN], {}, apis.MESSAGES, "echo"),
        ([OPENAI], {}, apis.RESPONSES, "gpt-4o-mini"),
        ([OPENAI], {}, apis.MESSAGES, "gpt-4o-mini"),
        ([OPENAI], {}, apis.GENERATE_CONTENT, "gpt-4o-mini"),
        ([ProviderConfig(type="bedrock")], {}, apis.RESPONSES, "anthropic.claude-3-5-haiku-20241022-v1:0"),
        ([ProviderConfig(type="claude")], {}, apis.EMBEDDINGS, None),
        ([ProviderConfig(type="claude")], {}, apis.CHAT, "claude-sonnet-4-5"),
        ([OPENAI, ProviderConfig(type="claude", id="c")], {"claude*": "c"}, apis.MESSAGES, "claude-sonnet-4-5"),
        ([OPENAI, ProviderConfig(type="claude", id="c")], {"gpt*": "o"}, apis.MESSAGES, "gpt-4o-mini"),
        ([ProviderConfig(type="gemini")], {}, apis.GENERATE_CONTENT, "gemini-2.5-flash"),
        ([OWN], {}, apis.CHAT, ""),
        ([ProviderConfig(type="generic")], {}, apis.MESSAGES, ""),
        ([], {}, apis.CHAT, None),
    ],
)
def test_which_apis_are_answered_and_with_which_model(providers, by_model, api, model):
    assert apis_to_try(providers, by_model).get(api) == model


async def test_the_usual_ones_have_a_price():
    """So that a budget that refuses what has no price lets them in."""
    prices, at = Prices(), 1_795_000_000.0
    for name in ("gpt-4o-mini", "claude-sonnet-4-5", "gemini-2.5-flash", "deepseek-chat"):
        await prices.prepare(Query("", name), at)
        assert prices.cost(Tokens(input=1, output=1, source="reported"), Query("", name), at, {})


@pytest.mark.parametrize("url", ["http://192.168.1.2:8000/v1", "http://[::1", "x"])
def test_the_url_of_another_type_does_not_count(url):
    beside = ProviderConfig(type="qwen", openai_custom_url=url)
    assert (models_to_try([beside], {})[1], lacks_key(beside)) == (["qwen-plus"], True)
