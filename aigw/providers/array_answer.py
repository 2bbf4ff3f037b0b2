"""Makes a JSON array of the events of a stream, for clients of Gemini's API that ask for one. Sans-io.

Rule: an element leaves with what stands before it, so that an error can follow as one more."""

from __future__ import annotations

from aigw.core.model import Batch, Chunk


class Elements:
    """Makes elements of an array from events. It is a `Decoder`."""

    def __init__(self) -> None:
        self._begun = False

    def feed(self, batch: Batch) -> Batch:
        return [self._element(chunk.data) for chunk in batch if chunk.data is not None]

    def end(self) -> Batch:
        return [Chunk(b"]" if self._begun else b"[]")]

    def _element(self, data: bytes) -> Chunk:
        before, self._begun = b",\r\n" if self._begun else b"[", True
        return Chunk(before + data)
