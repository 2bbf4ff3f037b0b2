"""Reads the input of a request of OpenAI's Responses API: a list of items, each of which is a message, reasoning, a
call or its result. Several items in a row are one turn of the model.

Rule: an item that refers to what only OpenAI keeps is refused, because without it the model would not know what was
said. What OpenAI's own tools have left behind is noted."""

from __future__ import annotations

from collections.abc import Iterator
from mimetypes import guess_type
from typing import Any

from msgspec.structs import replace

from aigw.dialects.json_values import Json, json_text
from aigw.dialects.view import rows_of, text_of
from aigw.translation.base64_text import of_data_url, standard
from aigw.translation.hub import Call, Kind, Media, Message, Part, Result, Role, Text, Thinking, Tool
from aigw.translation.notes import Notes, refused
from aigw.translation.responses.read_tools import tools_of

DECLARING = ("additional_tools", "tool_search_output")
"""The types of items that declare tools."""
_ROLES: dict[str, Role] = {"system": "system", "developer": "system", "assistant": "assistant"}
_CALLS = {"function_call": "arguments", "custom_tool_call": "input"}
"""For each type of call, the field with its text."""
_CLIENT_CALLS = {
    "tool_search_call": "arguments", "local_shell_call": "action", "shell_call": "action",
    "apply_patch_call": "operation",
}  # fmt: skip
"""For each type of call, the field with its arguments as an object."""
_RESULTS = (
    "function_call_output", "custom_tool_call_output", "tool_search_output", "local_shell_call_output",
    "shell_call_output", "apply_patch_call_output",
)  # fmt: skip
_KEPT_THERE = {
    "item_reference": "an item that another provider keeps cannot be sent here",
    "compaction": "only the provider that has compacted a conversation can read it",
    "compaction_trigger": "this provider does not compact conversations",
}
_READ = frozenset((
    "type", "role", "content", "id", "status", "phase", "summary", "encrypted_content", "call_id", "name", "namespace",
    "caller", *_CALLS.values(), *_CLIENT_CALLS.values(), "output", "execution", "tools", "max_output_length",
    "environment",
))  # fmt: skip
"""What is known of items. Those of earlier turns also say what became of them, and who called."""
_READ_OF_PARTS = frozenset((
    "type", "text", "refusal", "annotations", "logprobs", "image_url", "input_audio", "file_data", "file_url",
    "file_id", "filename", "detail", "prompt_cache_breakpoint",
))  # fmt: skip
FOREIGN_FILE = "a file that another provider keeps cannot be sent here"


def messages_of(given: Any, notes: Notes) -> Iterator[Message]:
    """Yields a message for each item. `given` is the input, which may be a text."""
    if isinstance(given, str):
        yield Message("user", (Text(given),))
    for item in rows_of(given):
        kind = text_of(item.get("type")) or ("message" if "role" in item else "")
        if kind in _KEPT_THERE:
            raise refused(f"input: {kind}", _KEPT_THERE[kind])
        message = _message(kind, item, notes)
        if message is not None:
            notes.lose_unread(item, _READ, "input: ")
        if message is not None and message.parts:
            yield message


def declared_in(given: Any, notes: Notes) -> Iterator[Tool]:
    """Yields the tools that items declare."""
    for item in rows_of(given):
        if item.get("type") in DECLARING:
            yield from tools_of(item.get("tools"), notes)


def _message(kind: str, item: Json, notes: Notes) -> Message | None:
    if kind == "message":
        role = _ROLES.get(text_of(item.get("role")), "user")
        return Message(role, tuple(_parts(item.get("content"), notes)))
    if kind == "reasoning":
        return Message("assistant", (_thinking(item),))
    if kind in _CALLS or kind in _CLIENT_CALLS:
        return Message("assistant", (_call(kind, item),))
    if kind in _RESULTS:
        return Message("user", (_result(kind, item, notes),))
    if kind not in DECLARING:
        notes.lose(f"input: {kind or 'an item without a type'}")
    return None


def _parts(content: Any, notes: Notes) -> Iterator[Part]:
    """Empty texts are left out: providers refuse them."""
    if isinstance(content, str):
        if content:
            yield Text(content)
        return
    for part in rows_of(content):
        read = _part(text_of(part.get("type")), part, notes)
        if read is not None and read != Text(""):
            notes.lose_unread(part, _READ_OF_PARTS, "input: ")
            yield replace(read, cached=True) if part.get("prompt_cache_breakpoint") else read


def _part(kind: str, part: Json, notes: Notes) -> Text | Media | None:
    if kind in ("input_text", "output_text", "text", "summary_text"):
        return Text(text_of(part.get("text")))
    if kind == "refusal":
        return Text(text_of(part.get("refusal")), refusal=True)
    if part.get("file_id"):
        raise refused(f"input: {kind}.file_id", FOREIGN_FILE)
    media = _media(kind, part)
    if media is None or not media.data_url:
        notes.lose(f"input: {kind or 'a part without a type'}")
        return None
    return media


def _media(kind: str, part: Json) -> Media | None:
    if kind == "input_image":
        return _of_url("image", text_of(part.get("image_url")), detail=text_of(part.get("detail")))
    if kind == "input_audio":
        sound = part.get("input_audio")
        sound = sound if isinstance(sound, dict) else {}
        return Media("audio", f"audio/{text_of(sound.get('format')) or 'wav'}", standard(text_of(sound.get("data"))))
    if kind != "input_file":
        return None
    name, data = text_of(part.get("filename")), text_of(part.get("file_data"))
    if data and not data.startswith("data:"):
        return Media("file", guess_type(name)[0] or "application/pdf", standard(data), name=name)
    return _of_url("file", data or text_of(part.get("file_url")), name=name)


def _of_url(kind: Kind, url: str, *, name: str = "", detail: str = "") -> Media:
    if (found := of_data_url(url)) is not None:
        return Media(kind, *found, name=name, detail=detail)
    return Media(kind, url=url, name=name, detail=detail)


def _thinking(item: Json) -> Thinking:
    """The full text is preferred to its summary."""
    texts = [text_of(part.get("text")) for part in rows_of(item.get("content")) or rows_of(item.get("summary"))]
    text, state = "\n\n".join(filter(None, texts)), text_of(item.get("encrypted_content"))
    return Thinking(text, state, redacted=not text)


def _call(kind: str, item: Json) -> Call:
    id = _id_of(item)
    if kind in _CALLS:
        name, text = text_of(item.get("name")), text_of(item.get(_CALLS[kind]))
        return Call(id, name, text, kind == "custom_tool_call", text_of(item.get("namespace")))
    given = item.get(_CLIENT_CALLS[kind])
    return Call(id, kind.removesuffix("_call"), given if isinstance(given, str) else json_text(given or {}))


def _id_of(item: Json) -> str:
    return text_of(item.get("call_id")) or text_of(item.get("id"))


def _result(kind: str, item: Json, notes: Notes) -> Result:
    failed = item.get("status") == "failed"
    return Result(_id_of(item), tuple(_output(kind, item, notes)), failed, kind == "custom_tool_call_output")


def _output(kind: str, item: Json, notes: Notes) -> Iterator[Text | Media]:
    if kind == "tool_search_output":
        names = [
            f"{tool.namespace}__{tool.name}" if tool.namespace else tool.name
            for tool in tools_of(item.get("tools"), Notes())
        ]
        yield Text(f"These tools can be called now: {', '.join(names)}" if names else "No tool was found.")
    elif kind == "shell_call_output":
        for run in rows_of(item.get("output")):
            yield Text(_printed(run))
    else:
        yield from (part for part in _parts(item.get("output"), notes) if isinstance(part, Text | Media))


def _printed(run: Json) -> str:
    outcome = run.get("outcome")
    outcome = outcome if isinstance(outcome, dict) else {}
    ended = f"exit code {outcome['exit_code']}" if "exit_code" in outcome else text_of(outcome.get("type"))
    return "\n".join(filter(None, [text_of(run.get("stdout")), text_of(run.get("stderr")), ended]))
