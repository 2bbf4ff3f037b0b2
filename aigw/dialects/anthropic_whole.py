"""Converts a message of Anthropic from a stream of events into one body, and back. Sans-io.

Rule: nothing is lost. The pieces of texts and of the inputs of calls are joined. Unknown fields and blocks are kept.
`whole(pieces(body))` is equal to the body."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from aigw.dialects.anthropic_view import CALLS
from aigw.dialects.failures import message_of
from aigw.dialects.json_values import Json, decoded, json_text
from aigw.dialects.view import text_of

_ENDS = ("stop_reason", "stop_sequence", "stop_details", "container")
"""The fields of a message that a stream has in `message_delta`."""
_GROWS = {"text": ("text",), "thinking": ("thinking", "signature")}
"""The texts of a block that a stream sends in deltas, by the type of the block."""


def whole(events: Iterable[Json]) -> Json:
    """Returns the body that has the same content as a complete stream. Raises ValueError if there is none."""
    folded = _Folded()
    try:
        for event in events:
            folded.take(event)
        return folded.body()
    except KeyError as error:
        raise ValueError(f"these are no events of a message: there is no {error}") from None
    except (AttributeError, TypeError) as error:
        raise ValueError(f"these are no events of a message: {error}") from None


class _Folded:
    """A message that is put together from events."""

    def __init__(self) -> None:
        self._message: Json = {}
        self._blocks: dict[int, Json] = {}
        self._inputs: dict[int, list[str]] = {}
        self._stopped = False

    def take(self, event: Json) -> None:
        kind = event.get("type")
        if kind == "message_start":
            self._message = {**event["message"]}
            self._blocks = {index: {**block} for index, block in enumerate(self._message.get("content") or ())}
        elif kind == "content_block_start":
            self._blocks[event["index"]] = {**event["content_block"]}
        elif kind == "content_block_delta":
            self._grow(event["index"], event["delta"])
        elif kind == "message_delta":
            self._end(event)
        elif kind == "message_stop":
            self._stopped = True
        elif kind == "error":
            raise ValueError(f"the stream broke off: {message_of(event.get('error'))}")

    def _grow(self, index: int, delta: Json) -> None:
        block, kind = self._blocks[index], delta.get("type")
        if kind == "input_json_delta":
            self._inputs.setdefault(index, []).append(delta["partial_json"])
        elif kind == "citations_delta":
            block["citations"] = [*(block.get("citations") or ()), delta["citation"]]
        elif kind == "signature_delta":
            block["signature"] = delta["signature"]
        else:
            for name in delta.keys() - {"type"}:
                have, more = block.get(name), delta[name]
                block[name] = have + more if isinstance(have, str) and isinstance(more, str) else more

    def _end(self, event: Json) -> None:
        self._message.update(event["delta"])
        if isinstance(usage := event.get("usage"), dict):
            have = self._message.get("usage") or {}
            told = {name: count for name, count in usage.items() if count is not None or name not in have}
            self._message["usage"] = {**have, **told}
        self._message.update({name: value for name, value in event.items() if name not in ("type", "delta", "usage")})

    def body(self) -> Json:
        if not self._message or not (self._stopped or self._message.get("stop_reason")):
            raise ValueError("a stream that did not come to its end")
        for index, pieces in self._inputs.items():
            if text := "".join(pieces):
                self._blocks[index]["input"] = decoded(text.encode("utf-8", "replace"))
        return {**self._message, "content": [self._blocks[index] for index in sorted(self._blocks)]}


def pieces(body: Json) -> Iterator[Json]:
    """Yields the events of a stream with the same content as the body. Raises ValueError if the body is not a
    message."""
    content = body.get("content")
    if not isinstance(content, list) or not all(isinstance(block, dict) for block in content):
        raise ValueError("a body without content")
    ends = {name: body[name] for name in _ENDS if name in body}
    usage = body.get("usage")
    start = {**body, "content": [], **dict.fromkeys(ends)}
    if isinstance(usage, dict):
        start["usage"] = _begun(usage)
    yield {"type": "message_start", "message": start}
    for index, block in enumerate(content):
        yield from _block_events(index, block)
    told = {"usage": usage} if isinstance(usage, dict) else {}
    yield {"type": "message_delta", "delta": ends, **told}
    yield {"type": "message_stop"}


def _begun(usage: Json) -> Json:
    """Returns the usage at the start of a stream, before there is any output."""
    made = usage.get("output_tokens")
    return {**usage, "output_tokens": 1} if isinstance(made, int) and made > 1 else usage


def _block_events(index: int, block: Json) -> Iterator[Json]:
    start, deltas = _deltas(block)
    yield {"type": "content_block_start", "index": index, "content_block": start}
    for delta in deltas:
        yield {"type": "content_block_delta", "index": index, "delta": delta}
    yield {"type": "content_block_stop", "index": index}


def _deltas(block: Json) -> tuple[Json, list[Json]]:
    """Returns the start of a block, and its deltas. A block of an unknown type is complete in its start."""
    kind, start, deltas = text_of(block.get("type")), {**block}, list[Json]()
    for name in _GROWS.get(kind, ()):
        if isinstance(text := block.get(name), str) and text:
            start[name] = ""
            deltas.append({"type": f"{name}_delta", name: text})
    if kind == "text" and isinstance(citations := block.get("citations"), list) and citations:
        start["citations"] = []
        deltas += [{"type": "citations_delta", "citation": each} for each in citations]
    if kind in CALLS and "input" in block:
        start["input"] = {}
        deltas.append({"type": "input_json_delta", "partial_json": json_text(block["input"])})
    return start, deltas
