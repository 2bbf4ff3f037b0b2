"""Says how much a model of Anthropic shall think, in the fields of Anthropic's format: Bedrock passes them on as they
are. Of the models of other makers, no form is known here."""

from __future__ import annotations

from collections.abc import Sequence

from aigw.dialects.json_values import Json
from aigw.translation.anthropic.write_messages import Written
from aigw.translation.anthropic.write_thinking import limits_of
from aigw.translation.hub import Conversation
from aigw.translation.notes import Notes
from aigw.translation.rules import Rules, matches
from aigw.translation.thinking import budget_of, effort_of


def settings_of(conversation: Conversation, messages: Sequence[Json], rules: Rules, notes: Notes) -> Json:
    """Returns the fields that go to the model. `messages` are as the provider gets them."""
    if not matches(conversation.model, rules.anthropic_models):
        if budget_of(conversation.reasoning) or effort_of(conversation.reasoning) not in ("", "none"):
            notes.lose("how much to think")
        return {}
    goes_on = bool(messages) and messages[-1]["role"] == "assistant"
    limits = limits_of(conversation, Written([], [], goes_on, _begins_with_thoughts(messages)), rules, notes)
    return {**limits.fields, **({"output_config": {"effort": limits.effort}} if limits.effort else {})}


def thinks(settings: Json) -> bool:
    return settings.get("thinking", {}).get("type") in ("enabled", "adaptive")


def _begins_with_thoughts(messages: Sequence[Json]) -> bool:
    """Whether the last turn of the assistant has no calls, or begins with reasoning."""
    own: list[Json] = next((message["content"] for message in reversed(messages) if message["role"] == "assistant"), [])
    return not any("toolUse" in block for block in own) or "reasoningContent" in own[0]
