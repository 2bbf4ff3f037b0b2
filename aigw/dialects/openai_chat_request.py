"""Edits requests of chat completions. The edits work on Documents, so that everything else keeps its bytes.

Rule: each message is a Document. If an edit has nothing to change, the request keeps its bytes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import msgspec

from aigw.core.document import Document
from aigw.core.pace import resting
from aigw.dialects.json_edit import place_of
from aigw.dialects.json_values import encoded
from aigw.higress.chat_structs import CHAT_REQUEST
from aigw.higress.go_json import written
from aigw.higress.values import truthy

ADDED = {"stream_options": ("streamoptions", "includeusage"), "preserve_thinking": ("preservethinking",)}
"""The fields that the gateway adds by itself, and how errors name them, in small letters alone."""
_OPENING = ord("{")


def messages_of(request: Document) -> list[Document]:
    """Returns the messages. Raises ValueError if `messages` is not an array of objects."""
    items = request.items_of("messages")
    try:
        return [Document(bytes(raw)) for raw in resting(items)]
    except ValueError as error:
        raise ValueError(f"messages: {error}") from None


def objects_of(request: Document) -> list[msgspec.Raw]:
    """Returns the messages as they are written. Raises ValueError if `messages` is not an array of objects."""
    items = request.items_of("messages")
    for each in resting(items):
        if memoryview(each)[0] != _OPENING:
            raise ValueError("messages: Expected `object`")
    return items


def system_message(text: str) -> Document:
    return Document(encoded({"role": "system", "content": text}))


def set_messages(request: Document, messages: Sequence[Document]) -> None:
    request.set("messages", [msgspec.Raw(message.encode()) for message in resting(messages)])


def rename_developer(request: Document) -> bool:
    """Changes the role `developer` into `system`. Returns whether there was one."""
    if not request.mentions(b'"developer"'):
        return False
    messages = messages_of(request)
    found = [message for message in messages if message.get("role") == "developer"]
    for message in found:
        message.set("role", "system")
    if found:
        set_messages(request, messages)
    return bool(found)


def clean_context(request: Document, commands: Collection[str], *, in_part: bool) -> None:
    """Finds the last user message whose text is one of `commands`. Drops it and all messages before it, except for
    system messages. `in_part`: the text may be the only part of a list."""
    messages = messages_of(request)
    said = [m.get("content") if m.get("role") == "user" else None for m in messages]
    hits = [i for i, content in enumerate(said) if (_only_part(content) if in_part else content) in commands]
    if hits:
        last = hits[-1]
        system = [message for message in messages[:last] if message.get("role") == "system"]
        set_messages(request, system + messages[last + 1 :])


def merge_consecutive(request: Document) -> None:
    """Joins neighbouring messages of the user, and of the assistant: texts with a blank line between, parts as a longer
    list. What calls tools stays alone."""
    messages = messages_of(request)
    merged: list[Document] = []
    for message in messages:
        last = merged[-1] if merged else None
        if last is not None and last.get("role") == message.get("role") and _mergeable(last) and _mergeable(message):
            last.set("content", _joined(last.get("content"), message.get("content")))
            thoughts = [thought for each in (last, message) if (thought := each.get("reasoning_content"))]
            if thoughts:
                last.set("reasoning_content", "\n\n".join(map(str, thoughts)))
        else:
            merged.append(message)
    if len(merged) < len(messages):
        set_messages(request, merged)


def insert_context(request: Document, text: str) -> None:
    """Inserts a system message after the system messages at the start."""
    messages = messages_of(request)
    place = place_of("behind system", [message.get("role") for message in messages])
    set_messages(request, [*messages[:place], system_message(text), *messages[place:]])


def ask_for_usage(request: Document) -> bool:
    """Sets `stream_options.include_usage` if a request for a stream does not have it. Returns whether it was set."""
    stream = request.get("stream")
    if stream is None or not truthy(stream):
        return False
    options = request.get("stream_options")
    if isinstance(options, dict) and "include_usage" in options:
        return False
    request.set("stream_options", {**(options if isinstance(options, dict) else {}), "include_usage": True})
    return True


def drop_idle_store(request: Document) -> None:
    """Drops `store: false`, which is OpenAI's alone and says nothing. Agents send it to every address that they do not
    know."""
    if request.raw("store") == b"false":
        request.drop("store")


def set_response_format(request: Document, schema: Any) -> None:
    request.set("response_format", schema)


def stop_thinking(request: Document) -> None:
    """Says without `reasoning_effort` that the model shall not think, unless the request says something else."""
    if request.get("reasoning_effort") == "none" and "thinking" not in request:
        request.drop("reasoning_effort")
        request.set("thinking", {"type": "disabled"})


def think_for_any_effort(request: Document) -> None:
    """Says without `reasoning_effort` that the model shall think, whatever the effort is, and that the reasoning of
    earlier turns shall be used, if they have any."""
    if request.get("reasoning_effort"):
        request.drop("reasoning_effort")
        request.set("thinking", {"type": "enabled"})
    if _has_reasoning(request):
        thinking = request.get("thinking")
        request.set("thinking", {**(thinking if isinstance(thinking, dict) else {}), "clear_thinking": False})


def preserve_thinking(request: Document) -> None:
    """Asks for the reasoning of earlier turns to be used, if they have any."""
    if _has_reasoning(request):
        request.set("preserve_thinking", True)


def _has_reasoning(request: Document) -> bool:
    return b'"reasoning_content"' in (request.raw("messages") or b"")


def question(model: str, text: str) -> bytes:
    """The body of a request that asks this."""
    return encoded({"model": model, "messages": [{"role": "user", "content": text}]})


def reserialise(request: Document) -> None:
    """Does what Higress does when it reads a chat request into its structs and writes it again: fields that the structs
    do not have, and empty ones, are lost."""
    fields = {name: request.get(name) for name in request.names()}
    kept = written(fields, CHAT_REQUEST)
    for name in fields.keys() - kept.keys():
        request.drop(name)
    for name, value in kept.items():
        if name not in fields or value != fields[name]:
            request.set(name, value)


def _only_part(content: Any) -> Any:
    """Returns the text of a list with one part, anything else as it is."""
    if isinstance(content, list) and len(content) == 1 and isinstance(content[0], dict):
        return content[0].get("text")
    return content


def _mergeable(message: Document) -> bool:
    calls = message.get("tool_calls") or message.get("function_call")
    return message.get("role") in ("user", "assistant") and not calls


def _joined(first: Any, second: Any) -> Any:
    if isinstance(first, str) and isinstance(second, str):
        return f"{first}\n\n{second}"
    return [*_parts(first), *_parts(second)]


def _parts(content: Any) -> list[Any]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return content if isinstance(content, list) else []
