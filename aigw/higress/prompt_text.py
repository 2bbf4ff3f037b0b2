"""The text of a prompt as Higress's ai-context-limit counts it: all that it knows of chats and of Messages, joined line
by line, with the JSON of tools and schemas as it is written.

Rule: it works on raw JSON and follows gjson: what is missing or of another type than expected is no error."""

from __future__ import annotations

import json
from collections.abc import Iterator

import msgspec

from aigw.core.document import decoded, fields_of, items_of

_ANTHROPIC = ("tool_use", "tool_result", "thinking", "redacted_thinking", "document", "search_result")
"""The types of parts by which a request is known as one of Messages."""
_decode_text = msgspec.json.Decoder(str).decode


class _MultimodalError(Exception):
    """The prompt has parts that are no text."""


def prompt_text(body: bytes) -> str | None:
    """Returns the text. None if a part is no text, so that nothing is counted. Raises ValueError if the body is not a
    JSON object."""
    request = fields_of(body)
    try:
        lines = list(_messages_lines(request) if _is_messages(request) else _chat_lines(request))
    except _MultimodalError:
        return None
    except RecursionError:
        raise ValueError("results of tools are nested too deeply") from None
    return "".join([f"{line}\n" for line in lines])


_Fields = dict[str, msgspec.Raw]


def _is_messages(request: _Fields) -> bool:
    for tool in map(_fields, _items(request.get("tools"))):
        if "input_schema" in tool or ("name" in tool and "function" not in tool):
            return True
    parts = (part for message in _objects(request, "messages") for part in map(_fields, _array(message.get("content"))))
    return any(_text(part, "type") in _ANTHROPIC for part in parts)


def _chat_lines(request: _Fields) -> Iterator[str]:
    for message in _objects(request, "messages"):
        yield from _named(message, "name", "role")
        yield from _chat_content(message.get("content"))
        for call in _objects(message, "tool_calls"):
            yield from _named(_fields(call.get("function")), "name", "arguments")
    for tool in _objects(request, "tools"):
        function = _fields(tool.get("function"))
        yield from _named(function, "name", "description")
        yield from _raw(function, "parameters")
    schema = _fields(_fields(request.get("response_format")).get("json_schema"))
    yield from _named(schema, "name", "description")
    yield from _raw(schema, "schema")
    yield from _system(request)


def _chat_content(content: msgspec.Raw | None) -> Iterator[str]:
    if _is_text(content):
        yield _string(content)
    for part in map(_fields, _array(content)):
        if _text(part, "type") != "text":
            raise _MultimodalError
        yield _text(part, "text")


def _messages_lines(request: _Fields) -> Iterator[str]:
    yield from _system(request)
    for message in _objects(request, "messages"):
        yield from _named(message, "role")
        yield from _content(message.get("content"))
    for tool in _objects(request, "tools"):
        yield from _named(tool, "type", "name", "description")
        yield from _raw(tool, "input_schema")


def _content(content: msgspec.Raw | None) -> Iterator[str]:
    if _is_text(content):
        yield _string(content)
    for block in map(_fields, _array(content)):
        yield from _block(block)


def _block(block: _Fields) -> Iterator[str]:
    kind = _text(block, "type")
    if kind == "text":
        yield _text(block, "text")
    elif kind == "tool_use":
        yield from _named(block, "name")
        yield from _raw(block, "input")
    elif kind == "tool_result":
        yield from _content(block.get("content"))
    elif kind == "thinking":
        yield from _named(block, "thinking")
    elif kind == "redacted_thinking":
        yield from _named(block, "data")
    elif kind == "search_result":
        yield from _named(block, "title", "source")
        yield from (_text(part, "text") for part in _objects(block, "content") if _text(part, "type") == "text")
    elif kind == "document" and _text(source := _fields(block.get("source")), "type") == "text":
        yield from _named(block, "title")
        yield from _named(source, "data")
    else:
        raise _MultimodalError


def _system(request: _Fields) -> Iterator[str]:
    system = request.get("system")
    if _is_text(system):
        yield _string(system)
    yield from (_text(part, "text") for part in map(_fields, _array(system)) if _text(part, "type") == "text")


def _named(fields: _Fields, *names: str) -> Iterator[str]:
    """The values under these names that are not empty."""
    yield from filter(None, [_text(fields, name) for name in names])


def _raw(fields: _Fields, name: str) -> Iterator[str]:
    if name in fields:
        yield bytes(fields[name]).decode()


def _objects(fields: _Fields, name: str) -> list[_Fields]:
    return [_fields(item) for item in _items(fields.get(name))]


def _fields(value: msgspec.Raw | None) -> _Fields:
    return fields_of(bytes(value)) if value is not None and bytes(value).lstrip()[:1] == b"{" else {}


def _items(value: msgspec.Raw | None) -> list[msgspec.Raw]:
    """Returns the elements as gjson does: null has none, and a value that is no array is its own single element."""
    if value is None or bytes(value).strip() == b"null":
        return []
    return _array(value) if bytes(value).lstrip()[:1] == b"[" else [value]


def _array(value: msgspec.Raw | None) -> list[msgspec.Raw]:
    return items_of(bytes(value)) if value is not None and bytes(value).lstrip()[:1] == b"[" else []


def _is_text(value: msgspec.Raw | None) -> bool:
    return value is not None and bytes(value).lstrip()[:1] == b'"'


def _text(fields: _Fields, name: str) -> str:
    return _string(fields.get(name))


def _string(value: msgspec.Raw | None) -> str:
    """Returns a value as text: a string as it is, null as "", anything else as it is written in JSON."""
    raw = b"" if value is None else bytes(value).strip()
    if raw[:1] != b'"':
        return "" if raw == b"null" else raw.decode()
    text: str = decoded(raw, _decode_text, json.loads)
    return text
