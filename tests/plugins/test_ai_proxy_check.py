"""What `check` finds, so that a configuration that is right can be served, and what it only notes."""

import msgspec
import pytest
from world import world

from aigw.plugins import ai_proxy

OPENAI = {"type": "openai", "apiTokens": ["k"]}


def problems_of(config):
    return ai_proxy.check(msgspec.convert(config, ai_proxy.Config))


@pytest.mark.parametrize(
    "provider, key",
    [
        ({"type": "qwen", "qwenDomain": "a:b"}, ("qwenDomain",)),
        ({"type": "qwen", "qwenDomain": "a:b", "protocol": "original"}, ("qwenDomain",)),
        ({"type": "doubao", "doubaoDomain": "https://x"}, ("doubaoDomain",)),
        ({"type": "vllm", "vllmServerHost": "a b"}, ("vllmServerHost",)),
        ({"type": "generic", "genericHost": "h:99999"}, ("genericHost",)),
        ({"type": "ollama", "ollamaServerHost": "a/b", "ollamaServerPort": 1}, ("ollamaServerHost",)),
        ({"type": "openai", "openaiCustomUrl": "http://a b/v1"}, ("openaiCustomUrl",)),
        ({"type": "openai", "providerDomain": "a:bc"}, ("providerDomain",)),
        ({"type": "builtin", "providerDomain": "a:bc"}, ("providerDomain",)),
        ({"type": "openai", "context": {"fileUrl": "ftp://x/y", "serviceName": "s"}}, ("context", "fileUrl")),
        ({"type": "openai", "context": {"fileUrl": "ctx/y", "serviceName": "s"}}, ("context", "fileUrl")),
    ],
)  # fmt: skip
def test_an_address_that_is_none(provider, key):
    (problem,) = problems_of({"provider": {"apiTokens": ["k"], **provider}})
    assert problem.path == ("provider", *key)
    assert not problem.quirk
    assert not problem.note


@pytest.mark.parametrize("port", [-1, 65536, 99999])
@pytest.mark.parametrize(
    "config", [{"ollamaServerPort": ...}, {"context": {"fileUrl": "http://x", "serviceName": "s", "servicePort": ...}}]
)
def test_a_port_that_is_none(config, port):
    def put(value):
        return port if value is ... else {k: put(v) for k, v in value.items()} if isinstance(value, dict) else value

    with pytest.raises(msgspec.ValidationError, match="Port"):
        msgspec.convert({"provider": {**OPENAI, **put(config)}}, ai_proxy.Config)


def test_an_address_and_a_note_are_both_told():
    provider = {**OPENAI, "type": "minimax", "minimaxGroupId": "g", "providerDomain": "a:bc"}
    assert {(problem.path[-1], problem.note) for problem in problems_of({"provider": provider})} == {
        ("providerDomain", False),
        ("minimaxGroupId", True),
    }


def test_one_id_is_one_provider():
    config = {"providers": [{"id": "a", **OPENAI}, {"id": "b", **OPENAI}, {"id": "a", "type": "builtin"}]}
    (problem,) = problems_of(config)
    assert problem.path == ("providers", 2, "id")
    assert "'a'" in problem.message
    assert problem.quirk


def test_a_key_of_by_model_that_is_no_expression():
    (problem,) = problems_of({"providers": [{"id": "a", **OPENAI}], "byModel": {"~(": "a"}})
    assert problem.path == ("byModel",)
    assert "'~('" in problem.message


@pytest.mark.parametrize(
    "provider, key",
    [
        ({"type": "moonshot", "moonshotFileId": "f"}, "moonshotFileId"),
        ({"type": "minimax", "minimaxGroupId": "g"}, "minimaxGroupId"),
    ],
)
def test_what_is_not_used_is_noted(provider, key):
    (problem,) = problems_of({"provider": {"apiTokens": ["k"], **provider}})
    assert problem.path == ("provider", key)
    assert problem.note
    assert problem.message == "is not used by this version"


@pytest.mark.parametrize(
    "provider",
    [
        {"type": "qwen", "qwenDomain": "dashscope-intl.aliyuncs.com:8443"},
        {"type": "ollama", "ollamaServerHost": "::1", "ollamaServerPort": 11434},
        {"type": "openai", "providerDomain": "[::1]:80", "context": {"fileUrl": "http://[::1]:9/x?y", "serviceName": "s"}},
        {"type": "claude", "apiVersion": "2023-06-01"},
        {"type": "generic"},
        {"type": "builtin"},
    ],
)  # fmt: skip
async def test_what_is_right_is_built(provider):
    config = {"provider": {"apiTokens": ["k"], **provider}}
    assert problems_of(config) == []
    async with world({"ai-proxy": config}) as it:
        assert it.loaded.notes == []


@pytest.mark.parametrize(
    "provider, notes",
    [
        ({"type": "openai"}, 1),
        ({"type": "openai", "apiTokens": ["k"]}, 0),
        ({"type": "openai", "openaiCustomUrl": "http://127.0.0.1:8000/v1"}, 0),
        ({"type": "openai", "providerDomain": "local.test"}, 0),
        ({"type": "ollama", "ollamaServerHost": "127.0.0.1", "ollamaServerPort": 11434}, 0),
        ({"type": "vllm"}, 0),
        ({"type": "builtin"}, 0),
    ],
)
def test_a_provider_without_a_key_is_noted(provider, notes):
    problems = problems_of({"provider": provider})
    assert [problem.note for problem in problems] == [True] * notes
    assert all("key that the client sends" in problem.message for problem in problems)


@pytest.mark.parametrize("token", ["a\nb", "a\x7fb"])
def test_a_key_that_cannot_be_sent(token):
    (problem,) = problems_of({"provider": {"type": "openai", "apiTokens": ["k", token]}})
    assert problem.path == ("provider", "apiTokens", 1)
    assert "line break" in problem.message


@pytest.mark.parametrize("more", [{}, {"capabilities": {"openai/v1/chatcompletions": "/x"}}])
def test_a_provider_that_is_not_as_in_higress_would_refuse_each_request(more):
    problems = problems_of({"provider": {"type": "bedrock", "awsRegion": "r", "apiTokens": ["k"], **more}})
    assert [problem.path[-1] for problem in problems if problem.higress_only] == ([] if more else ["type"])
