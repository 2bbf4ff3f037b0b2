"""What the list of prices knows of providers' models, against the package's own data."""

import asyncio
from datetime import UTC, datetime

import pytest
from genai_prices.data_snapshot import get_snapshot
from prices import AT, price_of

from aigw.pricing.known_models import KnownModel, ProviderModels, known_models
from aigw.pricing.prices import Query


@pytest.fixture(scope="module")
def found():
    wanted = [
        ProviderModels("claude", ["claude-sonnet-4-5-20250929"]),
        ProviderModels("qwen", ["qwen-plus"]),
        ProviderModels("nosuch", []),
    ]
    return asyncio.run(known_models(wanted, AT))


def theirs(id):
    return get_snapshot().find_provider(None, provider_id=id, provider_api_url=None).models


def test_the_models_of_a_vendor(found):
    listed = {each.name: each for each in found[0] if each.listed}
    assert set(listed) == {each.id for each in theirs("anthropic") if not each.deprecated}
    contexts = {each.id: each.context_window for each in theirs("anthropic")}
    assert {name: each.context for name, each in listed.items()} == {name: contexts[name] for name in listed}
    for name, each in listed.items():
        assert each.price == price_of(Query("claude", name), AT)


def test_a_name_with_a_date_is_found_though_it_is_not_listed(found):
    (dated,) = [each for each in found[0] if each.name == "claude-sonnet-4-5-20250929"]
    (plain,) = [each for each in found[0] if each.name == "claude-sonnet-4-5"]
    assert (dated.context, dated.price, dated.listed) == (plain.context, plain.price, False)


def test_what_nobody_knows_is_not_guessed(found):
    assert found[1:] == [[KnownModel(name="qwen-plus")], []]


def test_what_cannot_be_asked_for_is_left_out():
    (found,) = asyncio.run(known_models([ProviderModels("openai", [])], datetime(2026, 9, 1, tzinfo=UTC).timestamp()))
    names = {each.name for each in found}
    assert "gpt-4o" in names
    assert not [name for name in names if name.endswith("-") or name.startswith("ft:")]


def test_a_pricebook_that_fails_leaves_the_names(caplog):
    wanted = [ProviderModels("claude", ["claude-x"])]
    assert asyncio.run(known_models(wanted, float("inf"))) == [[KnownModel(name="claude-x")]]
    assert "prices are unknown" in caplog.text
