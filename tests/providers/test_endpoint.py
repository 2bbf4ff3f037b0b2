"""Configured hosts and URLs: where a request goes then."""

from typing import Any

import pytest

from aigw.dialects import apis
from aigw.providers.catalog import CATALOG
from aigw.providers.endpoint import Endpoint, locate


def endpoint(type_: str, *, own_paths: bool = False, **config: Any) -> Endpoint:
    return locate(CATALOG[type_], config, own_paths=own_paths)


@pytest.mark.parametrize(
    ("type_", "config", "authority", "origin"),
    [
        ("qwen", {"qwenDomain": "dashscope-intl.aliyuncs.com"}, "dashscope-intl.aliyuncs.com",
         "https://dashscope-intl.aliyuncs.com:443"),
        ("doubao", {"doubaoDomain": "ark.x"}, "ark.x", "https://ark.x:443"),
        ("zhipuai", {"zhipuDomain": "api.z.ai"}, "api.z.ai", "https://api.z.ai:443"),
        ("generic", {"genericHost": "up.local"}, "up.local", "https://up.local:443"),
        ("generic", {"genericHost": "http://127.0.0.1:8080"}, "127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("ollama", {"ollamaServerHost": "http://gpu", "ollamaServerPort": 11434}, "gpu:11434", "http://gpu:11434"),
        ("vllm", {"vllmServerHost": "gpu"}, "gpu", "http://gpu:8000"),
        ("vllm", {"vllmServerHost": "gpu:9"}, "gpu:9", "http://gpu:9"),
        ("vllm", {"vllmCustomUrl": "https://gpu/serve"}, "gpu", "https://gpu:443"),
        ("ollama", {"ollamaServerHost": "::1", "ollamaServerPort": 11434}, "[::1]:11434", "http://[::1]:11434"),
        ("openai", {"openaiCustomUrl": "http://llm.local:9000/openai/v4"}, "llm.local:9000", "http://llm.local:9000"),
        ("openai", {"openaiCustomUrl": "llm.local/v1"}, "llm.local", "https://llm.local:443"),
        ("openai", {"openaiCustomUrl": "http://u:p@h/v1"}, "h", "http://h:80"),
    ],
)  # fmt: skip
def test_hosts(type_: str, config: dict[str, Any], authority: str, origin: str) -> None:
    found = endpoint(type_, **config)
    assert (found.authority, str(found.origin)) == (authority, origin)


@pytest.mark.parametrize("type_", ["generic", "builtin"])
def test_no_host_is_the_route_s_own_service(type_: str) -> None:
    found = endpoint(type_)
    assert (found.origin, found.authority) == (None, "")
    assert endpoint("generic").path_of(apis.CHAT, "/v1/chat/completions") is None


@pytest.mark.parametrize(
    ("url", "chat", "embeddings", "file"),
    [
        ("http://h:9/openai/v4", "/openai/v4/chat/completions", "/openai/v4/embeddings", "/openai/v4/files/f"),
        ("http://h:9/openai/v4/", "/openai/v4/chat/completions", "/openai/v4/embeddings", "/openai/v4/files/f"),
        ("http://h:9", "/chat/completions", "/embeddings", "/files/f"),
        ("http://h:9/x/chat/completions", *["/x/chat/completions"] * 3),
        ("http://h/y/embeddings", *["/y/embeddings"] * 3),
    ],
)
def test_a_custom_url_is_a_base_or_an_endpoint(url: str, chat: str, embeddings: str, file: str) -> None:
    found = endpoint("openai", openaiCustomUrl=url)
    assert found.path_of(apis.CHAT, "/v1/chat/completions") == chat
    assert found.path_of(apis.EMBEDDINGS, "/v1/embeddings") == embeddings
    assert found.path_of(apis.RETRIEVE_FILE, "/v1/files/f") == file


@pytest.mark.parametrize(
    ("url", "chat", "models", "query"),
    [
        ("https://r?api-version=1", "/openai/deployments/m/chat/completions", "/openai/models", "api-version=1"),
        ("https://r/?api-version=1", "/openai/deployments/m/chat/completions", "/openai/models", "api-version=1"),
        ("https://r/openai/deployments/dep?api-version=1", "/openai/deployments/dep/chat/completions",
         "/openai/models", "api-version=1"),
        ("https://r/openai/deployments/dep/?api-version=1", "/openai/deployments/dep/chat/completions",
         "/openai/models", "api-version=1"),
        ("https://r/openai/deployments/dep/chat/completions?api-version=1&a=b",
         *["/openai/deployments/dep/chat/completions"] * 2, "api-version=1&a=b"),
        ("https://r/openai/v1", "/openai/v1/chat/completions", "/openai/v1/models", ""),
        ("https://r/openai/v1/chat/completions", *["/openai/v1/chat/completions"] * 2, ""),
        ("https://r/gw/x?api-version=1", *["/gw/x"] * 2, "api-version=1"),
    ],
)  # fmt: skip
def test_the_shapes_of_an_azure_url(url: str, chat: str, models: str, query: str) -> None:
    found = endpoint("azure", azureServiceUrl=url)
    assert found.path_of(apis.CHAT, "/v1/chat/completions", "m") == chat
    assert found.path_of(apis.MODELS, "/v1/models") == models
    assert found.query == query


def test_a_model_cannot_leave_its_place_in_a_path() -> None:
    found = endpoint("azure", azureServiceUrl="https://r?api-version=1")
    path = found.path_of(apis.CHAT, "/v1/chat/completions", "a/..b?c d")
    assert path == "/openai/deployments/a%2F..b%3Fc%20d/chat/completions"
    for model in ("..", ".", "a/../b", "..\\..\\x", "x/.."):
        with pytest.raises(ValueError, match="cannot be a part of a path"):
            found.path_of(apis.CHAT, "/v1/chat/completions", model)
    assert found.path_of(apis.CHAT, "/v1/chat/completions") == "/openai/deployments/placeholder/chat/completions"


def test_configured_capabilities_go_over_the_table() -> None:
    """A name that is no API's is dropped, as Higress does."""
    found = endpoint("openai", capabilities={apis.CHAT: "/alt/chat", "openai/v1/nonsense": "/x"})
    assert found.path_of(apis.CHAT, "/v1/chat/completions") == "/alt/chat"
    assert found.path_of(apis.EMBEDDINGS, "/v1/embeddings") == "/v1/embeddings"
    assert "openai/v1/nonsense" not in found.paths
    found = endpoint("openai", openaiCustomUrl="http://h/base", capabilities={apis.CHAT: "/v1/alt"})
    assert found.path_of(apis.CHAT, "/v1/chat/completions") == "/v1/alt"


def test_paths_of_ours_are_left_out_where_higress_is_asked_for() -> None:
    ours, theirs = endpoint("qwen", own_paths=True), endpoint("qwen")
    assert ours.path_of(apis.MODELS, "/v1/models") == "/compatible-mode/v1/models"
    assert theirs.path_of(apis.MODELS, "/v1/models") is None
    assert endpoint("mistral", own_paths=True).path_of(apis.FILL_IN, "/v1/fim/completions") == "/v1/fim/completions"
    assert endpoint("fireworks", own_paths=True).paths[apis.CHAT] == "/inference/v1/chat/completions"


def test_headers_come_from_the_first_key_that_is_set() -> None:
    assert endpoint("claude").headers == {"anthropic-version": "2023-06-01"}
    assert endpoint("claude", apiVersion="2024-01-01").headers["anthropic-version"] == "2024-01-01"
    assert endpoint("claude", apiVersion="b", claudeVersion="a").headers["anthropic-version"] == "a"
    code = endpoint("claude", claudeCodeMode=True)
    assert code.headers["user-agent"] == "claude-cli/2.1.2 (external, cli)"
    assert code.query == "beta=true"


def test_gemini_s_native_paths_keep_what_the_client_named() -> None:
    path = "/gw/v1/models/gemini-2.5-pro:streamGenerateContent"
    assert endpoint("gemini").path_of(apis.STREAM_GENERATE_CONTENT, path) == path.removeprefix("/gw")
