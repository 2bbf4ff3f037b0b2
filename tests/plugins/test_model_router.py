"""model-router's rules; the cases R* of tests/conformance say what Higress does with whole configurations."""

import pytest
from fakes import chat
from world import configured, world

from aigw.core.errors import ConfigError

AUTO = {"enable": True, "defaultModel": "small", "rules": [{"pattern": "(?i)code", "model": "coder"}]}


async def routed(request, fidelity="safe", **config):
    """What went upstream."""
    async with world({"model-router": config}, fidelity=fidelity) as it:
        await it.ask(request)
    return it.upstream


def notes(fidelity="safe", **config):
    return configured({"model-router": config}, fidelity=fidelity).notes


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


async def test_a_pattern_that_go_does_not_know_is_named_and_in_higress_skipped():
    auto = {**AUTO, "rules": [{"pattern": "(?<=x)", "model": "a"}, *AUTO["rules"]]}
    with pytest.raises(ConfigError, match=r"autoRouting\.rules\[0\]\.pattern: is not a regular expression"):
        await routed(ask("code"), autoRouting=auto)
    (note,) = notes("higress", autoRouting=auto)
    assert "autoRouting.rules[0].pattern" in note
    assert (await routed(ask("code"), "higress", autoRouting=auto)).json()["model"] == "coder"


def test_rules_that_are_not_enabled_are_noted():
    (note,) = notes(autoRouting={**AUTO, "enable": False})
    assert "plugins.model-router.autoRouting: is not enabled" in note
