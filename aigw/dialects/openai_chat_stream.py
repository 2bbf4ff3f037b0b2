"""What a client may rely on in a stream of chat or text completions.

Rule: it sees no usage chunk that it did not ask for, and a complete stream ends with [DONE] also where the provider
sends none. A stream that ends without a finish reason is left as it is: truncation is never papered over."""

from __future__ import annotations

from aigw.core.model import Batch, Chunk, raw_of
from aigw.dialects.openai_chat import DONE, DONE_DATA, CompletionsReader

_BLANK_LINES = (b"\n\n", b"\r\n\r\n", b"\r\r")


class ChatStream:
    """`reader` has read every batch before it comes here, or with `reads` is fed with it here."""

    def __init__(self, reader: CompletionsReader, *, hide_usage: bool, reads: bool = False) -> None:
        self._reader = reader
        self._hide_usage = hide_usage
        self._reads = reads
        self._done = False
        self._owed = False  # the provider's own [DONE] was held back
        self._open = False  # the last event lacks its blank line

    def feed(self, batch: Batch) -> Batch:
        reader = self._reader
        if self._reads:
            reader.feed(batch)
        hidden: list[Chunk] = []
        if self._hide_usage and reader.usage_event is not None and reader.usage_event in batch:
            hidden.append(reader.usage_event)
        raw = raw_of(batch)
        if DONE_DATA in raw:
            hidden += self._look_for_done(batch)
        shown = [chunk for chunk in batch if chunk not in hidden] if hidden else batch
        if shown:
            self._open = not shown[-1].raw.endswith(_BLANK_LINES)
        return shown

    def _look_for_done(self, batch: Batch) -> list[Chunk]:
        """Notes the end. What is to be held back: without its blank line some clients would not see it, so that `end`
        sends it whole."""
        held = []
        for chunk in batch:
            if DONE_DATA in chunk.raw and chunk.data == DONE_DATA:
                self._done = True
                if not chunk.raw.endswith(_BLANK_LINES):
                    held.append(chunk)
                    self._owed = True
        return held

    def end(self) -> Batch:
        if not self._owed and (self._done or not self._reader.complete):
            return []
        return [Chunk(b"\n\n" + DONE if self._open else DONE, DONE_DATA)]
