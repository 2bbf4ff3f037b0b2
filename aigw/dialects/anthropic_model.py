"""The name of the model in an answer of Anthropic's Messages API.

If an answer names another model than Claude Code has asked for, Claude Code does not send the reasoning back. Some
models then do not know their earlier thoughts, and others refuse the request."""

from __future__ import annotations

from aigw.core.document import Document
from aigw.core.model import Batch, Chunk
from aigw.dialects.sse import rewritten

_START = b'"message_start"'


class AskedModel:
    """Gives the message of a stream the name that was asked for. A `core.layers.Decoder`."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._begun = False

    def feed(self, batch: Batch) -> Batch:
        if self._begun:
            return batch
        return [self._named(chunk) if _START in chunk.raw else chunk for chunk in batch]

    def end(self) -> Batch:
        return ()

    def _named(self, chunk: Chunk) -> Chunk:
        body = chunk.json()
        if not isinstance(body, dict) or not isinstance(message := body.get("message"), dict):
            return chunk
        self._begun = True
        return rewritten(chunk, {**body, "message": {**message, "model": self._name}})


def with_asked_model(body: bytes, name: str) -> bytes:
    """Returns a plain answer with the name that the client asked for. Anything but a message stays as it is."""
    try:
        document = Document(body)
        if document.get("type") == "message" and document.get("model") != name:
            document.set("model", name)
        return document.encode()
    except ValueError:
        return body
