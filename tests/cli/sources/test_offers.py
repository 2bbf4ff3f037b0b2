"""Which names come to which provider, as the router has it."""

import json

from aigw.cli.sources.offers import offers
from aigw.config.load import load


def offered(proxy, **plugins):
    text = json.dumps({"plugins": {**plugins, "ai-proxy": proxy}}).encode()
    return {each.name: each for each in offers(load(None, {}, text=text))}


def provider(id, type="openai", **more):
    return {"id": id, "type": type, "apiTokens": ["k"], **more}


def test_one_provider_takes_every_name():
    found = offered({"provider": {"type": "openai"}})["openai"]
    assert (found.role, found.patterns, found.lacks_key) == ("default", [], True)
    assert found.named == {"gpt-4o-mini": []}
    assert found.takes("anything")


def test_what_it_maps_is_an_alias_of_what_it_gets():
    mapping = {"gpt-4*": "qwen-max", "gpt-4-turbo": "qwen-max", "~^o(.)$": "qwen-$1", "x": "", "*": "qwen-plus"}
    found = offered({"provider": {"type": "qwen", "apiTokens": ["k"], "modelMapping": mapping}})["qwen"]
    assert found.named == {"qwen-max": ["gpt-4*", "gpt-4-turbo"], "qwen-plus": ["*"]}
    assert not found.takes("qwen-max")  # `*` makes qwen-plus of it
    assert found.takes("qwen-plus")


def test_names_lead_to_providers():
    providers = [provider("a"), provider("b", "claude"), provider("c", "qwen")]
    proxy = {
        "providers": providers,
        "activeProviderId": "a",
        "byModel": {"claude*": "b", "best": "b"},
        "fallback": ["c"],
    }
    found = offered(proxy)
    assert {name: each.role for name, each in found.items()} == {"a": "default", "b": "", "c": "fallback"}
    assert found["b"].patterns == ["claude*", "best"]
    assert found["b"].named == {"best": [], "claude-sonnet-4-5": []}
    assert found["a"].reaches("gpt-x")
    assert not found["a"].reaches("claude-x")
    assert found["b"].reaches("claude-x")
    assert not found["b"].reaches("gpt-x")
    assert found["c"].reaches("gpt-x")


def test_a_name_in_by_model_that_the_provider_maps():
    proxy = {"providers": [provider("a", modelMapping={"*": "gpt-x"})], "byModel": {"fast": "a"}}
    assert offered(proxy)["a"].named == {"gpt-x": ["*", "fast"]}


def test_shares():
    proxy = {"providers": [provider("a"), provider("b")], "weights": {"a": 3, "b": 1}}
    found = offered(proxy)
    assert [each.role for each in found.values()] == ["3 of 4 requests", "1 of 4 requests"]
    assert found["b"].takes("gpt-x")


def test_built_in_models_are_there_where_nothing_maps_them():
    named = offered({"provider": {"type": "builtin"}})["builtin"].named
    assert list(named)[:2] == ["echo", "mock"]
    assert offered({"provider": {"type": "builtin", "modelMapping": {"*": "mock"}}})["builtin"].named == {"mock": ["*"]}


def test_a_mapper_in_front():
    mapper = {"modelMapping": {"small": "gpt-4o-mini", "none": ""}}
    found = offered({"provider": {"type": "openai", "apiTokens": ["k"]}}, **{"model-mapper": mapper})["openai"]
    assert found.named == {"gpt-4o-mini": ["small"]}


def test_a_server_of_ones_own_has_no_models_of_the_vendor():
    own = {"type": "openai", "openaiCustomUrl": "http://127.0.0.1:8000/v1"}
    found = offered({"provider": own})["openai"]
    assert (found.named, found.lacks_key, found.is_likely("gpt-4o")) == ({}, False, False)


def test_without_a_provider_there_are_none():
    assert offers(load(None, {}, text=b"{}")) == []
