"""Writes a conversation as a request for OpenAI's Responses API.

Rule: the provider keeps nothing of it (`store` is false), so that all it wants back is in the next request."""

from __future__ import annotations

from aigw.dialects.json_values import Json
from aigw.translation.hub import Conversation, Tool
from aigw.translation.images import shown_by_user
from aigw.translation.notes import Notes, refused
from aigw.translation.responses.read_request import ENCRYPTED
from aigw.translation.responses.write_items import items_of
from aigw.translation.rules import Rules, limit_of, matches
from aigw.translation.thinking import effort_of

LEAST_TOKENS = 16
"""OpenAI refuses a lower limit of an answer."""
LONGEST_USER = 64
_NO_PARAMETERS: Json = {"type": "object", "properties": {}}


def write_request(conversation: Conversation, rules: Rules, notes: Notes) -> Json:
    """Returns the body. Raises GatewayError for what the format does not have and the answer would need."""
    if conversation.stop:
        raise refused("stop", "the Responses API of this provider has no stop sequences")
    if conversation.choices > 1:
        raise refused("n", "the Responses API of this provider gives one answer")
    body: Json = {"model": conversation.model, **conversation.openais}
    messages = shown_by_user(conversation.messages)
    body["input"] = [item for message in messages for item in items_of(message, rules.maker)]
    body["store"] = False
    body |= _tools(conversation)
    body |= _limits(conversation, rules, notes)
    body |= _sampling(conversation, rules, notes)
    body |= _thinking(conversation, rules, notes)
    body |= _text(conversation)
    if conversation.goes_on:
        notes.lose("that the answer goes on with the last message")
    if conversation.stream:
        body["stream"] = True
    return body


def _tools(conversation: Conversation) -> Json:
    if not conversation.tools:
        return {}
    body: Json = {"tools": [_tool(tool) for tool in conversation.tools]}
    choice = conversation.choice
    if isinstance(choice, tuple):
        custom = any(tool.custom for tool in conversation.tools if tool.name == choice[1])
        body["tool_choice"] = {"type": "custom" if custom else "function", "name": choice[1]}
    elif choice:
        body["tool_choice"] = choice
    if conversation.parallel is not None:
        body["parallel_tool_calls"] = conversation.parallel
    return body


def _tool(tool: Tool) -> Json:
    """A function is not strict unless the client says so: this format has another default than the others."""
    named: Json = {"name": tool.name, **({"description": tool.description} if tool.description else {})}
    if tool.custom:
        return {"type": "custom", **named, **({"format": tool.grammar} if tool.grammar else {})}
    schema = _NO_PARAMETERS if tool.parameters is None else tool.parameters
    return {"type": "function", **named, "parameters": schema, "strict": tool.strict is True}


def _limits(conversation: Conversation, rules: Rules, notes: Notes) -> Json:
    body: Json = {}
    if (wanted := conversation.max_tokens) is not None:
        most = limit_of(conversation.model, rules.most_tokens)
        given = max(LEAST_TOKENS, min(wanted, most or wanted))
        if given != wanted:
            notes.lose(f"max_tokens above {most}" if given < wanted else f"max_tokens below {LEAST_TOKENS}")
        body["max_output_tokens"] = given
    if conversation.user and len(conversation.user) <= LONGEST_USER:
        body["user"] = conversation.user
    elif conversation.user:
        notes.lose("user")
    return body


def _sampling(conversation: Conversation, rules: Rules, notes: Notes) -> Json:
    given = conversation.sampling
    known = {"temperature": given.temperature, "top_p": given.top_p}
    body = {name: value for name, value in known.items() if value is not None}
    if body and not matches(conversation.model, rules.plain_sampling):
        notes.lose(*body)
        body = {}
    others = ("top_k", "seed", "frequency_penalty", "presence_penalty")
    notes.lose(*(name for name in others if getattr(given, name) is not None))
    return body


def _thinking(conversation: Conversation, rules: Rules, notes: Notes) -> Json:
    """Models that do not reason refuse these fields."""
    effort = effort_of(conversation.reasoning)
    if not matches(conversation.model, rules.efforts):
        if effort not in ("", "none"):
            notes.lose("how much to think")
        return {}
    reasoning: Json = {"effort": effort} if effort else {}
    if conversation.reasoning.shown and effort != "none":
        reasoning["summary"] = "auto"
    return {"include": [ENCRYPTED], **({"reasoning": reasoning} if reasoning else {})}


def _text(conversation: Conversation) -> Json:
    text: Json = {}
    if (format := conversation.format) is not None:
        about = {"description": format.description} if format.description else {}
        strict = {} if format.strict is None else {"strict": format.strict}
        schema = {"type": "json_schema", "name": format.name or "answer", **about, **strict, "schema": format.schema}
        text["format"] = {"type": "json_object"} if format.schema is None else schema
    if conversation.verbosity:
        text["verbosity"] = conversation.verbosity
    return {"text": text} if text else {}
