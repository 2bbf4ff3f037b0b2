"""Finds the texts in the answers of other APIs: transcriptions, prompts of images as they were revised, documents that
were ranked. Nothing else of these is known to be a text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aigw.core.answer import AnswerText
from aigw.dialects.answer_texts import named

_TEXTS = ("text", "transcript", "revised_prompt")
_LISTS = {"segments": ("text",), "words": ("word",), "data": ("revised_prompt",), "results": ("text",)}


def texts(body: Any) -> Iterator[AnswerText]:
    if not isinstance(body, dict):
        return
    if isinstance(delta := body.get("delta"), str) and delta:
        yield AnswerText(("delta",), delta, slot="text")
    for name in _TEXTS:
        if isinstance(text := body.get(name), str) and text:
            yield AnswerText((name,), text)
    for name, names in _LISTS.items():
        yield from named((name,), body.get(name), names)
