"""What a start without a file makes of an environment."""

import pytest

from aigw.config.automatic import automatic, one_model
from aigw.providers.environment import ENV_PROVIDERS
from aigw.providers.mapping import ModelMapping


def provider_of(model, *variables):
    """The id of the provider that a start with these keys sends `model` to; the model itself if it is no one's."""
    return ModelMapping(automatic(dict.fromkeys(variables, "k"), None, ())["ai-proxy"]["byModel"]).map(model)


@pytest.mark.parametrize(
    "path", ["/v1/chat/completions", "/v1beta/models/gemini-3:streamGenerateContent", "/v1/messages/count_tokens"]
)
def test_one_model_answers_the_chats_of_all_clients(path):
    (config,) = one_model("echo").values()
    assert path.endswith(tuple(config["enableOnPathSuffix"]))


def test_a_model_of_ollama_is_known_with_and_without_its_tag_latest():
    config = automatic({"GROQ_API_KEY": "k"}, ("127.0.0.1", 1), ["llama3.2:latest", "qwen3:8b"])["ai-proxy"]
    by_model = ModelMapping(config["byModel"])
    assert [by_model.map(name) for name in ("llama3.2:latest", "llama3.2", "qwen3:8b")] == ["ollama"] * 3
    assert by_model.map("qwen3") == "qwen3"
    assert by_model.map("llama-3.3-70b-versatile") == "groq"


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("gpt-4o", "openai"), ("o3-mini", "openai"), ("chatgpt-4o-latest", "openai"),
        ("text-embedding-3-small", "openai"),
        ("qwen-max", "qwen"), ("text-embedding-v3", "qwen"), ("claude-opus-4-5", "claude"),
        ("deepseek-chat", "deepseek"),
        ("gemini-2.5-pro", "gemini"), ("kimi-k2", "moonshot"), ("mistral-large-latest", "mistral"), ("grok-4", "grok"),
        ("llama-3.3-70b-versatile", "groq"), ("openai/gpt-4o", "openrouter"), ("openai/gpt-oss-20b", "groq"),
        ("qwen/qwen3", "openrouter"), ("Qwen/Qwen3", "together-ai"), ("accounts/fireworks/models/x", "fireworks"),
        ("glm-4.6", "zhipuai"), ("doubao-pro", "doubao"), ("nobody-knows", "nobody-knows"), ("", ""), ("echo", "builtin"), ("builtin/minilm", "builtin"),
    ],
)  # fmt: skip
def test_the_model_picks_the_provider(model, provider):
    assert provider_of(model, *(each.variable for each in ENV_PROVIDERS)) == provider


def test_a_blank_key_is_none():
    assert automatic({"GROQ_API_KEY": " \ufeff\n"}, None, ())["ai-proxy"]["activeProviderId"] == "builtin"


def test_only_available_keys_are_used():
    assert provider_of("openai/gpt-oss-20b", "OPENROUTER_API_KEY") == "openrouter"
    assert provider_of("gpt-4o", "DASHSCOPE_API_KEY") == "gpt-4o"
