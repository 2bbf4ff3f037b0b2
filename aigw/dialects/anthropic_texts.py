"""Finds the texts in the answers of Anthropic's Messages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aigw.core.answer import AnswerText
from aigw.core.json_path import JsonPath
from aigw.dialects.answer_texts import leaves, named

_RESULTS = ("content", "text", "title", "url", "stdout", "stderr")
"""The fields with texts in results of tools that the provider runs itself."""
_DELTAS = {"text": "text", "thinking": "reasoning", "partial_json": "call"}


def texts(body: Any) -> Iterator[AnswerText]:
    if not isinstance(body, dict):
        return
    slot = f"block {body.get('index')}"
    if isinstance(delta := body.get("delta"), dict):
        for name, kind in _DELTAS.items():
            if isinstance(text := delta.get(name), str) and text:
                yield AnswerText(("delta", name), text, kind, 0, slot)  # type: ignore[arg-type]
        if isinstance(citation := delta.get("citation"), dict):
            yield from leaves(("delta", "citation", "cited_text"), citation.get("cited_text"))
    elif isinstance(block := body.get("content_block"), dict):
        yield from _block(("content_block",), block, slot)
    content = body.get("content")
    for index, block in enumerate(content if isinstance(content, list) else ()):
        if isinstance(block, dict):
            yield from _block(("content", index), block, f"block {index}")


def _block(path: JsonPath, block: dict[str, Any], slot: str) -> Iterator[AnswerText]:
    if isinstance(text := block.get("text"), str) and text:
        yield AnswerText((*path, "text"), text, "text", 0, slot)
    if isinstance(text := block.get("thinking"), str) and text:
        yield AnswerText((*path, "thinking"), text, "reasoning", 0, slot)
    if path == ("content_block",) and "input" in block and not block["input"]:  # the beginning of a call
        yield AnswerText((*path, "input"), "", "call", 0, slot)
    yield from leaves((*path, "input"), block.get("input"))
    yield from named((*path, "content"), block.get("content"), _RESULTS, 0)
    for index, citation in enumerate(block.get("citations") or ()):
        if isinstance(citation, dict):
            yield from leaves((*path, "citations", index, "cited_text"), citation.get("cited_text"))
