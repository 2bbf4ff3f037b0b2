"""Writes a conversation as a request for Amazon Bedrock's Converse, which passes it on to models of many makers.

Rules of the format: roles take turns, a user begins, and results stand in the user's message before all else. The
model's own settings, such as those of its reasoning, are in a field of their own. A message must not be empty, nor a
text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from aigw.dialects.json_values import Json
from aigw.translation.arguments import object_in
from aigw.translation.chat.write_request import function_of, schema_text
from aigw.translation.converse.cache_points import CACHE_POINT, MOST_CACHE_POINTS, add_cache_points
from aigw.translation.converse.write_thinking import settings_of, thinks
from aigw.translation.envelope import opened
from aigw.translation.history import joined, known_tools, told_by_user
from aigw.translation.hub import Call, Conversation, Media, Message, Part, Result, Text, Thinking, Tool
from aigw.translation.notes import Notes, not_fetched, refused
from aigw.translation.rules import Rules, limit_of, matches

_IMAGES = {"image/jpeg": "jpeg", "image/jpg": "jpeg", "image/png": "png", "image/gif": "gif", "image/webp": "webp"}
_FILES = {
    "application/pdf": "pdf", "text/csv": "csv", "text/html": "html", "text/plain": "txt", "text/markdown": "md",
    "application/msword": "doc", "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
}  # fmt: skip
_NOT_IN_NAMES = re.compile(r"[^a-zA-Z0-9 ()\[\]-]|\s{2,}")


def write_request(conversation: Conversation, rules: Rules, notes: Notes) -> Json:
    """Returns the body. `conversation` has names and ids that the provider takes. The model is in the path."""
    given = conversation.messages
    if given and all(message.role == "system" for message in given):  # they alone are what the user asks for
        given = (*given[:-1], Message("user", given[-1].parts))
    leading = next((at for at, message in enumerate(given) if message.role != "system"), len(given))
    system = [part for message in given[:leading] for part in message.parts]
    if conversation.format is not None:
        notes.lose("a form of the answer that the provider enforces")
        system = [*system, Text(schema_text(conversation.format.described))]
    if any(isinstance(part, Media) for part in system):
        notes.lose("an image of the system")
    rest = [told_by_user(message) if message.role == "system" else message for message in given[leading:]]
    marks = _Marks([*conversation.tools, *system, *(part for message in rest for part in message.parts)], rules)
    body: Json = {"messages": list(_messages(rest, rules, notes, marks))}
    if texts := [block for part in system for block in _text_blocks(part, marks)]:
        body["system"] = texts
    thinking = settings_of(conversation, body["messages"], rules, notes)
    if config := _inference(conversation, rules, notes, thinks=thinks(thinking)):
        body["inferenceConfig"] = config
    if tools := _tools_to_know(conversation):
        body["toolConfig"] = _tools(tools, conversation, notes, marks)
    if extra := {**thinking, **rules.extra_fields}:
        body["additionalModelRequestFields"] = extra
    if conversation.choices > 1:
        raise refused("n", "this provider gives one answer")
    notes.lose(*(name for name in ("user", "verbosity") if getattr(conversation, name)))
    add_cache_points(body, conversation.model, rules)
    return body


class _Marks:
    """The parts that end a prefix to be cached: the last four marks of the client, for models that cache."""

    def __init__(self, parts: Sequence[Tool | Part], rules: Rules) -> None:
        marked = [each for each in parts if not isinstance(each, Thinking) and each.cached]
        kept = marked[-MOST_CACHE_POINTS:] if rules.keeps_cache_marks else []
        self._kept = {id(each) for each in kept}

    def behind(self, part: object) -> list[Json]:
        return [CACHE_POINT] if id(part) in self._kept else []


def _messages(messages: Sequence[Message], rules: Rules, notes: Notes, marks: _Marks) -> Iterator[Json]:
    begun = False
    for message in joined(messages):
        role, parts = message.role, message.parts
        if role == "user":
            parts = tuple(sorted(parts, key=lambda part: not isinstance(part, Result)))
        blocks = [block for part in parts for block in _blocks(part, rules, notes, marks)]
        if not blocks:
            continue
        if role == "assistant" and not begun:
            yield {"role": "user", "content": [{"text": "."}]}
        begun = True
        yield {"role": role, "content": blocks}


def _blocks(part: Part, rules: Rules, notes: Notes, marks: _Marks) -> list[Json]:
    match part:
        case Text():
            return _text_blocks(part, marks)
        case Media():
            return [_media(part), *marks.behind(part)]
        case Call():
            use = {"toolUseId": part.id, "name": part.name, "input": object_in(part, notes)}
            return [{"toolUse": use}, *marks.behind(part)]
        case Result():
            return [_result(part), *marks.behind(part)]
        case Thinking():
            return _thought(part, rules)


def _text_blocks(part: Part, marks: _Marks) -> list[Json]:
    if not isinstance(part, Text) or not part.text.strip():
        return []
    return [{"text": part.text}, *marks.behind(part)]


def _result(result: Result) -> Json:
    content: list[Json] = []
    for part in result.parts:
        if isinstance(part, Media):
            content.append(_media(part))
        elif part.text.strip():
            content.append({"text": part.text})
    status = {"status": "error"} if result.failed else {}
    return {"toolResult": {"toolUseId": result.id, "content": content or [{"text": "(empty)"}], **status}}


def _media(part: Media) -> Json:
    if not part.data:
        raise not_fetched(part.kind)
    if part.kind == "image":
        return {"image": {"format": _IMAGES.get(part.type, "png"), "source": {"bytes": part.data}}}
    kind = _FILES.get(part.type.partition(";")[0])
    if part.kind == "audio" or kind is None:
        raise refused("messages", f"this provider takes no {part.type or part.kind}")
    name = _NOT_IN_NAMES.sub("-", part.name.rpartition(".")[0] or part.name or "file")[:200]
    return {"document": {"format": kind, "name": name, "source": {"bytes": part.data}}}


def _thought(part: Thinking, rules: Rules) -> list[Json]:
    """Returns a piece of reasoning, or nothing if another provider has made it."""
    state = opened(part.state, rules.maker)
    if not state:
        return []
    if part.redacted:
        return [{"reasoningContent": {"redactedContent": state}}]
    return [{"reasoningContent": {"reasoningText": {"text": part.text, "signature": state}}}]


def _inference(conversation: Conversation, rules: Rules, notes: Notes, *, thinks: bool) -> Json:
    config: Json = {}
    if conversation.max_tokens is not None:
        most = limit_of(conversation.model, rules.most_tokens)
        if most is not None and conversation.max_tokens > most:
            notes.lose(f"max_tokens above {most}")
        config["maxTokens"] = min(conversation.max_tokens, most or conversation.max_tokens)
    if conversation.stop:
        config["stopSequences"] = list(conversation.stop)
    sampling = conversation.sampling
    names = _sampling_names(conversation, rules, thinks=thinks)
    config |= {ours: value for name, ours in names.items() if (value := getattr(sampling, name)) is not None}
    if isinstance(config.get("temperature"), int | float) and config["temperature"] > 1:
        notes.lose("temperature above 1")
        config["temperature"] = 1
    every = ("temperature", "top_p", "top_k", "seed", "frequency_penalty", "presence_penalty")
    notes.lose(*(name for name in every if name not in names and getattr(sampling, name) is not None))
    return config


def _sampling_names(conversation: Conversation, rules: Rules, *, thinks: bool) -> dict[str, str]:
    """Returns which settings the model takes. Anthropic's take none while they think, and one at a time."""
    names = {"temperature": "temperature", "top_p": "topP"}
    if not matches(conversation.model, rules.anthropic_models):
        return names
    if thinks or not matches(conversation.model, rules.plain_sampling):
        return {}
    return names if conversation.sampling.temperature is None else {"temperature": "temperature"}


def _tools_to_know(conversation: Conversation) -> tuple[Tool, ...]:
    """None, if none may be called: the format has no other word for that. But it wants to know the tools of earlier
    calls."""
    if conversation.choice == "none" and not any(message.calls for message in conversation.messages):
        return ()
    return known_tools(conversation)


def _tools(known: Sequence[Tool], conversation: Conversation, notes: Notes, marks: _Marks) -> Json:
    tools: list[Json] = []
    for tool in known:
        function = function_of(tool)
        if function.get("strict"):
            notes.lose("tools: strict")
        schema = function.get("parameters") or {"type": "object", "properties": {}}
        about = {"description": function["description"]} if function.get("description") else {}
        tools += [{"toolSpec": {"name": tool.name, **about, "inputSchema": {"json": schema}}}, *marks.behind(tool)]
    config: Json = {"tools": tools}
    choice = conversation.choice if conversation.tools else "none"
    if isinstance(choice, tuple):
        config["toolChoice"] = {"tool": {"name": choice[1]}}
    elif choice == "required":
        config["toolChoice"] = {"any": {}}
    elif choice == "none":
        notes.lose("tool_choice none")
    if conversation.parallel is False:
        notes.lose("one call at a time")
    return config
