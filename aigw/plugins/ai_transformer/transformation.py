"""Transforms a message: first by rules, then by a model.

Rule: questions that the gateway itself asks a model, and their answers, are transformed by rules only."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from aigw.core.asking import asking
from aigw.plugins.ai_transformer.http_text import NotHttpError, read, write
from aigw.plugins.ai_transformer.kept_messages import KeptMessages, key_of
from aigw.plugins.ai_transformer.message import Message, ModelError, shown, shown_headers, taken
from aigw.plugins.ai_transformer.models import Model
from aigw.plugins.ai_transformer.rules import Rules

LONG_BODY = 16 * 1024
"""Rules are applied to a longer body in a thread, because it takes more than 1 ms."""


class Transformed(NamedTuple):
    """A transformed message. `note` says more about it: from the cache, or that the model changed nothing."""

    message: Message
    note: str = ""


class Transformation:
    """Transforms messages. With an empty `prompt`, no model is asked. With `kept`, the model is asked once for equal
    messages."""

    def __init__(self, rules: Rules, prompt: str, model: Model, kept: KeptMessages | None = None) -> None:
        self._rules = rules
        self._prompt = prompt
        self._model = model
        self._kept = kept

    @property
    def reads_body(self) -> bool:
        return bool(self._prompt) or self._rules.reads_body

    async def __call__(self, message: Message) -> Transformed:
        """Transforms a message. Raises UnchangedError if it must stay as it is."""
        if self._rules:
            message = await self._ruled(message)
        if not self._prompt or asking.get():
            return Transformed(message)
        seen = shown(message)
        text = write(seen.start, seen.headers, seen.body).encode("utf-8", "replace").decode()
        key = key_of(self._model.name, self._prompt, text) if self._kept is not None else ""
        written = await self._kept.get(key) if self._kept is not None else None
        if written is not None:
            return Transformed(_taken(message, written), "from the cache")
        written = await self._model.write(self._prompt, text)
        new = _taken(message, written)
        if self._kept is not None:
            await self._kept.put(key, written)
        changed = new.body != message.body or (new.start, shown_headers(new)) != seen[:2]
        return Transformed(new, "" if changed else "but the model changed nothing")

    async def _ruled(self, message: Message) -> Message:
        if self._rules.reads_body and len(message.body) > LONG_BODY:
            return await asyncio.to_thread(self._rules.apply, message)
        return self._rules.apply(message)


def _taken(message: Message, written: str) -> Message:
    try:
        return taken(message, read(written))
    except NotHttpError as error:
        raise ModelError(f"the model wrote no HTTP message: {error}") from None
