"""The providers that are used if the gateway starts without a configuration: those whose API tokens are in the
environment, each for the models that it serves."""

from __future__ import annotations

from typing import NamedTuple


class EnvProvider(NamedTuple):
    """A provider of a type, whose API token is in the environment variable `variable`. `models` are prefixes of the
    names of its models."""

    variable: str
    type: str
    models: tuple[str, ...]


ENV_PROVIDERS = (
    EnvProvider(
        "OPENAI_API_KEY",
        "openai",
        ("gpt-", "o1", "o3", "o4", "chatgpt-", "codex-", "ft:", "text-embedding-3", "text-embedding-ada-", "dall-e-",
         "whisper-", "tts-"),
    ),
    EnvProvider("DASHSCOPE_API_KEY", "qwen", ("qwen", "qwq", "qvq", "text-embedding-v", "gte-rerank")),
    EnvProvider("ANTHROPIC_API_KEY", "claude", ("claude",)),
    EnvProvider("DEEPSEEK_API_KEY", "deepseek", ("deepseek",)),
    EnvProvider("GEMINI_API_KEY", "gemini", ("gemini", "gemma-", "text-embedding-00")),
    EnvProvider("MOONSHOT_API_KEY", "moonshot", ("moonshot", "kimi")),
    EnvProvider(
        "MISTRAL_API_KEY",
        "mistral",
        ("mistral-", "ministral-", "magistral-", "codestral-", "devstral-", "pixtral-", "open-mistral-",
         "open-mixtral-"),
    ),
    EnvProvider("GROQ_API_KEY", "groq", ("llama", "meta-llama/", "openai/gpt-oss", "groq/", "compound")),
    EnvProvider(
        "OPENROUTER_API_KEY",
        "openrouter",
        ("openrouter/", "openai/", "anthropic/", "google/", "meta-llama/", "mistralai/", "deepseek/", "qwen/",
         "moonshotai/", "x-ai/", "z-ai/", "nvidia/", "cohere/", "microsoft/", "amazon/", "perplexity/"),
    ),
    EnvProvider("XAI_API_KEY", "grok", ("grok",)),
    EnvProvider(
        "TOGETHER_API_KEY",
        "together-ai",
        ("togethercomputer/", "meta-llama/", "Qwen/", "deepseek-ai/", "mistralai/", "zai-org/"),
    ),
    EnvProvider("FIREWORKS_API_KEY", "fireworks", ("accounts/",)),
    EnvProvider("ZHIPUAI_API_KEY", "zhipuai", ("glm", "embedding-3")),
    EnvProvider("ARK_API_KEY", "doubao", ("doubao", "ep-")),
)  # fmt: skip
