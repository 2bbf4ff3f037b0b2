"""Finds the end of streams of APIs without a dialect of their own: pictures, transcriptions, speech, Anthropic's old
completions.

Rule: a stream whose events are of a kind that is known is whole only if the last of them is the one that ends it. Such
events may be megabytes of base64, so they are searched and not decoded. A mark has quotes, which are escaped inside a
text."""

from __future__ import annotations

import re

_TYPED = re.compile(rb'"(?:image_generation|image_edit|transcript\.text|speech\.audio)\.(\w+)"')
_ENDS = (b"completed", b"done")
_CHUNK = re.compile(rb'"object":\s*"transcription\.chunk"')
"""vLLM's transcriptions come in the events of a chat."""
_FINISHED = re.compile(rb'"finish_reason":\s*"')
_HAS_CHOICE = re.compile(rb'"choices":\s*\[\s*\{')
_COMPLETION = re.compile(rb'"type":\s*"completion"')
_STOPPED = re.compile(rb'"stop_reason":\s*"')


def ends(raw: bytes) -> bool | None:
    """Whether an event ends its stream. None if the event is of a kind that does not say so."""
    if found := _TYPED.search(raw):
        return found[1] in _ENDS
    if _CHUNK.search(raw):
        return _FINISHED.search(raw) is not None if _HAS_CHOICE.search(raw) else None
    return _STOPPED.search(raw) is not None if _COMPLETION.search(raw) else None
