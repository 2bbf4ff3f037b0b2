"""The models of several providers: one that answers nonsense is left out, the others are listed."""

import json

import pytest
from fakes import Answer, FakeUpstream, answer_json, make_env, make_exchange
from multidict import CIMultiDict

from aigw.core.model import Request
from aigw.providers.bound import BoundProvider
from aigw.providers.config import ProviderConfig
from aigw.providers.models import list_models
from aigw.providers.named_models import NamedModels


async def listed(*script, answers=lambda provider, model: True):
    """The ids that come of one answer a provider."""
    env = make_env(FakeUpstream(*script))
    providers = [BoundProvider(ProviderConfig(type="openai", id=f"p{index}"), env) for index in range(len(script))]
    request = Request("GET", "/v1/models", "", CIMultiDict())
    exchange = make_exchange(request)
    reply = await list_models(
        exchange, request, providers, env, answers=answers, named=NamedModels(providers, (), answers)
    )
    answer = json.loads(await reply.body())
    await exchange.aclose()
    return [model["id"] for model in answer["data"]]


@pytest.mark.parametrize(
    "body",
    [b'{"data":["xidx"]}', b'{"data":[{"id":{"a":1}}]}', b'{"data":[{"id":5}]}', b'{"data":7}', b"[]", b"\xff",
     b"[" * 5000, b'{"data":[{"id":"x","deep":' + b"[" * 200_000 + b"]" * 200_000 + b"}]}", b'{"data":[{"id":"\xff"}]}'],
)  # fmt: skip
async def test_nonsense_of_one_provider_does_not_hide_the_others(body):
    assert await listed(Answer(pieces=[body]), answer_json({"data": [{"id": "m"}]})) == ["m"]


async def test_what_is_a_model_beside_nonsense_is_listed():
    assert await listed(answer_json({"data": [1, {"id": "a"}, {}, {"id": "b"}]})) == ["a", "b"]


@pytest.mark.parametrize("told", [{"error": "busy"}, {"code": 500, "msg": "busy"}, {"success": False}])
async def test_a_failure_beside_an_empty_list_is_a_failure(told, caplog):
    assert await listed(answer_json({"data": [], **told}), answer_json({"data": [{"id": "m"}]})) == ["m"]
    assert "the models of 'p0' are not listed" in caplog.text


async def test_a_provider_that_refuses_is_left_out_and_named(caplog):
    assert await listed(answer_json({"data": [{"id": "x"}]}, 401), answer_json({"data": [{"id": "m"}]})) == ["m"]
    assert "the models of 'p0' are not listed: api.openai.com answered 401" in caplog.text


async def test_a_model_that_goes_to_another_provider_is_not_listed():
    def answers(provider, model):
        return provider.name == {"a": "p0", "b": "p1"}.get(model)

    both = answer_json({"data": [{"id": "a"}, {"id": "b"}, {"id": "c"}]})
    assert await listed(both, both, answers=answers) == ["a", "b"]
