"""Watches one answer of a provider for its usage, and keeps what is needed to estimate it if none is told.

Rule: nothing is decoded for the sake of an estimate before the answer has ended without usage."""

from __future__ import annotations

from itertools import chain, islice
from typing import Any

from aigw.core.model import Batch, Chunk, raw_of
from aigw.core.tokens import Tokens
from aigw.dialects.usage import UsageReader, tells_usage

KEPT_BYTES = 1024 * 1024
"""Of an answer without usage; what comes after it is estimated by its size."""

NAMED_SOON = 16
"""Events in which a stream has named its model, if it does at all."""


class UsageWatch:
    """A `core.exchange.Meter`. `provider` is the type in the catalog, `size` the bytes of the answer so far.

    `estimated` is what was counted last, with the size and the model that it was counted for: several want to know, and
    it takes time."""

    __slots__ = ("_kept", "_left", "estimated", "provider", "reader", "size")

    def __init__(self, provider: str) -> None:
        self.provider = provider
        self.reader = UsageReader()
        self.estimated: tuple[int, str, Tokens] | None = None
        self._kept: list[Batch] = []
        self._left = KEPT_BYTES
        self.size = 0

    @property
    def tokens(self) -> Tokens:
        return self.reader.tokens

    @property
    def model(self) -> str:
        """As the events with usage name it, or else the first ones."""
        if not self.reader.model:
            for chunk in islice(chain.from_iterable(self._kept), NAMED_SOON):
                if not self.reader.model and chunk.data is not None and not tells_usage(chunk.data):
                    self.reader.feed(chunk.data)
        return self.reader.model

    def events(self, batch: Batch) -> None:
        """Events of a stream."""
        raw = raw_of(batch)
        if tells_usage(raw):
            for chunk in batch:
                if tells_usage(chunk.raw) and chunk.data is not None:
                    self.reader.feed(chunk.data)
        self._keep(batch, len(raw))

    def feed(self, data: bytes) -> None:
        """The payload of one event or of a whole body."""
        self.reader.feed(data)
        self._keep((Chunk(data, data),), len(data))

    def _keep(self, batch: Batch, size: int) -> None:
        self.size += size
        if self._left >= size:
            self._left -= size
            self._kept.append(batch)

    def produced(self) -> tuple[str, str]:
        """The text and the reasoning that came through so far, tool calls as text."""
        text: list[str] = []
        reasoning: list[str] = []
        for batch in self._kept:
            for chunk in batch:
                _collect(chunk.json(), text, reasoning)
        return "".join(text), "".join(reasoning)

    @property
    def share(self) -> float:
        """How much more came than was kept: what an estimate of the output is multiplied by."""
        kept = KEPT_BYTES - self._left
        return self.size / kept if kept and self.size > kept else 1.0


def _collect(body: Any, text: list[str], reasoning: list[str]) -> None:
    """The texts of one payload, OpenAI's, Anthropic's or DashScope's."""
    if not isinstance(body, dict):
        return
    for choice in _list(body.get("choices")) or _list(_dict(body.get("output")).get("choices")):
        message = _dict(choice).get("delta") or _dict(choice).get("message") or choice
        _message(_dict(message), text, reasoning)
    _message(_dict(body.get("delta")), text, reasoning)
    for block in _list(body.get("content")):
        _message(_dict(block), text, reasoning)


def _message(message: dict[str, Any], text: list[str], reasoning: list[str]) -> None:
    text += _texts(message, "content", "text", "refusal", "partial_json")
    reasoning += _texts(message, "reasoning_content", "reasoning", "thinking")
    for call in _list(message.get("tool_calls")):
        function = _dict(_dict(call).get("function"))
        text += _texts(function, "name", "arguments")


def _texts(values: dict[str, Any], *names: str) -> list[str]:
    return [value for name in names if isinstance(value := values.get(name), str)]


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
