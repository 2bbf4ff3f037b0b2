"""Every row of the catalog: host, auth, paths, and what its configuration must hold."""

from typing import Any

import pytest

from aigw.dialects import apis
from aigw.providers.catalog import CATALOG
from aigw.providers.endpoint import locate
from aigw.providers.lookup import KNOWN_ELSEWHERE, lookup
from aigw.providers.provider import API_KEY, BARE, BEARER, X_API_KEY, X_GOOG_API_KEY

HIGRESS_TYPES = [
    "moonshot",
    "azure",
    "ai360",
    "github",
    "qwen",
    "openai",
    "groq",
    "grok",
    "baichuan",
    "yi",
    "deepseek",
    "zhipuai",
    "ollama",
    "claude",
    "baidu",
    "hunyuan",
    "stepfun",
    "minimax",
    "cloudflare",
    "spark",
    "gemini",
    "deepl",
    "mistral",
    "cohere",
    "doubao",
    "coze",
    "together-ai",
    "dify",
    "bedrock",
    "vertex",
    "triton",
    "openrouter",
    "longcat",
    "fireworks",
    "galadriel",
    "vllm",
    "generic",
    "kling",
]

TOKENS: dict[str, Any] = {"apiTokens": ["k"]}
NEEDS: dict[str, dict[str, Any]] = {
    "vertex": {"vertexAuthKey": "x", "vertexRegion": "r", "vertexProjectId": "p"},
    "bedrock": {"awsAccessKey": "a", "awsSecretKey": "s", "awsRegion": "us-east-1"},
    "azure": {"azureServiceUrl": "https://r.openai.azure.com?api-version=2024-02-01"},
    "ollama": {"ollamaServerHost": "127.0.0.1", "ollamaServerPort": 11434},
    "cloudflare": {"cloudflareAccountId": "acc"},
}

CHAT_PATHS = [
    ("ai360", "https://api.360.cn:443", "/v1/chat/completions"),
    ("azure", "https://r.openai.azure.com:443", "/openai/deployments/m/chat/completions"),
    ("baichuan", "https://api.baichuan-ai.com:443", "/v1/chat/completions"),
    ("baidu", "https://qianfan.baidubce.com:443", "/v2/chat/completions"),
    ("cloudflare", "https://api.cloudflare.com:443", "/client/v4/accounts/acc/ai/v1/chat/completions"),
    ("cohere", "https://api.cohere.com:443", "/compatibility/v1/chat/completions"),
    ("deepseek", "https://api.deepseek.com:443", "/v1/chat/completions"),
    ("doubao", "https://ark.cn-beijing.volces.com:443", "/api/v3/chat/completions"),
    ("fireworks", "https://api.fireworks.ai:443", "/v1/chat/completions"),
    ("galadriel", "https://api.galadriel.com:443", "/v1/chat/completions"),
    ("github", "https://models.inference.ai.azure.com:443", "/chat/completions"),
    ("grok", "https://api.x.ai:443", "/v1/chat/completions"),
    ("groq", "https://api.groq.com:443", "/openai/v1/chat/completions"),
    ("hunyuan", "https://api.hunyuan.cloud.tencent.com:443", "/v1/chat/completions"),
    ("longcat", "https://api.longcat.chat:443", "/v1/chat/completions"),
    ("minimax", "https://api.minimax.chat:443", "/v1/text/chatcompletion_v2"),
    ("mistral", "https://api.mistral.ai:443", "/v1/chat/completions"),
    ("moonshot", "https://api.moonshot.cn:443", "/v1/chat/completions"),
    ("ollama", "http://127.0.0.1:11434", "/v1/chat/completions"),
    ("openai", "https://api.openai.com:443", "/v1/chat/completions"),
    ("openrouter", "https://openrouter.ai:443", "/api/v1/chat/completions"),
    ("qwen", "https://dashscope.aliyuncs.com:443", "/compatible-mode/v1/chat/completions"),
    ("spark", "https://spark-api-open.xf-yun.com:443", "/v1/chat/completions"),
    ("stepfun", "https://api.stepfun.com:443", "/v1/chat/completions"),
    ("together-ai", "https://api.together.xyz:443", "/v1/chat/completions"),
    ("vllm", "http://vllm-service.cluster.local:8000", "/v1/chat/completions"),
    ("yi", "https://api.lingyiwanwu.com:443", "/v1/chat/completions"),
    ("zhipuai", "https://open.bigmodel.cn:443", "/api/paas/v4/chat/completions"),
]
WITHOUT_TOKENS = {"bedrock", "vertex", "openai", "ollama", "generic", "vllm", "builtin", "spark", "hunyuan"}
AUTHS = {"ai360": BARE, "azure": API_KEY, "builtin": None, "claude": X_API_KEY, "gemini": X_GOOG_API_KEY,
         "github": BARE, "ollama": None}  # fmt: skip


def config_of(type_: str, **more: Any) -> dict[str, Any]:
    return {"type": type_, **TOKENS, **NEEDS.get(type_, {}), **more}


def test_the_catalog_and_the_list_of_unspoken_types_are_higress_types_and_builtin() -> None:
    assert set(CATALOG) | KNOWN_ELSEWHERE == {*HIGRESS_TYPES, "builtin"}
    assert not set(CATALOG) & KNOWN_ELSEWHERE


@pytest.mark.parametrize(("type_", "origin", "path"), CHAT_PATHS)
def test_where_chat_goes(type_: str, origin: str, path: str) -> None:
    endpoint = locate(CATALOG[type_], config_of(type_), own_paths=False)
    assert str(endpoint.origin) == origin
    assert endpoint.path_of(apis.CHAT, "/x/v1/chat/completions", "m") == path
    assert endpoint.origin is not None and endpoint.origin.tls_name == (
        endpoint.origin.host if origin.startswith("https") else ""
    )


def test_every_type_stands_in_the_table_of_chat_paths() -> None:
    assert {type_ for type_, _, _ in CHAT_PATHS} == set(CATALOG) - {
        "generic",
        "coze",
        "builtin",
        "claude",
        "bedrock",
        "vertex",
        "gemini",
    }


@pytest.mark.parametrize(("type_", "own"), [("claude", apis.MESSAGES), ("gemini", apis.GENERATE_CONTENT)])
def test_some_speak_their_own_format_alone(type_: str, own: str) -> None:
    paths = locate(CATALOG[type_], config_of(type_)).paths.keys()
    assert {apis.CHAT, apis.RESPONSES, apis.MESSAGES, apis.GENERATE_CONTENT} & paths == {own}


@pytest.mark.parametrize("type_", CATALOG)
def test_auth(type_: str) -> None:
    assert CATALOG[type_].auth_of(None) == AUTHS.get(type_, BEARER)


@pytest.mark.parametrize(
    ("type_", "api", "auth"),
    [
        ("claude", apis.CHAT, BEARER),
        ("claude", apis.MESSAGES, X_API_KEY),
        ("gemini", apis.CHAT, BEARER),
        ("gemini", apis.GENERATE_CONTENT, X_GOOG_API_KEY),
    ],
)
def test_compatible_endpoints_authenticate_in_their_own_way(type_: str, api: str, auth: object) -> None:
    assert CATALOG[type_].auth_of(api) == auth


@pytest.mark.parametrize("type_", CATALOG)
def test_paths_are_paths_of_known_apis(type_: str) -> None:
    row = CATALOG[type_]
    for variant in (row, *(row.variant({v.field: v.value}) for v in row.variants)):
        own = apis.NAMES | apis.OWN_PATHS.keys() | apis.MODEL_IN_PATH | {apis.STREAM_MESSAGES}
        for table, known in ((variant.paths, apis.NAMES), (variant.own_paths, own)):
            assert table.keys() <= known
            assert all(path.startswith("/") for path in table.values())
        for keyed in (variant.auths, variant.drops, variant.defaults, variant.moves):
            assert keyed.keys() <= apis.NAMES
    assert row.type == type_


@pytest.mark.parametrize("type_", sorted(set(CATALOG) - WITHOUT_TOKENS))
def test_tokens_are_required(type_: str) -> None:
    config = config_of(type_)
    assert CATALOG[type_].problems(config) == []
    del config["apiTokens"]
    assert CATALOG[type_].problems(config) == [("apiTokens", "no apiToken found in provider config")]


@pytest.mark.parametrize("type_", sorted(WITHOUT_TOKENS))
def test_tokens_are_optional(type_: str) -> None:
    config = config_of(type_)
    del config["apiTokens"]
    assert CATALOG[type_].problems(config) == []


@pytest.mark.parametrize("type_", CATALOG)
def test_what_the_client_sends_to_authenticate_goes_on_only_where_it_may(type_: str) -> None:
    assert CATALOG[type_].keeps_client_auth == (type_ in {"openai", "ollama", "generic", "vllm"})


@pytest.mark.parametrize(
    ("config", "problems"),
    [
        ({"type": "ollama", "ollamaServerHost": "127.0.0.1"}, ["missing ollamaServerPort in provider config"]),
        ({"type": "ollama", "ollamaServerPort": 1}, ["missing ollamaServerHost in provider config"]),
        (
            {"type": "qwen", "qwenFileIds": ["a"], "context": {"fileUrl": "http://f/x"}, **TOKENS},
            ["qwenFileIds and context cannot be configured at the same time"],
        ),
        ({"type": "qwen", "qwenFileIds": ["a"], "context": None, **TOKENS}, []),
        (
            {"type": "moonshot", "moonshotFileId": "a", "context": {"fileUrl": "x"}},
            ["moonshotFileId and context cannot be configured at the same time",
             "no apiToken found in provider config"],
        ),
        ({"type": "azure", **TOKENS}, ["missing azureServiceUrl in provider config"]),
        (
            {"type": "azure", "azureServiceUrl": "https://r.openai.azure.com/openai/v10", **TOKENS},
            ["missing api-version query parameter in azureServiceUrl: https://r.openai.azure.com/openai/v10"],
        ),
        ({"type": "azure", "azureServiceUrl": "https://u:secret@r/?sig=secret", **TOKENS},
         ["missing api-version query parameter in azureServiceUrl: https://r/"]),
        ({"type": "azure", "azureServiceUrl": "https://r.openai.azure.com/openai/v1/", **TOKENS}, []),
        ({"type": "openai", "openaiCustomUrl": "http://[::1"}, ["invalid openaiCustomUrl: Invalid IPv6 URL"]),
        ({"type": "azure", "azureServiceUrl": "ftp://x", **TOKENS},
         ["invalid azureServiceUrl: the scheme must be http or https"]),
        ({"type": "vllm", "vllmCustomUrl": "http:///v1"}, ["invalid vllmCustomUrl: there is no host in it"]),
        ({"type": "cloudflare", **TOKENS}, ["missing cloudflareAccountId in provider config"]),
        (
            {"type": "minimax", "minimaxApiType": "pro", **TOKENS},
            ["this version does not speak minimaxApiType 'pro'; leave it out or set 'v2'"],
        ),
        ({"type": "minimax", "minimaxApiType": "v2", **TOKENS}, []),
        ({"type": "minimax", "minimaxApiType": "pro", "protocol": "original", **TOKENS}, []),
    ],
)  # fmt: skip
def test_what_a_configuration_lacks(config: dict[str, Any], problems: list[str]) -> None:
    assert [message for _, message in lookup(config["type"]).problems(config)] == problems


@pytest.mark.parametrize("type_", CATALOG)
def test_an_api_that_is_missing(type_: str) -> None:
    """Refused by most, passed on by those that Higress passes on."""
    passing = {"openai", "azure", "ollama", "claude", "generic", "coze", "builtin"}
    assert CATALOG[type_].unlisted == ("pass" if type_ in passing else "refuse")


def test_quirks() -> None:
    def having(name: str) -> set[str]:
        return {row.type for row in CATALOG.values() if getattr(row, name)}

    assert having("usage_in_choice") == {"moonshot"}
    assert having("keeps_developer_role") == {"azure"}
    assert set(CATALOG) - having("maps_models") == {"generic", "coze"}
    assert set(CATALOG) - having("injects_usage") == {"generic", "coze", "cohere"}
    assert having("takes_response_schema") == {"openai", "longcat"}
    assert {row.type for row in CATALOG.values() if row.without_model == "leave"} == {"qwen", "generic", "coze"}
    assert not {"openai", "deepseek", "ollama", "azure", "generic"} & having("reads_replies")


def test_anthropic_messages_are_native_where_higress_says_so() -> None:
    native = {row.type: row.paths[apis.MESSAGES] for row in CATALOG.values() if apis.MESSAGES in row.paths}
    assert native == {
        "claude": "/v1/messages",
        "qwen": "/apps/anthropic/v1/messages",
        "deepseek": "/anthropic/v1/messages",
        "vllm": "/v1/messages",
    }


def test_variants() -> None:
    qwen = CATALOG["qwen"].variant({"qwenEnableCompatible": False})
    assert (qwen.dialect, qwen.paths[apis.CHAT]) == ("qwen", "/api/v1/services/aigc/text-generation/generation")
    assert apis.COMPLETIONS not in qwen.paths
    assert (
        CATALOG["qwen"].variant({}).dialect
        == CATALOG["qwen"].variant({"qwenEnableCompatible": True}).dialect
        == "openai"
    )
    zhipu = CATALOG["zhipuai"].variant({"zhipuCodePlanMode": True})
    assert zhipu.paths[apis.CHAT] == "/api/coding/paas/v4/chat/completions"
    code = CATALOG["claude"].variant({"claudeCodeMode": True})
    assert (code.auth, code.query) == (BEARER, "beta=true")


@pytest.mark.parametrize(
    ("model", "served"), [("gemini-x", {apis.CHAT, apis.EMBEDDINGS}), ("claude-x", {apis.MESSAGES})]
)
def test_vertex_in_openais_format_has_claude_beside_it(model: str, served: set[str]) -> None:
    config = {**NEEDS["vertex"], "vertexOpenAICompatible": True}
    row = CATALOG["vertex"].variant(config)
    endpoint = locate(CATALOG["vertex"], config)
    found = {
        api for api in (apis.CHAT, apis.MESSAGES, apis.EMBEDDINGS) if endpoint.offers(api) and row.serves(model, api)
    }
    assert found == served
