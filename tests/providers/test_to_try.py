"""The models that a person is told to try."""

import pytest

from aigw.core.tokens import Tokens
from aigw.pricing.prices import Prices, Query
from aigw.providers.catalog import CATALOG
from aigw.providers.config import ProviderConfig
from aigw.providers.to_try import WELL_KNOWN, lacks_key, models_to_try, variable_of

BUILTIN = ProviderConfig(type="builtin", id="b")
OPENAI = ProviderConfig(type="openai", id="o")


def test_every_provider_has_one_that_is_known_for_it():
    assert CATALOG.keys() - WELL_KNOWN.keys() == {"builtin", "vllm", "generic"}
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


async def test_the_usual_ones_have_a_price():
    """So that a budget that refuses what has no price lets them in."""
    prices, at = Prices(), 1_795_000_000.0
    for name in ("gpt-4o-mini", "claude-sonnet-4-5", "gemini-2.5-flash", "deepseek-chat"):
        await prices.prepare(Query("", name), at)
        assert prices.cost(Tokens(input=1, output=1, source="reported"), Query("", name), at, {})
