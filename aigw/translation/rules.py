"""How a provider differs from the format that it speaks, as its row in the catalog says."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

from msgspec import Struct

NOT_KNOWN = " "
"""Stands for reasoning that nobody kept. It is not empty, because DeepSeek V4 refuses that as missing."""


class Rules(Struct, frozen=True, kw_only=True):
    """Models are named by patterns, in which `*` stands for any text and `[...]` for one character."""

    maker: str = ""
    """The type of the provider, for the envelopes of its opaque state."""
    limit_field: str = "max_tokens"
    """The name of the limit of an answer in chat completions: max_tokens, or max_completion_tokens."""
    most_tokens: Mapping[str, int] = {}
    """Model -> the largest limit of an answer that it takes. A larger one is lowered."""
    efforts: tuple[str, ...] = ()
    """The models that know `reasoning_effort`. Others get none: some refuse it."""
    responses_only: tuple[str, ...] = ()
    """The models that are at OpenAI's Responses API only, and not at chat completions."""
    tools_need_responses: tuple[str, ...] = ()
    """The models that take tools at OpenAI's Responses API only, unless they do not think."""
    functions_only: bool = False
    """Whether chat completions refuse custom tools, which take any text: they become functions with one argument."""
    switches_thinking: bool = False
    """Whether chat completions have `enable_thinking` and `thinking_budget`."""
    thinking_types: tuple[str, ...] = ()
    """The models of chat completions that have `thinking` with a type: enabled or disabled."""
    takes_reasoning_budget: bool = False
    """Whether chat completions have `reasoning.max_tokens`."""
    returns_reasoning: tuple[str, ...] = ()
    """The models that want their `reasoning_content` back: with each call, and in a request with tools with each
    answer."""
    returns_details: bool = False
    """Whether it wants the `reasoning_details` of its answers back with each call, of all models."""
    takes_schema: bool = True
    """Whether `response_format` may have a JSON Schema. Otherwise the schema stands in the system text."""
    takes_top_k: bool = False
    """Whether chat completions have `top_k`."""
    takes_images: bool = True
    """Whether messages of chat completions may have images. Otherwise a word stands in the place of each."""
    short_ids: bool = False
    """Whether the id of a call must be nine letters or digits."""
    keeps_cache_marks: bool = False
    """Whether parts of chat completions may have `cache_control`."""
    forces_while_thinking: bool = True
    """Whether a tool may be forced while the model thinks."""
    plain_sampling: tuple[str, ...] = ("*",)
    """The models that take temperature, top_p and top_k."""
    prefills: tuple[str, ...] = ("*",)
    """The models that continue a last message of the assistant."""
    safety: Mapping[str, str] = {}
    """The thresholds of Gemini's filters, by category."""
    thinking_budget: int = 0
    """How many tokens Gemini may think with if the client does not say, 0 if the model decides."""
    version: str = "v1beta"
    """The version in the paths of Gemini's API."""
    extra_fields: Mapping[str, Any] = {}
    """Fields that Bedrock passes on to every model beside its own settings."""
    cache_points: tuple[str, ...] = ()
    """Behind what Bedrock caches a prompt by itself, if the model caches: system, last user message, last message."""
    cache_lifetime: str = ""
    """How long Bedrock keeps what is cached so: 1h, or "" for its usual five minutes."""
    anthropic_models: tuple[str, ...] = ()
    """The models of Bedrock that are Anthropic's: their settings are those of Anthropic's format."""
    never_think: tuple[str, ...] = ()
    """The models of Anthropic's format that cannot think, and refuse to be asked to."""
    takes_budget: tuple[str, ...] = ("*",)
    """The models of Anthropic's format that take a number of tokens to think with, instead of an effort."""
    knows_xhigh: tuple[str, ...] = ("*",)
    """The models of Anthropic's format that know the effort between high and max."""
    enforces_schema: tuple[str, ...] = ("*",)
    """The models of Anthropic's format whose answers and calls can be held to a JSON Schema."""
    opening: str = ""
    """The words with which the system text must begin in Anthropic's format."""
    hears_system: tuple[str, ...] = ()
    """The models of Anthropic's format that know the role system between messages."""

    def moves(self, model: str) -> bool:
        """Whether requests for this model may go to another API than the client's, though the provider has both."""
        return matches(model, self.responses_only) or matches(model, self.tools_need_responses)


@lru_cache(maxsize=1024)
def matches(model: str, patterns: tuple[str, ...]) -> bool:
    return any(_fits(model, pattern) for pattern in patterns)


def limit_of(model: str, most: Mapping[str, int]) -> int | None:
    """Returns the largest limit of an answer of the model, None if it is not known. The first pattern counts."""
    return next((limit for pattern, limit in most.items() if _fits(model, pattern)), None)


def _fits(model: str, pattern: str) -> bool:
    """The texts between the stars are looked for first, as most patterns have one that the model lacks: the first
    request waited 1.5 ms until all patterns were compiled. Vertex AI writes a date behind `@`."""
    model = model.replace("@", "-")
    texts = pattern.partition("[")[0].split("*")
    return all(text in model for text in texts) and fnmatchcase(model, pattern)
