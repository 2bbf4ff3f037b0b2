"""Takes the lifetime of cache marks (`cache_control.ttl`) out of a request in Anthropic's own format, for other makers'
models: some of them refuse a request because of it, and Claude Code sends it.
https://docs.anthropic.com/en/docs/build-with-claude/prompt-caching

Rule: everything else keeps its bytes, and arguments and schemas of tools are never looked into."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from aigw.core.document import Document, fields_of

_FIELD, _MARK = "cache_control", b'"ttl"'


def drop_lifetimes(request: Document) -> None:
    """A body of another form is left for the provider to refuse."""
    if not request.mentions(_MARK):
        return
    _unmark(request)
    for name in ("system", "tools"):
        _each(request, name, _unmark)
    _each(request, "messages", lambda message: _each(message, "content", _in_block))


def _in_block(block: Document) -> None:
    _unmark(block)
    if block.get("type") == "tool_result":
        _each(block, "content", _unmark)


def _each(holder: Document, name: str, edit: Callable[[Document], None]) -> None:
    """Edits the objects of an array. Any other value stays."""
    raw = holder.raw(name)
    if raw is None or _MARK not in raw or not raw.lstrip().startswith(b"["):
        return
    holder.set(name, [_edited(bytes(item), edit) for item in holder.items_of(name)])


def _edited(item: bytes, edit: Callable[[Document], None]) -> msgspec.Raw:
    if _MARK not in item or not item.startswith(b"{"):
        return msgspec.Raw(item)
    document = Document(item)
    edit(document)
    return msgspec.Raw(document.encode())


def _unmark(holder: Document) -> None:
    raw = holder.raw(_FIELD)
    if raw is not None and _MARK in raw and raw.startswith(b"{"):
        fields = fields_of(raw)
        fields.pop("ttl", None)
        holder.set(_FIELD, fields)
