"""The names of token counts in the answers of providers: name on the wire -> slot.

The slots "read" and "write" are for the provider's cache. A slot with a direction and a medium is a part of the tokens
of this direction, which some providers price separately. If the value is a table instead of a slot, the name is that of
an object, and the table has the names inside it."""

from __future__ import annotations

from typing import Any

_EPHEMERAL = {"ephemeral_5m_input_tokens": "write_5m", "ephemeral_1h_input_tokens": "write_1h"}

_INPUT_DETAILS = {
    "cached_tokens": "read",
    "cache_read_input_tokens": "read",  # Perplexity
    "cache_write_tokens": "write",  # OpenAI, OpenRouter
    "cache_creation_input_tokens": "write",  # Qwen
    "cache_creation_tokens": "write",  # LiteLLM
    "cache_creation": _EPHEMERAL,
    "audio_tokens": "input_audio",
    "image_tokens": "input_image",
    "cached_tokens_details": {"audio_tokens": "read_audio", "image_tokens": "read_image"},
}
_OUTPUT_DETAILS = {
    "reasoning_tokens": "reasoning",
    "thinking_tokens": "reasoning",  # Anthropic
    "audio_tokens": "output_audio",
    "image_tokens": "output_image",
}

USAGE: dict[str, Any] = {
    "prompt_tokens": "input",
    "input_tokens": "input",
    "inputTokens": "input",  # Bedrock Converse
    "promptTokenCount": "input",  # Gemini
    "toolUsePromptTokenCount": "tools",
    "completion_tokens": "output",
    "output_tokens": "output",
    "outputTokens": "output",
    "candidatesTokenCount": "output",
    "thoughtsTokenCount": "thoughts",
    "total_tokens": "total",
    "totalTokens": "total",
    "totalTokenCount": "total",
    "cached_tokens": "read",  # Moonshot, Cohere
    "prompt_cache_hit_tokens": "read",  # DeepSeek
    "num_cached_tokens": "read",  # Mistral
    "cache_read_input_tokens": "read",  # Anthropic
    "cacheReadInputTokens": "read",
    "cacheReadInputTokenCount": "read",  # an older name of the same
    "cachedContentTokenCount": "read",
    "cache_creation_input_tokens": "write",
    "cacheWriteInputTokens": "write",
    "cacheWriteInputTokenCount": "write",
    "cache_creation": _EPHEMERAL,
    "reasoning_tokens": "reasoning",  # Perplexity, Databricks
    "prompt_tokens_details": _INPUT_DETAILS,
    "prompt_token_details": _INPUT_DETAILS,  # Mistral has both
    "input_tokens_details": _INPUT_DETAILS,
    "input_token_details": _INPUT_DETAILS,  # OpenAI audio and realtime
    "completion_tokens_details": _OUTPUT_DETAILS,
    "output_tokens_details": _OUTPUT_DETAILS,
    "output_token_details": _OUTPUT_DETAILS,
}

LISTS = {"promptTokensDetails": "input", "candidatesTokensDetails": "output", "cacheTokensDetails": "read"}
"""Gemini's lists of {modality, tokenCount}, and their direction."""

MODALITIES = {"AUDIO": "audio", "IMAGE": "image", "DOCUMENT": "image"}

TIMINGS = {"prompt_n": "input", "cache_n": "read", "predicted_n": "output"}
"""The names of llama.cpp. prompt_n does not include cached tokens."""

CACHE_INSIDE = frozenset(("prompt_tokens", "prompt_tokens_details", "input_tokens_details", "promptTokenCount"))
"""If a block has one of these names, its input includes cached tokens."""

CACHE_BESIDE = frozenset(
    (
        "cache_read_input_tokens", "cache_creation_input_tokens", "cacheReadInputTokens", "cacheWriteInputTokens",
        "cacheReadInputTokenCount", "cacheWriteInputTokenCount",
    )
)  # fmt: skip
"""If a block has one of these names and none of CACHE_INSIDE, its input does not include cached tokens (Anthropic,
Bedrock)."""

PARTS = {
    "input_audio": ("input", "input_audio", "read_audio"),
    "input_image": ("input", "input_image", "read_image"),
    "output_audio": ("output", "output_audio", ""),
    "output_image": ("output", "output_image", ""),
    "cache_write_1h": ("cache_write", "write_1h", ""),
}
"""The parts that some providers price separately: name -> (the count that includes it, its slot, the slot of its cached
tokens)."""

PART_SLOTS = frozenset(slot for _, slot, _ in PARTS.values())
