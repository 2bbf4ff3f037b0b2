"""Gives clients a correct stream of chat or text completions.

Rule: the client gets no usage chunk that it did not ask for. A complete stream ends with [DONE], even if the provider
does not send it. A stream without a finish reason is not changed, so that clients can see that it is not complete. A
failure in a vendor's own shape becomes an error that clients read."""

from __future__ import annotations

from aigw.core.model import Batch, Chunk, raw_of, without
from aigw.core.pace import LARGE
from aigw.dialects.openai_chat import DONE, DONE_DATA, CompletionsReader
from aigw.dialects.openai_error import error_event
from aigw.dialects.readable_failures import openai_reads, readable

_BLANK_LINES = (b"\n\n", b"\r\n\r\n", b"\r\r")


class ChatStream:
    """Rewrites the batches of a stream. `reader` has read each batch already; with `reads`, it is fed here."""

    def __init__(self, reader: CompletionsReader, *, hide_usage: bool, reads: bool = False) -> None:
        self._reader = reader
        self._hide_usage = hide_usage
        self._reads = reads
        self._done = False
        self._owed = False  # whether the provider's own [DONE] was held back
        self._open = False  # whether the last event has no blank line yet

    def feed(self, batch: Batch) -> Batch:
        reader = self._reader
        if self._reads:
            reader.feed(batch)
        hidden: list[Chunk] = []
        if self._hide_usage and reader.usage_events:
            hidden += [event for event in reader.usage_events if event in batch]
        raw = raw_of(batch)
        if len(raw) > LARGE or raw.rfind(DONE_DATA) >= 0:  # from the end, where it is if it is anywhere
            hidden += self._look_for_done(batch)
        shown = batch
        if hidden:
            shown = without(batch, hidden)
        if reader.telling and reader.error:
            shown = [readable(chunk, openai_reads, error_event) for chunk in shown]
        if shown:
            self._open = not raw_of(shown).endswith(_BLANK_LINES)
        return shown

    def _look_for_done(self, batch: Batch) -> list[Chunk]:
        """Notes whether the stream has ended. Returns the events to hold back: a [DONE] without a blank line, which
        some clients would not see (`end` then sends a complete one), and a [DONE] after half an answer, about which the
        client gets an error."""
        reader = self._reader
        for chunk in reversed(batch):
            if (len(chunk.raw) > LARGE or DONE_DATA in chunk.raw) and chunk.data == DONE_DATA:
                self._done = True
                if chunk.raw.endswith(_BLANK_LINES) and (reader.ended or reader.error):
                    return []
                self._owed = True
                return [chunk]
        return []

    def end(self) -> Batch:
        if not self._owed and (self._done or not self._reader.complete):
            return []
        return [Chunk(b"\n\n" + DONE if self._open else DONE, DONE_DATA)]
