"""How much a model shall think: an effort in OpenAI's words, a number of tokens at Anthropic and Gemini. The thresholds
are those of Higress's ai-proxy."""

from __future__ import annotations

from aigw.translation.hub import Effort, Reasoning

LEAST_BUDGET = 1024
"""The smallest budget that Anthropic accepts."""
_BUDGETS: dict[str, int] = {"minimal": 1024, "low": 1024, "medium": 8192, "high": 24576, "xhigh": 32768, "max": 32768}
_MEDIUM, _HIGH = 4096, 16384
"""The numbers of tokens from which on an effort is medium, and high."""


def effort_of(reasoning: Reasoning) -> Effort:
    """Returns the effort, "" if the client has not chosen one."""
    if reasoning.effort or reasoning.budget is None:
        return reasoning.effort
    if reasoning.budget == 0:
        return "none"
    if reasoning.budget < 0:
        return ""  # the model decides
    return "low" if reasoning.budget < _MEDIUM else "medium" if reasoning.budget < _HIGH else "high"


def budget_of(reasoning: Reasoning) -> int | None:
    """Returns how many tokens the model may think: 0 if it shall not, -1 if it decides, None if the client said
    nothing."""
    if reasoning.budget is not None or not reasoning.effort:
        return reasoning.budget
    return 0 if reasoning.effort == "none" else _BUDGETS[reasoning.effort]
