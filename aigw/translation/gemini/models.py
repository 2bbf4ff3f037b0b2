"""What differs between Gemini's models: how they are told how much to think, and whether they want their signatures
back.

Rule: a name that is not known, such as gemini-flash-latest, is that of a new model."""

from __future__ import annotations

from typing import Any

from aigw.translation.hub import Effort, Reasoning
from aigw.translation.rules import matches
from aigw.translation.thinking import budget_of, effort_of

_OLD = ("gemini-1*", "gemini-2.0*", "gemini-exp*", "gemini-pro*", "gemma*", "learnlm*", "aqa")
"""The models that do not think."""
_BUDGETED = ("gemini-2.5*",)
"""The models that take a number of tokens to think with."""
_BUDGETS = (("gemini-2.5-pro*", 128, 32768), ("gemini-2.5-flash-lite*", 512, 24576), ("gemini-2.5*", 1, 24576))
"""The least and the most that a model takes; the first pattern counts."""
_ALWAYS = ("gemini-2.5-pro*",)
"""The models that cannot be told not to think."""
_LEVELS: dict[Effort, str] = {
    "none": "MINIMAL", "minimal": "MINIMAL", "low": "LOW", "medium": "MEDIUM", "high": "HIGH", "xhigh": "HIGH",
    "max": "HIGH",
}  # fmt: skip
_COARSE: dict[str, str] = {"MINIMAL": "LOW", "MEDIUM": "HIGH"}
"""The levels of models that know only LOW and HIGH."""


def bare(model: str) -> str:
    """Returns the name without its collection, as in `models/x` or `publishers/google/models/x`."""
    return model.rpartition("/")[2]


def signs(model: str) -> bool:
    """Whether the model refuses a call of its own without the signature that came with it."""
    return not matches(bare(model), (*_OLD, *_BUDGETED))


def schema_excludes_tools(model: str) -> bool:
    """Whether the model refuses a schema of its answer beside tools."""
    return not signs(model)


def thinking_config(model: str, reasoning: Reasoning) -> dict[str, Any] | None:
    """Returns `thinkingConfig`, {} if there is nothing to say, None if a model shall think that cannot."""
    model = bare(model)
    if matches(model, _OLD):
        return None if effort_of(reasoning) not in ("", "none") or (reasoning.budget or 0) else {}
    config: dict[str, Any] = {"includeThoughts": True} if reasoning.shown else {}
    if matches(model, _BUDGETED):
        budget = budget_of(reasoning)
        return config if budget is None else {**config, "thinkingBudget": _fitting(model, budget)}
    effort = effort_of(reasoning)
    return {**config, "thinkingLevel": _level(model, effort)} if effort else config


def _fitting(model: str, budget: int) -> int:
    if budget < 0 or (budget == 0 and not matches(model, _ALWAYS)):
        return max(budget, -1)
    least, most = next((least, most) for pattern, least, most in _BUDGETS if matches(model, (pattern,)))
    return min(max(budget, least), most)


def _level(model: str, effort: Effort) -> str:
    """Gemini 3's Pro models know no MINIMAL, and the first of them no MEDIUM."""
    level = _LEVELS[effort]
    coarse = "-pro" in model and (level == "MINIMAL" or matches(model, ("gemini-3-pro*",)))
    return _COARSE.get(level, level) if coarse else level
