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


DIFY = {"id": "d", "type": "dify", "apiTokens": ["k"], "botType": "Chat"}
AZURE = {"id": "z", "type": "azure", "apiTokens": ["k"], "azureServiceUrl": "http://1111"}
TWO = [{"id": "a", **OPENAI}, DIFY]


def test_a_type_that_is_not_spoken_is_noted_where_nothing_chooses_it():
    (problem,) = problems_of({"providers": TWO, "activeProviderId": "a"})
    assert (problem.path, problem.note) == (("providers", 1, "type"), True)
    (problem,) = problems_of({"providers": TWO, "activeProviderId": "a", "fallback": ["d"]})
    assert (problem.path, problem.note, problem.quirk) == (("providers", 1, "type"), False, False)


@pytest.mark.parametrize("other", [AZURE, {"id": "x", "type": "opnai"}, {"type": "builtin"}])
def test_higress_does_not_look_at_providers_that_nothing_chooses(other):
    (problem,) = problems_of({"providers": [{"id": "a", **OPENAI}, other], "activeProviderId": "a"})
    assert (problem.path[:2], problem.note, problem.quirk) == (("providers", 1), False, True)


def test_one_provider_goes_before_several():
    config = msgspec.convert({"provider": OPENAI, "providers": TWO, "activeProviderId": "d"}, ai_proxy.Config)
    assert [each.type for each in config.active()] == ["openai"]
    assert [(problem.path, problem.note) for problem in ai_proxy.check(config)] == [
        (("providers", 1, "type"), True), (("provider",), True)
    ]  # fmt: skip
    assert problems_of({"provider": OPENAI, "providers": TWO[:1]}) == []


def test_of_one_id_the_first_counts():
    config = {"providers": [{"id": "a", **OPENAI}, {"id": "a", "type": "builtin"}], "activeProviderId": "a"}
    assert [each.type for each in msgspec.convert(config, ai_proxy.Config).active()] == ["openai"]


@pytest.mark.parametrize(
    "provider, key, quirk, words",
    [
        (
            {"capabilities": {"openai/v1/chatcompletion": "/x"}},
            "openai/v1/chatcompletion",
            True,
            "mean 'openai/v1/chatc",
        ),
        ({"basePath": "team"}, "basePath", True, "begin with /"),
        ({"providerBasePath": "team"}, "providerBasePath", True, "begin with /"),
        ({"capabilities": {"openai/v1/embeddings": "e"}}, "openai/v1/embeddings", True, "begin with /"),
        ({"reasoningContentMode": "hide"}, "reasoningContentMode", True, "passthrough, ignore, concat"),
        ({"customSettings": [{"name": "top_k", "value": 1}]}, "name", False, "'top_k' has no effect in mode auto"),
        (
            {"customSettings": [{"name": "seed", "value": 1}], "protocol": "original"},
            "customSettings",
            False,
            "no effect",
        ),
        ({"authHeaderKey": "x-key"}, "authHeaderKey", False, "not used"),
        ({"apiKeyAffinity": {"enabled": True}}, "apiKeyAffinity", False, "not used"),
    ],
)
def test_what_has_no_effect_is_told(provider, key, quirk, words):
    (problem,) = problems_of({"provider": {**OPENAI, **provider}})
    assert (problem.path[-1], problem.quirk, problem.note) == (key, quirk, not quirk)
    assert words in problem.message


@pytest.mark.parametrize(
    "keys, ours, theirs",
    [
        (["provider"], CHOICE := ("activeProviderId", "weights", "fallback", "byModel"), CHOICE),
        (["activeProviderId"], ("provider",), ("provider",)),
        (["providers", "fallback"], ("provider",), ("provider",)),
        ([], (), ("provider", *CHOICE)),
    ],
)
def test_a_rule_chooses_its_provider_in_one_way(keys, ours, theirs):
    assert ai_proxy.not_inherited(keys, exact=False) == ours
    assert ai_proxy.not_inherited(keys, exact=True) == theirs
