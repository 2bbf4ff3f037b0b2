"""How the models of vendors take what is translated for them.

Models are named by patterns. One of a name that nobody knows yet is taken for a model of the last years: it reasons.
What is not certain is left out: a provider says by an error what it refuses, but not what it has ignored."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from aigw.translation.rules import Rules

_FROM_5_4 = ("gpt-5.[4-9]*", "gpt-5.[1-9][0-9]*", "gpt-[6-9]*")
_REASONING = ("o1*", "o3*", "o4*", "gpt-5*", "gpt-[6-9]*", "codex*")
_PLAIN = ("gpt-3*", "gpt-4*", "chatgpt*", "ft:gpt-3*", "ft:gpt-4*", "davinci*", "babbage*", "gpt-5-chat*")

OPENAI = Rules(
    limit_field="max_completion_tokens",
    efforts=_REASONING,
    plain_sampling=_PLAIN,
    responses_only=("*-codex*", "codex-*", "*-pro", "*-pro-[0-9]*", "*-deep-research*", "computer-use-*"),
    tools_need_responses=_FROM_5_4,
)

_TO_4_5 = (
    "claude-2*", "claude-instant*", "claude-3*", "claude-opus-4-2*", "claude-opus-4-0*", "claude-opus-4-1*",
    "claude-opus-4-5*", "claude-sonnet-4-2*", "claude-sonnet-4-0*", "claude-sonnet-4-5*", "claude-haiku-4-5*",
)  # fmt: skip
"""Anthropic's models that take a budget for their thoughts and the beginning of their answer."""
_4_6 = ("claude-opus-4-6*", "claude-sonnet-4-6*")
_WITHOUT_THOUGHTS = ("claude-2*", "claude-v*", "claude-instant*", "claude-3-5*", "claude-3-[a-z]*")
_5 = ("claude-opus-5*", "claude-sonnet-5*", "claude-haiku-5*", "claude-fable-5*", "claude-mythos-5*")
CLAUDE = Rules(
    maker="claude",
    most_tokens={
        "claude-3-5*": 8192,
        "claude-3-7*": 64000,
        "claude-3*": 4096,
        "claude-opus-4-5*": 64000,
        "claude-sonnet-4-*": 64000,
        "claude-haiku-4-5*": 64000,
        **dict.fromkeys(("claude-opus-4-2*", "claude-opus-4-0*", "claude-opus-4-1*"), 32000),
    },
    never_think=_WITHOUT_THOUGHTS,
    takes_budget=_TO_4_5,
    prefills=_TO_4_5,
    plain_sampling=(*_TO_4_5, *_4_6),
    knows_xhigh=("claude-opus-4-7*", "claude-opus-4-8*", *_5),
    enforces_schema=(
        "claude-opus-4-5*", "claude-sonnet-4-5*", "claude-haiku-4-5*", *_4_6, "claude-opus-4-7*",
        "claude-opus-4-8*", *_5,
    ),
    hears_system=_5,
)  # fmt: skip
CLAUDE_AT_VERTEX = replace(CLAUDE, enforces_schema=())
"""Google's Vertex AI does not hold answers to a schema."""
CLAUDE_CODE = replace(CLAUDE, opening="You are Claude Code, Anthropic's official CLI for Claude.")
"""For tokens of Claude Code. The vendor accepts them only in requests whose instructions begin with these words."""


def _at_bedrock(patterns: Iterable[str]) -> tuple[str, ...]:
    """There, a name has the region and the maker in front, or is an ARN."""
    return tuple(f"*{pattern}" for pattern in patterns)


BEDROCK = Rules(
    anthropic_models=("*claude-*",),
    most_tokens={f"*{pattern}": most for pattern, most in CLAUDE.most_tokens.items()},
    never_think=_at_bedrock(CLAUDE.never_think),
    takes_budget=_at_bedrock(CLAUDE.takes_budget),
    plain_sampling=_at_bedrock(("claude-v*", *CLAUDE.plain_sampling)),
    knows_xhigh=_at_bedrock(CLAUDE.knows_xhigh),
    keeps_cache_marks=True,
)

DEEPSEEK = Rules(
    functions_only=True,
    returns_reasoning=("*",),
    takes_schema=False,
    takes_images=False,
    thinking_types=("deepseek-chat*", "deepseek-v[3-9]*"),
    most_tokens={"deepseek-chat*": 8192, "deepseek-reasoner*": 65536},
)
KIMI = Rules(
    functions_only=True,
    returns_reasoning=("kimi-*",),
    thinking_types=("kimi-k2.[5-9]*", "kimi-k[3-9]*"),
    forces_while_thinking=False,
    takes_schema=False,
)
DOUBAO = Rules(functions_only=True, thinking_types=("doubao-seed-[0-9]*", "doubao-seed-code*"))
QWEN = Rules(
    functions_only=True,
    returns_reasoning=("qwen3.6-plus*", "qwen3.6-max-preview*", "kimi-k2.6*"),
    switches_thinking=True,
    forces_while_thinking=False,
    takes_top_k=True,
    keeps_cache_marks=True,
    most_tokens={
        "qwen-max*": 8192,
        "qwen-turbo*": 16384,
        "qwen-plus*": 32768,
        "qwen-flash*": 32768,
        "qwen3-coder*": 65536,
        "qwen3-max*": 65536,
    },
)
QWEN_NATIVE = replace(QWEN, switches_thinking=False, takes_top_k=False, keeps_cache_marks=False)
"""For DashScope's own format, which has other fields."""
MISTRAL = Rules(functions_only=True, short_ids=True)
GROQ = Rules(functions_only=True, efforts=("openai/gpt-oss*",))
GROK = Rules(efforts=("grok-3-mini*",))
OPENROUTER = Rules(
    returns_details=True, efforts=("*",), takes_reasoning_budget=True, takes_top_k=True, keeps_cache_marks=True
)
OLLAMA = Rules(functions_only=True)
VLLM = WITH_TOP_K = Rules(functions_only=True, takes_top_k=True)
GLM = Rules(functions_only=True, takes_schema=False, thinking_types=("glm-4.[5-9]*", "glm-[5-9]*"))
"""Zhipu's models are told to answer JSON, but not of which form."""
