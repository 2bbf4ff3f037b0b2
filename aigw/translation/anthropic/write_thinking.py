"""Says how much a model of Anthropic shall think: a number of tokens for older models, an effort for newer ones.

Rule: what the client asks for otherwise goes first. Where the API refuses both together, the model does not think, and
that is noted."""

from __future__ import annotations

from typing import NamedTuple

from aigw.dialects.json_values import Json
from aigw.translation.anthropic.write_messages import Written
from aigw.translation.hub import Conversation
from aigw.translation.notes import Notes
from aigw.translation.rules import Rules, limit_of, matches
from aigw.translation.thinking import LEAST_BUDGET, budget_of, effort_of

USUAL_ANSWER = 32000
"""The limit of an answer for which the client set none. The API needs one; a small one cuts agents off."""
USUAL_BUDGET = 8192
"""The number of tokens for a model that should decide by itself but needs a number."""


class Limits(NamedTuple):
    """The fields about thinking. `fields` are `thinking` and what belongs to it. `effort` is for `output_config`, "" if
    there is none."""

    max_tokens: int
    fields: Json
    effort: str = ""

    @property
    def thinks(self) -> bool:
        return self.fields.get("thinking", {}).get("type") in ("enabled", "adaptive")


def limits_of(conversation: Conversation, written: Written, rules: Rules, notes: Notes) -> Limits:
    """Returns the limit of the answer, and how the model shall think."""
    model, reasoning = conversation.model, conversation.reasoning
    by_budget = matches(model, rules.takes_budget)
    budget, effort = budget_of(reasoning), effort_of(reasoning)
    if budget is None and not effort:
        return Limits(_most(conversation, rules, notes, 0), {})
    if budget != 0 and matches(model, rules.never_think):
        notes.lose("how much to think")
        return Limits(_most(conversation, rules, notes, 0), {})
    if budget == 0:
        off = {} if by_budget else {"thinking": {"type": "disabled"}}
        return Limits(_most(conversation, rules, notes, 0), off)
    if obstacle := _obstacle(conversation, written, by_budget=by_budget):
        notes.lose(f"thinking {obstacle}")
        return Limits(_most(conversation, rules, notes, 0), {})
    if by_budget:
        return _with_budget(conversation, rules, notes, USUAL_BUDGET if budget is None or budget < 0 else budget)
    most = _most(conversation, rules, notes, 0)
    display = {} if reasoning.shown is None else {"display": "summarized" if reasoning.shown else "omitted"}
    if effort == "xhigh" and not matches(model, rules.knows_xhigh):
        effort = "high"
    return Limits(most, {"thinking": {"type": "adaptive", **display}}, "low" if effort == "minimal" else effort)


def _obstacle(conversation: Conversation, written: Written, *, by_budget: bool) -> str:
    if conversation.forced:
        return "beside a tool that must be called"
    if written.goes_on:
        return "in front of an answer that has begun"
    return "in a turn whose first thoughts did not come back" if by_budget and not written.thought else ""


def _with_budget(conversation: Conversation, rules: Rules, notes: Notes, budget: int) -> Limits:
    """A budget is lowered until it fits into the limit of the answer, never the reverse."""
    most = _most(conversation, rules, notes, budget)
    budget = min(budget, most - 1)
    if budget < LEAST_BUDGET:
        notes.lose(f"thinking with fewer than {LEAST_BUDGET} tokens")
        return Limits(most, {})
    return Limits(most, {"thinking": {"type": "enabled", "budget_tokens": budget}})


def _most(conversation: Conversation, rules: Rules, notes: Notes, budget: int) -> int:
    limit, given = limit_of(conversation.model, rules.most_tokens), conversation.max_tokens
    if given is None:
        return min(USUAL_ANSWER + budget, limit) if limit is not None else USUAL_ANSWER
    if limit is not None and given > limit:
        notes.lose(f"max_tokens above {limit}")
        return limit
    return given
