"""Which client is tried with which vendor: with each whose dialect is another one, and with one that speaks its own."""

from __future__ import annotations

PAIRS: dict[str, tuple[str, ...]] = {
    "openai chat": (
        "openai",
        "anthropic",
        "deepseek",
        "kimi",
        "groq",
        "dashscope",
        "bedrock",
        "gemini",
        "vertex",
        "vertex claude",
    ),
    "openai responses": ("openai", "anthropic", "deepseek", "kimi", "dashscope", "bedrock", "gemini"),
    "anthropic": ("openai", "anthropic", "kimi", "groq", "bedrock", "gemini", "vertex", "vertex claude"),
    "google-genai": ("gemini", "openai", "anthropic", "deepseek", "dashscope", "kimi", "groq", "bedrock"),
}
