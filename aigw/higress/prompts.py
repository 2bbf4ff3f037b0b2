"""How Higress's ai-prompt-decorator changes the body of a request: it looks at `messages`, whatever the API is, and, to
replace texts, at `system`.

Rule: only a content that is a text is searched, and its role is compared as it is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from aigw.core.document import Document

Rewrite = Callable[[str, str], str]
"""Returns the new text of a message, from its role and its text."""
Added = Iterable[tuple[str, str]]
"""The roles and texts of messages."""


def decorate(document: Document, before: Added, behind: Added, rewrite: Rewrite | None) -> None:
    """Puts messages before and behind those of the request, then rewrites all texts. Without messages the request stays
    as it is. Raises ValueError for malformed JSON."""
    if "messages" not in document:
        return
    first, last = ([{"role": role, "content": text} for role, text in added] for added in (before, behind))
    messages: list[Any] = [*first, *_items(document), *last]
    changed = [_rewritten(each, rewrite) for each in messages] if rewrite else messages
    if first or last or changed != messages:
        document.set("messages", changed)
    if rewrite and "system" in document:
        _rewrite_system(document, rewrite)


def _items(document: Document) -> Sequence[Any]:
    """Returns the messages as gjson does: null has none, and a value that is no array is its own single element."""
    given = document.get("messages")
    if isinstance(given, list):
        return document.items_of("messages")
    return [] if given is None else [msgspec.Raw(document.raw("messages") or b"null")]


def _rewritten(message: Any, rewrite: Rewrite) -> Any:
    value = msgspec.json.decode(message) if isinstance(message, msgspec.Raw) else message
    if not isinstance(value, dict) or not isinstance(text := value.get("content"), str):
        return message
    role = value.get("role")
    new = rewrite(role if isinstance(role, str) else "", text)
    if new == text:
        return message
    changed = Document(bytes(message) if isinstance(message, msgspec.Raw) else msgspec.json.encode(message))
    changed.set("content", new)
    return msgspec.Raw(changed.encode())


def _rewrite_system(document: Document, rewrite: Rewrite) -> None:
    """Rewrites the texts of `system`. Blocks that become blank are dropped."""
    system = document.get("system")
    if isinstance(system, str):
        if (new := rewrite("system", system)) != system:
            document.set("system", new)
        return
    blocks = list(zip(document.items_of("system"), system, strict=True)) if isinstance(system, list) else []
    kept: list[Any] = []
    changed = False
    for raw, block in blocks:
        text = block.get("text") if isinstance(block, dict) else None
        rewritten = rewrite("system", text) if isinstance(text, str) else ""
        if not isinstance(text, str) or rewritten == text:
            kept.append(raw)
            continue
        changed = True
        if rewritten.strip():
            inner = Document(bytes(raw))
            inner.set("text", rewritten)
            kept.append(msgspec.Raw(inner.encode()))
    if changed:
        document.set("system", kept)
