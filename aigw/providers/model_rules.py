"""How OpenAI's models take the formats of its APIs.

Models are named by patterns. One of a name that nobody knows yet is taken for a model of the last years: it reasons."""

from __future__ import annotations

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
