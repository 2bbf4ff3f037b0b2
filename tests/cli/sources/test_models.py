"""What is told of the models: in which order, at which price, and what providers list themselves."""

import asyncio
import json

import pytest
from answering import answering

from aigw.cli.sources.models import models_of
from aigw.config.load import load
from aigw.pricing.prices import FREE

MAPPED = {"type": "qwen", "apiTokens": ["k"], "modelMapping": {"gpt-4*": "qwen-max", "*": "qwen-plus"}}


def told(proxy, wanted=None, *, live=False, **config):
    loaded = load(None, {}, text=json.dumps({**config, "plugins": {"ai-proxy": proxy}}).encode())
    return asyncio.run(models_of(loaded, {}, wanted, live=live))


def test_those_of_the_configuration_come_first_in_its_order():
    (found,) = told({"provider": MAPPED}, prices={"qwen-max*": {"input": 1.6, "output": 6.4}})
    assert [(each.name, list(each.aliases)) for each in found.models] == [
        ("qwen-max", ["gpt-4*"]),
        ("qwen-plus", ["*"]),
    ]
    assert found.models[0].price.steps == {"input": [(-1, 1.6)], "output": [(-1, 6.4)]}
    assert (found.models[1].price, found.models[1].context) == (None, None)


def test_what_the_list_of_prices_has_comes_behind_them_the_newest_first():
    (found,) = told({"provider": {"type": "claude", "apiTokens": ["k"]}})
    names = [each.name for each in found.models]
    assert names[0] == "claude-sonnet-4-5"
    assert names.index("claude-opus-5") < names.index("claude-opus-4-8") < names.index("claude-opus-4-1")
    assert not [name for name in names if not name.startswith("claude")]
    assert all(each.context and each.price for each in found.models[:5])


def test_local_models_are_free():
    (found,) = told({"provider": {"type": "builtin"}})
    assert [each.name for each in found.models][:2] == ["echo", "mock"]
    assert all(each.price is FREE for each in found.models)


def test_a_provider_tells_its_own_models():
    body = json.dumps({"object": "list", "data": [{"id": "gpt-4o"}, {"id": "brand-new"}]}).encode()
    with answering(body, 200) as port:
        services = {"api.openai.com": f"http://127.0.0.1:{port}"}
        proxy = {"provider": {"type": "openai", "apiTokens": ["k"], "modelMapping": {"best": "gpt-4o"}}}
        (found,) = told(proxy, live=True, services=services)
    assert [(each.name, each.named) for each in found.models] == [
        ("gpt-4o", True), ("gpt-4o-mini", True), ("brand-new", False),
    ]  # fmt: skip
    assert (found.models[0].context, found.models[2].price, found.fault) == (128_000, None, "")


def test_a_provider_that_tells_none():
    with answering(b'{"error": {"message": "who are you?"}}', 401) as port:
        services = {"api.anthropic.com": f"http://127.0.0.1:{port}"}
        (found,) = told({"provider": {"type": "claude", "apiTokens": ["k"]}}, live=True, services=services)
    assert found.fault.startswith("does not list its models: ")
    assert "who are you?" in found.fault
    assert len(found.models) > 5


def test_one_provider():
    providers = [{"id": "a", "type": "builtin"}, {**MAPPED, "id": "b"}]
    proxy = {"providers": providers, "weights": {"a": 1, "b": 1}}
    assert [each.offer.name for each in told(proxy, "b")] == ["b"]
    assert [each.offer.name for each in told(proxy, "builtin")] == ["a"]
    with pytest.raises(ValueError, match="there is no provider 'c'; there are a, b"):
        told(proxy, "c")
