"""Reads a request of OpenAI's Responses API into a conversation.

Rule: what continues something that only OpenAI keeps is refused by its name. Other fields without a counterpart are
noted, unless they only say what is the case anyway."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aigw.dialects.json_values import Json
from aigw.dialects.view import text_of
from aigw.translation.hub import Conversation, Effort, Format, Message, Reasoning, Sampling, Text
from aigw.translation.notes import Notes, refused
from aigw.translation.responses.read_items import declared_in, messages_of
from aigw.translation.responses.read_tools import choice_of, tools_of
from aigw.translation.values import boolean, limit, switch, texts

ENCRYPTED = "reasoning.encrypted_content"
"""The value of `include` with which a client asks for the state of reasoning."""
CONTINUE = "Continue."
"""The text of a user's message that is added if the last item is an answer, because a response is a new answer and not
the rest of the last one."""
_READ = frozenset(
    ("model", "input", "instructions", "stream", "tools", "tool_choice", "parallel_tool_calls", "max_output_tokens",
     "temperature", "top_p", "reasoning", "text", "user", "safety_identifier", "include", "metadata", "stream_options")
)  # fmt: skip
_USUAL = {"truncation": "disabled", "store": False, "background": False, "service_tier": "auto", "top_logprobs": 0}
"""Fields that change nothing if they have this value."""
_FOREIGN = {
    "previous_response_id": "this provider keeps no responses; send the whole conversation as input",
    "conversation": "this provider keeps no conversations; send the whole conversation as input",
    "prompt": "this provider keeps no prompts",
    "background": "this provider answers at once",
}
_REPEATED = (
    "instructions", "max_output_tokens", "metadata", "parallel_tool_calls", "previous_response_id", "reasoning",
    "temperature", "text", "tool_choice", "top_p", "truncation", "user",
)  # fmt: skip
_EFFORTS: dict[str, Effort] = {
    name: name for name in ("none", "minimal", "low", "medium", "high", "xhigh", "max")
}  # fmt: skip


def read_request(body: Json, notes: Notes) -> Conversation:
    """Raises GatewayError for what cannot be left out without a wrong answer."""
    for field, why in _FOREIGN.items():
        if body.get(field):
            raise refused(field, why)
    notes.lose_unread({name: value for name, value in body.items() if value != _USUAL.get(name)}, _READ)
    given, settings, included = body.get("input"), _object(body.get("text")), texts(body.get("include"))
    notes.lose_unread(settings, frozenset(("format", "verbosity")), "text.")
    notes.lose(*(f"include: {each}" for each in included if each != ENCRYPTED))
    declared = [*tools_of(body.get("tools"), notes), *declared_in(given, notes)]
    choice, tools = choice_of(body.get("tool_choice"), declared)
    return Conversation(
        model=text_of(body.get("model")),
        messages=tuple(_messages(body, notes)),
        tools=tools,
        choice=choice,
        parallel=boolean(body.get("parallel_tool_calls")),
        max_tokens=limit(body.get("max_output_tokens"), "max_output_tokens"),
        sampling=Sampling(body.get("temperature"), body.get("top_p")),
        format=_format(_object(settings.get("format")), notes),
        reasoning=_reasoning(_object(body.get("reasoning")), notes),
        stream=switch(body.get("stream")),
        user=text_of(body.get("safety_identifier")) or text_of(body.get("user")),
        verbosity=text_of(settings.get("verbosity")),
        wants_state=ENCRYPTED in included,
        repeated={name: body[name] for name in _REPEATED if name in body},
    )


def _object(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def _messages(body: Json, notes: Notes) -> Iterator[Message]:
    if instructions := text_of(body.get("instructions")):
        yield Message("system", (Text(instructions),))
    message: Message | None = None
    for message in messages_of(body.get("input"), notes):
        yield message
    if message is None:
        raise refused("input", "there is nothing to answer")
    if message.role == "assistant" and any(isinstance(part, Text) for part in message.parts):
        yield Message("user", (Text(CONTINUE),))


def _format(given: Json, notes: Notes) -> Format | None:
    kind = text_of(given.get("type"))
    if kind == "json_object":
        return Format()
    if kind != "json_schema":
        if kind not in ("", "text"):
            notes.lose(f"text.format: {kind}")
        return None
    return Format(
        given.get("schema"), text_of(given.get("name")), boolean(given.get("strict")), text_of(given.get("description"))
    )


def _reasoning(given: Json, notes: Notes) -> Reasoning:
    notes.lose_unread(given, frozenset(("effort", "summary", "generate_summary", "context")), "reasoning.")
    if given.get("context") == "all_turns":
        notes.lose("reasoning.context")
    effort = _EFFORTS.get(text_of(given.get("effort")), "")
    return Reasoning(effort, shown=True if given.get("summary") else None)
