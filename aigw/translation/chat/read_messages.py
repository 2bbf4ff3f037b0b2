"""Reads the messages of a request for chat completions.

Rule: what stands before the texts in time comes first: a turn of the assistant is its reasoning, its texts, its calls.
Results, which have messages of their own here, become parts of a user's message."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from aigw.core.pace import resting
from aigw.dialects.json_values import Json
from aigw.dialects.openai_chat_calls import content_of
from aigw.dialects.view import rows_of, text_of
from aigw.translation.base64_text import of_data_url, standard
from aigw.translation.hub import Call, Media, Message, Part, Result, Role, Text, Thinking
from aigw.translation.notes import Notes, refused

_ROLES: dict[str, Role] = {"system": "system", "developer": "system", "assistant": "assistant"}
_RESULTS = ("tool", "function")
_TEXTS = ("text", "input_text", "output_text")
_READ = frozenset((
    "role", "content", "tool_calls", "tool_call_id", "function_call", "refusal", "reasoning_content", "reasoning",
    "reasoning_details", "annotations", "cache_control", "name", "audio", "prefix",
))  # fmt: skip
"""What is known of a message. Its annotations are about a text that is there; thoughts are for their maker."""
_READ_OF_PARTS = frozenset((
    *_TEXTS, "type", "refusal", "image_url", "input_audio", "file", "cache_control", "prompt_cache_breakpoint",
))  # fmt: skip
_SOUNDS = {"mp3": "audio/mpeg"}
"""The media types that are not audio/ and the format."""


def read_messages(given: Any, notes: Notes) -> Iterator[Message]:
    """Raises GatewayError for a file that only another provider has."""
    old = _OldCalls()
    for message in resting(rows_of(given)):
        role = text_of(message.get("role"))
        notes.lose_unread(message, _READ, "messages: ")
        parts = list(_parts(message.get("content"), notes))
        marked = bool(message.get("cache_control"))
        if role in _RESULTS:
            yield Message("user", (Result(old.id_of_result(message), tuple(parts), cached=marked),))
            continue
        notes.lose(*(f"messages: {name}" for name in ("name", "prefix") if message.get(name)))
        if marked and parts:
            parts[-1] = replace(parts[-1], cached=True)
        if role == "assistant":
            yield Message("assistant", (*_thoughts(message), *parts, *_refusal(message), *_calls(message, old, notes)))
        else:
            yield Message(_ROLES.get(role, "user"), tuple(parts))


class _OldCalls:
    """Gives calls and results in the old form, which have names alone, ids by their numbers."""

    def __init__(self) -> None:
        self._number = 0

    def id_of_call(self) -> str:
        self._number += 1
        return f"function_{self._number}"

    def id_of_result(self, message: Json) -> str:
        id = text_of(message.get("tool_call_id"))
        return id or (f"function_{self._number}" if message.get("role") == "function" else "")


def _thoughts(message: Json) -> Iterator[Part]:
    thought = text_of(message.get("reasoning_content")) or text_of(message.get("reasoning"))
    if thought:
        yield Thinking(thought)


def _refusal(message: Json) -> Iterator[Part]:
    if refusal := text_of(message.get("refusal")):
        yield Text(refusal, refusal=True)


def _calls(message: Json, old: _OldCalls, notes: Notes) -> Iterator[Part]:
    if message.get("audio"):
        notes.lose("messages: audio")
    for call in rows_of(message.get("tool_calls")):
        if (content := content_of(call)) is None:
            notes.lose(f"messages: a call of type {text_of(call.get('type'))}")
            continue
        name, arguments = content
        custom = "custom" in call and "function" not in call
        yield Call(text_of(call.get("id")), text_of(name), text_of(arguments), custom, state=state_of(call))
    if isinstance(one := message.get("function_call"), dict):
        yield Call(old.id_of_call(), text_of(one.get("name")), text_of(one.get("arguments")))


def state_of(call: Json) -> str:
    """Returns the signature of a call, where Gemini's own OpenAI-compatible endpoint has it."""
    extra = call.get("extra_content")
    google = extra.get("google") if isinstance(extra, dict) else None
    return text_of(google.get("thought_signature")) if isinstance(google, dict) else ""


def _parts(content: Any, notes: Notes) -> Iterator[Text | Media]:
    """Empty texts are left out: providers refuse them."""
    if isinstance(content, str):
        if content:
            yield Text(content)
        return
    for part in rows_of(content):
        read = _part(text_of(part.get("type")), part, notes)
        if read is not None and read != Text(""):
            notes.lose_unread(part, _READ_OF_PARTS, "messages: ")
            marked = bool(part.get("cache_control") or part.get("prompt_cache_breakpoint"))
            yield replace(read, cached=True) if marked else read


def _part(kind: str, part: Json, notes: Notes) -> Text | Media | None:
    if kind in _TEXTS or (not kind and "text" in part):
        return Text(text_of(part.get("text")))
    if kind == "refusal":
        return Text(text_of(part.get("refusal")), refusal=True)
    inner = part.get(kind)
    if kind == "image_url":
        return _image(inner if isinstance(inner, dict) else {"url": inner})
    if kind == "input_audio" and isinstance(inner, dict):
        format = text_of(inner.get("format"))
        return Media("audio", _SOUNDS.get(format, f"audio/{format}"), standard(text_of(inner.get("data"))))
    if kind == "file" and isinstance(inner, dict):
        return _file(inner)
    notes.lose(f"messages: {kind or 'a part without a type'}")
    return None


def _image(given: Json) -> Media:
    url, detail = text_of(given.get("url")), text_of(given.get("detail"))
    if (found := of_data_url(url)) is not None:
        return Media("image", *found, detail=detail)
    return Media("image", url=url, detail=detail)


def _file(given: Json) -> Media:
    if given.get("file_id"):
        raise refused("messages: file.file_id", "a file that another provider keeps cannot be sent here")
    data, name = text_of(given.get("file_data")), text_of(given.get("filename"))
    type, inside = of_data_url(data) or ("application/pdf", standard(data))
    return Media("file", type, inside, name=name)
