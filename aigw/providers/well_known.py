"""A model of each provider that one may try first. Loads nothing."""

from __future__ import annotations

from collections.abc import Mapping

WELL_KNOWN: Mapping[str, str] = {
    "openai": "gpt-4o-mini", "azure": "gpt-4o-mini", "github": "gpt-4o-mini", "openrouter": "openai/gpt-4o-mini",
    "qwen": "qwen-plus", "claude": "claude-sonnet-4-5", "gemini": "gemini-2.5-flash", "deepseek": "deepseek-chat",
    "moonshot": "moonshot-v1-8k", "mistral": "mistral-small-latest", "groq": "llama-3.1-8b-instant",
    "grok": "grok-3-mini", "together-ai": "meta-llama/Llama-3.3-70B-Instruct-Turbo", "cohere": "command-r",
    "fireworks": "accounts/fireworks/models/llama-v3p3-70b-instruct", "zhipuai": "glm-4.5", "ollama": "llama3.2",
    "doubao": "doubao-seed-1-6-250615", "hunyuan": "hunyuan-turbos-latest", "minimax": "MiniMax-Text-01",
    "baidu": "ernie-4.0-turbo-8k", "baichuan": "Baichuan4", "stepfun": "step-1-8k", "yi": "yi-large",
    "spark": "4.0Ultra", "ai360": "360gpt-pro", "longcat": "LongCat-Flash-Chat", "galadriel": "llama3.1",
    "vertex": "gemini-2.5-flash",
    "bedrock": "anthropic.claude-3-5-haiku-20241022-v1:0",
    "cloudflare": "@cf/meta/llama-3.1-8b-instruct",
}  # fmt: skip
"""A chat model of each type. A vllm or a generic provider has whatever its owner gave it, and coze has bots."""
