"""A start without configuration: which key serves which model."""

import pytest

from aigw.providers.catalog import CATALOG
from aigw.providers.environment import ENV_PROVIDERS, EnvProvider, serving

ALL = {provider.variable for provider in ENV_PROVIDERS}


@pytest.mark.parametrize("provider", ENV_PROVIDERS, ids=lambda provider: provider.variable)
def test_a_key_alone_makes_a_configuration(provider: EnvProvider) -> None:
    assert CATALOG[provider.type].problems({"apiTokens": ["k"]}) == []
    assert provider.models
    for beginning in provider.models:
        assert serving(beginning + "x", {provider.variable}) == provider


@pytest.mark.parametrize(
    ("model", "type_"),
    [
        ("gpt-4o", "openai"), ("o3-mini", "openai"), ("chatgpt-4o-latest", "openai"),
        ("text-embedding-3-small", "openai"),
        ("qwen-max", "qwen"), ("text-embedding-v3", "qwen"), ("claude-opus-4-5", "claude"),
        ("deepseek-chat", "deepseek"),
        ("gemini-2.5-pro", "gemini"), ("kimi-k2", "moonshot"), ("mistral-large-latest", "mistral"), ("grok-4", "grok"),
        ("llama-3.3-70b-versatile", "groq"), ("openai/gpt-4o", "openrouter"), ("openai/gpt-oss-20b", "groq"),
        ("qwen/qwen3", "openrouter"), ("Qwen/Qwen3", "together-ai"), ("accounts/fireworks/models/x", "fireworks"),
        ("glm-4.6", "zhipuai"), ("doubao-pro", "doubao"), ("nobody-knows", None), ("", None),
    ],
)  # fmt: skip
def test_the_model_picks_the_provider(model: str, type_: str | None) -> None:
    found = serving(model, ALL)
    assert (found.type if found else None) == type_


def test_only_available_keys_are_used() -> None:
    found = serving("openai/gpt-oss-20b", {"OPENROUTER_API_KEY"})
    assert found is not None and found.type == "openrouter"
    assert serving("gpt-4o", {"DASHSCOPE_API_KEY"}) is None
