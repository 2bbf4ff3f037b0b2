"""Writes the messages of a conversation for Anthropic's Messages API.

Rules of the API: the instructions at the beginning stand apart. Users and assistants take turns, beginning with the
user. The results of all calls of a turn come first in the user's message behind it. No text is empty, and none is only
white space. Reasoning goes back only to who signed it."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile
from typing import NamedTuple

from aigw.core.pace import resting
from aigw.dialects.json_values import Json
from aigw.translation.arguments import object_in
from aigw.translation.envelope import opened
from aigw.translation.history import joined, told_by_user
from aigw.translation.hub import Call, Conversation, Media, Message, Part, Result, Text, Thinking
from aigw.translation.notes import Notes, refused
from aigw.translation.rules import Rules, matches

FIRST = "[the assistant begins]"
"""The text of a user's message that is added if the assistant speaks first."""
MARK = {"type": "ephemeral"}
_IMAGE_TYPES = {"": "image/png", "image/jpg": "image/jpeg"}


class Written(NamedTuple):
    """The messages as they were written. `system` are the blocks of the instructions. `goes_on`: the model must
    continue the last message, which is its own. `thought`: the last turn of the assistant has no calls, or begins with
    reasoning."""

    system: list[Json]
    messages: list[Json]
    goes_on: bool
    thought: bool


def write_messages(conversation: Conversation, rules: Rules, notes: Notes) -> Written:
    """Raises GatewayError for what no model of this API reads."""
    said = [message for each in resting(conversation.messages) if (message := _without_blanks(each)).parts]
    leading = list(takewhile(lambda message: message.role == "system", said))
    rest = said[len(leading) :]
    if leading and not rest:  # instructions alone are what the user asks for
        rest = [Message("user", leading.pop().parts)]
    hears = matches(conversation.model, rules.hears_system)
    turns = _in_turns(rest, hears=hears)
    goes_on = bool(turns) and turns[-1].role == "assistant"
    if goes_on and not matches(conversation.model, rules.prefills):
        raise refused(
            "messages",
            f"the last message is the assistant's, and {conversation.model} does not go on with one: "
            "end with a message of the user",
        )
    messages = [_message(message, rules, notes) for message in resting(turns)]
    if goes_on:
        _strip_end(messages)
    return Written(list(_system(leading, notes)), messages, goes_on, _thought(messages))


def _system(messages: Iterable[Message], notes: Notes) -> Iterator[Json]:
    for part in [part for message in messages for part in message.parts]:
        if isinstance(part, Text):
            yield _text(part)
        else:
            notes.lose("an image of the system")


def _without_blanks(message: Message) -> Message:
    parts = tuple(part for part in message.parts if not isinstance(part, Text) or part.text.strip())
    return message if len(parts) == len(message.parts) else Message(message.role, parts)


def _in_turns(messages: Sequence[Message], *, hears: bool) -> tuple[Message, ...]:
    """Returns the messages, beginning with the user's. What the system says in between is a message of the user, unless
    the model hears the system there: in front of its own answers, and at the end."""
    given = joined(messages)
    turns: list[Message] = []
    for place, message in enumerate(given):
        before_answer = place + 1 == len(given) or given[place + 1].role == "assistant"
        heard = hears and before_answer and all(isinstance(part, Text) for part in message.parts)
        turns.append(message if message.role != "system" or heard else told_by_user(message))
    if turns and turns[0].role != "user":
        turns.insert(0, Message("user", (Text(FIRST),)))
    return joined(turns)


def _message(message: Message, rules: Rules, notes: Notes) -> Json:
    parts: Iterable[Part] = message.parts
    if message.role == "user":
        parts = sorted(message.parts, key=lambda part: not isinstance(part, Result))
    blocks = [block for part in parts for block in _blocks(part, rules, notes)]
    return {"role": message.role, "content": blocks}


def _blocks(part: Part, rules: Rules, notes: Notes) -> Iterator[Json]:
    match part:
        case Text():
            yield _text(part)
        case Media():
            yield _marked(_media(part), part.cached)
        case Thinking():
            if state := opened(part.state, rules.maker):
                yield _thinking(part, state)
        case Call():
            use: Json = {"type": "tool_use", "id": part.id, "name": part.name, "input": object_in(part, notes)}
            yield _marked(use, part.cached)
        case Result():
            yield _marked(_result(part, notes), part.cached)


def _text(part: Text) -> Json:
    return _marked({"type": "text", "text": part.text}, part.cached)


def _thinking(part: Thinking, state: str) -> Json:
    if part.redacted:
        return {"type": "redacted_thinking", "data": state}
    return {"type": "thinking", "thinking": part.text, "signature": state}


def _result(part: Result, notes: Notes) -> Json:
    block: Json = {"type": "tool_result", "tool_use_id": part.id}
    content: list[Json] = []
    for each in part.parts:
        if isinstance(each, Text):
            content += [{"type": "text", "text": each.text}] if each.text.strip() else []
        elif each.kind == "audio":
            notes.lose("a sound in a result")
            content.append({"type": "text", "text": "[audio]"})
        else:
            content.append(_media(each))
    if content:
        plain = len(content) == 1 and content[0]["type"] == "text"
        block["content"] = content[0]["text"] if plain else content
    if part.failed:
        block["is_error"] = True
    return block


def _media(part: Media) -> Json:
    if part.kind == "audio":
        raise refused("messages: input_audio", "the models of this provider do not hear")
    if part.kind == "image":
        return {"type": "image", "source": _source(part, _IMAGE_TYPES.get(part.type, part.type))}
    title = {"title": part.name} if part.name else {}
    if part.data and part.type.startswith("text/"):
        return {"type": "document", "source": _plain_text(part), **title}
    return {"type": "document", "source": _source(part, part.type or "application/pdf"), **title}


def _source(part: Media, type: str) -> Json:
    return {"type": "base64", "media_type": type, "data": part.data} if part.data else {"type": "url", "url": part.url}


def _plain_text(part: Media) -> Json:
    try:
        text = b64decode(part.data, validate=True).decode()
    except ValueError:
        raise refused("messages: file", f"{part.name or 'the file'} is no text in UTF-8, coded as base64") from None
    return {"type": "text", "media_type": "text/plain", "data": text}


def _marked(block: Json, cached: bool) -> Json:
    return {**block, "cache_control": MARK} if cached else block


def _strip_end(messages: list[Json]) -> None:
    """Removes white space at the end of a text that the model should continue, because the API refuses it."""
    last = messages[-1]["content"][-1] if messages[-1]["content"] else {}
    if last.get("type") == "text":
        last["text"] = last["text"].rstrip()


def _thought(messages: Sequence[Json]) -> bool:
    own: list[Json] = next((message["content"] for message in reversed(messages) if message["role"] == "assistant"), [])
    kinds = [block["type"] for block in own]
    return "tool_use" not in kinds or kinds[0] in ("thinking", "redacted_thinking")
