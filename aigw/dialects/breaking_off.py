"""Ends a provider's stream in the middle, with a text of ours, so that SDKs read it as an answer that was filtered."""

from __future__ import annotations

from aigw.core.answer import Answer, Finish, Writer
from aigw.core.errors import GatewayError
from aigw.core.model import Chunk
from aigw.dialects.json_values import Json
from aigw.dialects.openai_responses_whole import item_events, numbered
from aigw.dialects.typed_event import typed_event
from aigw.dialects.view import index_of, rows_of


class NoEnd:
    """Ends streams of unknown formats, with an error."""

    def pass_on(self, event: Chunk) -> None:
        """Does nothing: the end does not depend on earlier events."""

    def others(self, finish: Finish) -> bytes:
        return b""

    def end(self, text: str) -> bytes:
        raise GatewayError(403, text, kind="content_filter", code="content_blocked")


class PlainEnd:
    """Ends streams of formats in which each piece stands for itself. The text is added to the first choice."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._open: set[int] = set()

    def pass_on(self, event: Chunk) -> None:
        body = event.json()
        if not isinstance(body, dict):
            return
        for position, row in enumerate(rows_of(body.get("choices") or body.get("candidates"))):
            ended = row.get("finish_reason") or row.get("finishReason")
            (self._open.discard if ended else self._open.add)(index_of(row, position))

    def others(self, finish: Finish) -> bytes:
        answer = Answer("", finish)
        return b"".join([event for index in sorted(self._open - {0}) for event in self._writer.closing(index, answer)])

    def end(self, text: str) -> bytes:
        writer, answer = self._writer, Answer(text, "content_filter")
        events = [
            *writer.piece(0, text, None),
            self.others("content_filter"),
            *writer.closing(0, answer),
            *writer.end(None),
        ]
        return b"".join(events)


class MessagesEnd:
    """Ends streams of Anthropic's Messages: closes the open block and adds a block with the text."""

    def __init__(self) -> None:
        self._next = 0
        self._open: int | None = None

    def pass_on(self, event: Chunk) -> None:
        if b"content_block_st" not in event.raw:
            return
        body = event.json()
        index = body.get("index") if isinstance(body, dict) else None
        if isinstance(index, int):
            self._open = index if body.get("type") == "content_block_start" else None
            self._next = max(self._next, index + 1)

    def others(self, finish: Finish) -> bytes:
        return b""

    def end(self, text: str) -> bytes:
        index = self._next
        block = {"type": "content_block_start", "index": index, "content_block": {"type": "text", "text": ""}}
        delta = {"type": "text_delta", "text": text}
        events: list[Json] = [
            *([] if self._open is None else [{"type": "content_block_stop", "index": self._open}]),
            block,
            {"type": "content_block_delta", "index": index, "delta": delta},
            {"type": "content_block_stop", "index": index},
            {
                "type": "message_delta",
                "delta": {"stop_reason": "refusal", "stop_sequence": None},
                "usage": {"output_tokens": 0},
            },
            {"type": "message_stop"},
        ]
        return b"".join([typed_event(event).raw for event in events])


class ResponseEnd:
    """Ends streams of OpenAI's Responses: adds an item with the text, and marks the response as incomplete."""

    def __init__(self, id: str) -> None:
        self._id = id
        self._response: Json = {"id": f"resp_{id}", "object": "response"}
        self._number = 0
        self._next = 0

    def pass_on(self, event: Chunk) -> None:
        self._number += 1
        if b'"response.output_text.delta"' in event.raw:
            return
        body = event.json()
        if not isinstance(body, dict):
            return
        if isinstance(response := body.get("response"), dict):
            self._response = response
        if isinstance(index := body.get("output_index"), int):
            self._next = max(self._next, index + 1)

    def others(self, finish: Finish) -> bytes:
        return b""

    def end(self, text: str) -> bytes:
        part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
        item = {"type": "message", "status": "completed", "role": "assistant", "content": [part]}
        item = {"id": f"msg_{self._id}_end", **item}
        response = {
            **self._response,
            "status": "incomplete",
            "incomplete_details": {"reason": "content_filter"},
            "output": [item],
        }
        events = [*item_events(self._next, item), {"type": "response.incomplete", "response": response}]
        written = [numbered(event, self._number + place) for place, event in enumerate(events)]
        return b"".join([typed_event(event).raw for event in written])
