"""Finds the texts of a request that are not in its turns: descriptions and schemas of tools, arguments of calls, names,
formats, and all other texts. Sans-io.

Rule: everything counts as a text that is not known to be something else. So unknown fields are searched, too."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Literal

from aigw.core.dialect import TextPlace
from aigw.core.json_path import JsonPath
from aigw.core.pace import rest
from aigw.dialects.answer_texts import IDENTIFIER, LONG_NUMBER, MemberName

_Kind = Literal["wire", "values", "schema"]

_NO_TEXT = frozenset((
    "id", "type", "role", "model", "data", "bytes", "file_data", "b64_json", "url", "image_url", "file_url",
    "fileUri", "file_uri", "mimeType", "mime_type", "media_type", "signature", "thoughtSignature", "thought_signature",
    "encrypted_content", "server_url", "headers", "authorization", "authorization_token", "mcp_servers", "logit_bias",
    "reasoningContent",
))  # fmt: skip
"""Members with what is not read as a text: kinds, media, what is signed, addresses and keys of tools elsewhere."""
_IDS = ("_id", "_ids", "Id", "Ids")
_SIGNED = ("thinking", "redacted_thinking", "reasoning")
"""The types of blocks and items that providers accept only unchanged."""
_VALUES = frozenset(("input", "args", "arguments", "response", "variables", "input_examples"))
"""Members that are free to have any names and values in them, if they are no fields of the body themselves."""
_SCHEMAS = frozenset((
    "parameters", "parametersJsonSchema", "parameters_json_schema", "input_schema", "inputSchema", "schema",
    "responseSchema", "response_schema", "responseJsonSchema", "response_json_schema", "_responseJsonSchema",
))  # fmt: skip
"""The fields with JSON Schemas. Numbers in them are not texts, because they cannot be anybody's personal data."""
_KINDS: Mapping[str, _Kind | None] = {
    **dict.fromkeys(_NO_TEXT),
    **dict.fromkeys(_VALUES, "values"),
    **dict.fromkeys(_SCHEMAS, "schema"),
}
"""The kind of value that a member has, None for members that are not read. All other members are objects of the wire
format."""


def other_texts(fields: Iterable[tuple[str, Any]], known: Collection[JsonPath]) -> Iterator[TextPlace]:
    """Yields the texts in these fields of a body, except for those at known paths. The texts of one element of a list
    come together, and those that are not nested come first."""
    waiting: list[tuple[JsonPath, Any, _Kind]] = [((), dict(fields), "wire")]
    while waiting:
        path, value, kind = waiting.pop()
        rest()
        if kind == "wire" and len(value) == 2 and "role" in value and (*path, "content") in known:
            continue  # most messages of a chat: this saves 1 us for each
        inner: list[tuple[JsonPath, Any, _Kind]] = []
        for step, each, its_kind in _members(value, kind):
            if isinstance(each, str):
                if each and (*path, step) not in known:
                    yield TextPlace((*path, step), each, "", step == "arguments" and kind == "wire")
            elif isinstance(each, dict | list):
                inner.append(((*path, step), each, its_kind if path else "wire"))
            elif kind == "values" and type(each) is int and abs(each) >= LONG_NUMBER:
                yield TextPlace((*path, step), str(each), "")
        waiting += reversed(inner)


def _members(value: dict[str, Any] | list[Any], kind: _Kind) -> Iterable[tuple[str | int, Any, _Kind]]:
    """Yields the members that may have texts: the key or index, the value, and its kind."""
    if isinstance(value, list):
        return ((index, each, kind) for index, each in enumerate(value))
    return _wired(value) if kind == "wire" else _free(value, kind)


def _wired(value: dict[str, Any]) -> Iterable[tuple[str | int, Any, _Kind]]:
    """Yields name, value and kind of each member of an object of the wire format that may have texts."""
    if value.get("type") in _SIGNED or value.get("thought") is True:
        return ()
    return [
        (name, each, kind)
        for name, each in value.items()
        if each and (kind := _KINDS.get(name, "wire")) is not None and not name.endswith(_IDS)
    ]


def _free(value: dict[str, Any], kind: _Kind) -> Iterator[tuple[str | int, Any, _Kind]]:
    """Yields all members of an object of the user's own, and also their names if these are not identifiers."""
    for name, each in value.items():
        yield name, each, kind
        if not IDENTIFIER.fullmatch(name):
            yield MemberName(name), str(name), kind
