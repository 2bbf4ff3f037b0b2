"""Finds the row of a provider's type in the catalog, or says what is wrong with the name."""

from __future__ import annotations

from difflib import get_close_matches

from aigw.providers.catalog import CATALOG
from aigw.providers.provider import Provider

KNOWN_ELSEWHERE = frozenset(("deepl", "dify", "kling", "triton"))
"""Types of providers that Higress has and aigw does not support."""

_OTHER_NAMES = {
    "anthropic": "claude",
    "dashscope": "qwen",
    "tongyi": "qwen",
    "bailian": "qwen",
    "google": "gemini",
    "kimi": "moonshot",
    "glm": "zhipuai",
    "zhipu": "zhipuai",
    "ark": "doubao",
    "volcengine": "doubao",
    "qianfan": "baidu",
    "ernie": "baidu",
    "xai": "grok",
    "aws": "bedrock",
    "openai-compatible": "openai",
    "openai_compatible": "openai",
    "custom": "openai",
}
"""What people call providers, and their types."""


def lookup(type_: str) -> Provider:
    """Returns the row of a provider type. Raises ValueError, with the message for the user."""
    row = CATALOG.get(type_)
    if row is not None:
        return row
    if not type_:
        raise ValueError("missing type in provider config")
    if type_ in KNOWN_ELSEWHERE:
        raise ValueError(f"this version does not speak {type_} yet")
    meant = _OTHER_NAMES.get(type_.lower())
    close = [meant] if meant else get_close_matches(type_, CATALOG, 1)
    hint = f"; did you mean '{close[0]}'?" if close else f"; there are {', '.join(sorted(CATALOG))}"
    raise ValueError(f"unknown provider type: {type_}{hint}")
