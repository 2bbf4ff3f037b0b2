"""model-router's rules; the cases R* of tests/conformance say what Higress does with whole configurations."""

import msgspec
import pytest
from fakes import FakeUpstream, chat, make_env, make_exchange, terminal

from aigw.core.model import Origin, Route, Target
from aigw.plugins import model_router

ROUTE = Route("r", "", Target(Origin("http", "127.0.0.1", 1), "up"))
AUTO = {"enable": True, "defaultModel": "small", "rules": [{"pattern": "(?i)code", "model": "coder"}]}


async def routed(request, **config):
    """What went upstream."""
    upstream = FakeUpstream()
    config = msgspec.convert(config, model_router.Config)
    async with model_router.build(config, make_env(upstream)) as plugin:
        exchange = make_exchange(request, route=ROUTE)
        await plugin(exchange, terminal(upstream))
        await exchange.aclose()
    return upstream


def ask(text, model="higress/auto"):
    return chat({"model": model, "messages": [{"role": "user", "content": text}]})


async def test_the_name_may_stay():
    upstream = await routed(chat({"model": "a/b"}), addProviderHeader="x-p", keepOriginalModelName=True)
    assert (upstream.last.headers["x-p"], upstream.json()["model"]) == ("a", "a/b")


async def test_a_clients_own_header_is_replaced():
    upstream = await routed(chat({"model": "b"}, headers={"x-m": "forged"}), modelToHeader="x-m")
    assert upstream.last.headers.getall("x-m") == ["b"]


async def test_a_model_cannot_smuggle_headers():
    upstream = await routed(chat({"model": "a\r\nx-evil: 1"}), modelToHeader="x-m")
    assert upstream.last.headers["x-m"] == "a??x-evil: 1"


@pytest.mark.parametrize("path", ["/v1/models", "/other"])
async def test_other_paths_are_left_alone(path):
    upstream = await routed(chat({"model": "a/b"}, path=path), addProviderHeader="x-p")
    assert "x-p" not in upstream.last.headers


async def test_a_body_that_is_no_json_passes():
    upstream = await routed(chat(b'{"model":'), addProviderHeader="x-p")
    assert upstream.last.body == b'{"model":'


@pytest.mark.parametrize(
    ("content", "model"),
    [
        ("write CODE", "coder"),
        ("hello", "small"),
        ([{"type": "image_url"}, {"type": "text", "text": "code"}, {"type": "text", "text": "x"}], "coder"),
        (None, "small"),
        ("x" * 50_000 + "code", "coder"),
    ],
)
async def test_auto(content, model):
    upstream = await routed(ask(content), autoRouting=AUTO)
    assert (upstream.json()["model"], upstream.last.headers["x-higress-llm-model"]) == (model, model)


@pytest.mark.parametrize("body", [{"model": "higress/auto"}, {"model": "higress/auto", "messages": "?"}])
async def test_auto_without_messages(body):
    assert (await routed(chat(body), autoRouting=AUTO)).json()["model"] == "small"


async def test_auto_without_a_default_leaves_the_model():
    upstream = await routed(ask("hello"), autoRouting={**AUTO, "defaultModel": ""})
    assert upstream.json()["model"] == "higress/auto"


async def test_a_pattern_that_go_does_not_know_is_named_and_skipped():
    rules = [{"pattern": "(?<=x)", "model": "a"}, *AUTO["rules"]]
    config = msgspec.convert({"autoRouting": {**AUTO, "rules": rules}}, model_router.Config)
    (problem,) = model_router.check(config)
    assert (problem.path, problem.quirk) == (("autoRouting", "rules", 0, "pattern"), True)
    assert (await routed(ask("code"), autoRouting={**AUTO, "rules": rules})).json()["model"] == "coder"


def test_rules_that_are_not_enabled_are_noted():
    config = msgspec.convert({"autoRouting": {**AUTO, "enable": False}}, model_router.Config)
    assert [problem.note for problem in model_router.check(config)] == [True]
