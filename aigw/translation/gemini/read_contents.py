"""Reads the conversation of a request of Gemini's API.

Rule: calls and results may have no id. A result then belongs to the first call of its name in the turn before it that
has none yet, or else to the first call without one. Ids that are made up depend only on the place of the call, so that
each turn says the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from aigw.dialects.gemini_request import arguments_of, field, items_of, spellings
from aigw.dialects.json_values import Json, json_text
from aigw.dialects.view import text_of
from aigw.translation.base64_text import standard
from aigw.translation.hub import Call, Kind, Media, Message, Part, Result, Role, Text, Thinking
from aigw.translation.notes import Notes, refused

_WORDS = ("output", "result", "content")
"""The member of a response that is all that a tool said, if it is the only one."""
_READ = spellings(
    "text", "thought", "thoughtSignature", "functionCall", "functionResponse", "inlineData", "fileData",
    "executableCode", "codeExecutionResult",
)  # fmt: skip
"""What is known of parts. Others say how a model shall look at an image or a film, which pages it shall read, ..."""
_READ_OF_CALLS = frozenset(("id", "name", "args"))
_READ_OF_RESPONSES = frozenset(("id", "name", "response", "parts"))
_FETCHED = ("http://", "https://")
_GOOGLES = "https://generativelanguage.googleapis.com/"


class Contents:
    """Reads contents one after the other, because a result is found by the calls before it."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._waiting: list[Call] = []
        """The calls of the model's last turn that have no result yet."""

    def messages(self, contents: Any) -> Iterator[Message]:
        for number, (_, content) in enumerate(items_of((), contents)):
            role: Role = "assistant" if field(content, "role") == "model" else "user"
            parts = tuple(_joined(self._parts(number, content)))
            if role == "assistant":
                self._waiting += [part for part in parts if isinstance(part, Call)]
            yield Message(role, parts)

    def _parts(self, number: int, content: Any) -> Iterator[Part]:
        given = content if isinstance(content, str) else field(content, "parts")
        calls = 0
        for _, part in items_of((), given):
            if isinstance(part, str):
                part = {"text": part}
            for read in self._part(part, f"call_{number}_{calls}") if isinstance(part, dict) else ():
                calls += isinstance(read, Call)
                if read != Text(""):
                    yield read

    def _part(self, part: Json, id: str) -> Iterator[Part]:
        """Reads a part. A call without an id gets `id`."""
        self._notes.lose_unread(part, _READ, "contents: ")
        state = text_of(field(part, "thoughtSignature"))
        if part.get("thought") is True:
            yield Thinking(text_of(part.get("text")), state)
        elif isinstance(text := part.get("text"), str):
            yield from [Thinking("", state)] if state else []
            yield Text(text)
        elif isinstance(call := field(part, "functionCall"), dict):
            self._notes.lose_unread(call, _READ_OF_CALLS, "contents: functionCall.")
            given = text_of(call.get("id")) or id
            yield Call(given, text_of(call.get("name")), arguments_of(call), state=state)
        elif isinstance(response := field(part, "functionResponse"), dict):
            yield self._result(response)
        elif (media := self._media(part)) is not None:
            yield media
        else:
            yield from self._other(part)

    def _result(self, response: Json) -> Result:
        self._notes.lose_unread(response, _READ_OF_RESPONSES, "contents: functionResponse.")
        id, name = text_of(response.get("id")), text_of(response.get("name"))
        waiting = self._waiting
        fitting = [call for call in waiting if call.id == id] if id else [call for call in waiting if call.name == name]
        call = next(iter(fitting or ([] if id else waiting)), None)
        if call is not None:
            waiting.remove(call)
        text, failed = _result_of(response.get("response"))
        parts: list[Text | Media] = [Text(text)] if text else []
        for _, part in items_of((), response.get("parts")):
            if isinstance(part, dict):
                self._notes.lose_unread(part, _READ, "contents: functionResponse.")
                media = self._media(part)
                parts += [media] if media is not None else []
        return Result(call.id if call else id, tuple(parts), failed, name=call.name if call else name)

    def _media(self, part: Json) -> Media | None:
        """Files have a name in every format, images and sounds only here."""
        media = _media(part)
        if media is not None and media.name and media.kind != "file":
            self._notes.lose("contents: displayName")
        return media

    def _other(self, part: Json) -> Iterator[Part]:
        code, output = field(part, "executableCode"), field(part, "codeExecutionResult")
        if isinstance(code, dict):
            yield Text(f"```{text_of(code.get('language')).lower()}\n{text_of(code.get('code'))}\n```")
        elif isinstance(output, dict):
            yield Text(text_of(output.get("output")))
        else:
            self._notes.lose(*(f"contents: {name}" for name in part if name not in ("thoughtSignature", "thought")))


def _joined(parts: Iterable[Part]) -> list[Part]:
    """The thoughts of one piece come in several parts, and their state with the part behind them."""
    out: list[Part] = []
    for part in parts:
        before = out[-1] if out else None
        if isinstance(part, Thinking) and isinstance(before, Thinking) and not before.state:
            out[-1] = Thinking(before.text + part.text, part.state)
        elif isinstance(part, Call) and part.state and isinstance(before, Thinking) and not before.state:
            out[-1:] = [Thinking(before.text, part.state), part]
        elif isinstance(part, Thinking) and not part.text:
            continue  # nothing was thought
        else:
            out.append(part)
    return out


def _result_of(response: Any) -> tuple[str, bool]:
    """Returns what a tool said, and whether that is an error."""
    if isinstance(response, dict) and len(response) == 1:
        ((name, value),) = response.items()
        if name == "error" or name in _WORDS:
            return _text(value), name == "error"
    return _text(response), False


def _text(value: Any) -> str:
    if isinstance(value, str) or value is None:
        return value or ""
    try:
        return json_text(value)
    except (ValueError, RecursionError):
        return ""


def _media(part: Json) -> Media | None:
    """Raises GatewayError for a file that only Google has."""
    if isinstance(inline := field(part, "inlineData"), dict):
        type = text_of(field(inline, "mimeType"))
        data = standard(text_of(inline.get("data")))
        return Media(_kind(type), type, data, name=text_of(field(inline, "displayName")))
    if isinstance(file := field(part, "fileData"), dict):
        type, uri = text_of(field(file, "mimeType")), text_of(field(file, "fileUri"))
        if _kind(type) != "image" or not uri.startswith(_FETCHED) or uri.startswith(_GOOGLES):
            raise refused("contents: fileData", "a file that Google keeps cannot be sent to another provider")
        return Media("image", type, url=uri)
    return None


def _kind(type: str) -> Kind:
    before = type.partition("/")[0]
    return "image" if before == "image" else "audio" if before == "audio" else "file"
