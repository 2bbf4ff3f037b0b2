"""Writes an answer as a stream of OpenAI's Responses API.

Rules: Codex reads the items that are done, and shows the deltas of items that were added; OpenAI's SDKs want the whole
order of events, and the items again in the last one. All events have one id of a response. Items follow one another;
only calls whose pieces come in turns are open beside each other."""

from __future__ import annotations

from aigw.core.model import Chunk
from aigw.core.tokens import Tokens
from aigw.dialects.json_values import Json
from aigw.dialects.openai_responses_whole import numbered
from aigw.dialects.openai_responses_writer import usage_of
from aigw.dialects.sse import Event
from aigw.dialects.typed_event import typed_event
from aigw.translation.events import (
    AnswerEvent,
    CallDelta,
    CallEnd,
    CallStart,
    Citation,
    Counted,
    Ended,
    Finished,
    Started,
    TextDelta,
    ThinkingDelta,
    ThinkingState,
)
from aigw.translation.frame import Frame
from aigw.translation.hub import Tool
from aigw.translation.responses.call_item import CallItem
from aigw.translation.responses.text_item import MessageItem, ReasoningItem

_INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}


class ResponsesStreamWriter:
    bears_comments = True

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._model = frame.conversation.model
        self._tools = {(tool.namespace, tool.name): tool for tool in frame.conversation.tools}
        self._number = 0
        self._items = 0
        """How many items were added."""
        self._done: dict[int, Json] = {}
        self._open: MessageItem | ReasoningItem | None = None
        self._calls: dict[int, CallItem] = {}
        self._tokens: Tokens | None = None
        self._incomplete: str | None = None

    def write(self, event: AnswerEvent) -> list[Chunk]:
        if type(event) is TextDelta and not event.refusal and isinstance(self._open, MessageItem):
            piece = self._open.piece(event.text, self._number)
            if piece:
                self._number += 1
                return [Event(piece)]
        return [self._numbered(body) for body in self._bodies(event)]

    def _numbered(self, body: Json) -> Chunk:
        self._number += 1
        return typed_event(numbered(body, self._number - 1))

    def _bodies(self, event: AnswerEvent) -> list[Json]:
        match event:
            case TextDelta():
                started, item = self._message()
                return [*started, *item.grow(event.text, refusal=event.refusal)]
            case ThinkingDelta():
                started, thinking = self._reasoning()
                return [*started, *thinking.grow(event.text)]
            case CallDelta():
                return self._calls[event.key].grow(event.text)
            case ThinkingState():
                return self._seal(event)
            case CallStart():
                return self._call(event)
            case CallEnd():
                return self._finished(self._calls.pop(event.key))
            case Citation():
                started, item = self._message()
                return [*started, *item.cite(event.url, event.title)]
            case Started():
                self._model = event.model or self._model
                begun = self._response("in_progress")
                return [{"type": f"response.{name}", "response": begun} for name in ("created", "in_progress")]
            case Counted():
                self._tokens = event.tokens
            case Finished():
                self._incomplete = _INCOMPLETE.get(event.reason)
            case Ended():
                return self._end()
        return []

    def _message(self) -> tuple[list[Json], MessageItem]:
        """Returns the open message, and the events that open it if it is new."""
        if isinstance(self._open, MessageItem):
            return [], self._open
        closed, item = self._close(), MessageItem(f"msg_{self._place()}", self._items)
        self._open = item
        return [*closed, self._added(item.begun)], item

    def _reasoning(self) -> tuple[list[Json], ReasoningItem]:
        """Begins an item of reasoning, like `_message` for a message."""
        if isinstance(self._open, ReasoningItem):
            return [], self._open
        closed, item = self._close(), ReasoningItem(f"rs_{self._place()}", self._items)
        self._open = item
        return [*closed, self._added(item.begun)], item

    def _place(self) -> str:
        return f"{self._frame.id}_{self._items}"

    def _added(self, item: Json) -> Json:
        self._items += 1
        return {"type": "response.output_item.added", "output_index": self._items - 1, "item": item}

    def _seal(self, event: ThinkingState) -> list[Json]:
        started: list[Json] = []
        if event.redacted or not isinstance(self._open, ReasoningItem):
            if not (event.state and self._frame.conversation.wants_state):
                return []
            closed, (added, _) = self._close(), self._reasoning()
            started = [*closed, *added]
        assert isinstance(self._open, ReasoningItem)
        self._open.state = event.state if self._frame.conversation.wants_state else ""
        return [*started, *self._close()]

    def _call(self, event: CallStart) -> list[Json]:
        closed = self._close()
        tool = self._tools.get((event.namespace, event.name)) or Tool(event.name, custom=event.custom)
        call = self._calls[event.key] = CallItem(event, tool.kind, self._place(), self._items)
        return [*closed, self._added(call.begun)]

    def _close(self) -> list[Json]:
        item, self._open = self._open, None
        return [] if item is None else self._finished(item)

    def _finished(self, item: MessageItem | ReasoningItem | CallItem) -> list[Json]:
        events = item.end(incomplete=self._incomplete is not None)
        self._done[item.index] = item.whole
        return [*events, {"type": "response.output_item.done", "output_index": item.index, "item": item.whole}]

    def _end(self) -> list[Json]:
        closed = self._close()
        status = "incomplete" if self._incomplete else "completed"
        return [*closed, {"type": f"response.{status}", "response": self._response(status)}]

    def _response(self, status: str) -> Json:
        frame, tokens = self._frame, self._tokens
        known = tokens is not None and tokens.prompt is not None and tokens.output is not None
        return {
            "id": f"resp_{frame.id}",
            "object": "response",
            "created_at": frame.created,
            "status": status,
            "error": None,
            "incomplete_details": {"reason": self._incomplete} if self._incomplete else None,
            "instructions": None,
            "max_output_tokens": None,
            "model": self._model,
            "output": [self._done[index] for index in sorted(self._done)],
            "parallel_tool_calls": True,
            "previous_response_id": None,
            "reasoning": {"effort": None, "summary": None},
            "store": False,
            "temperature": None,
            "text": {"format": {"type": "text"}},
            "tool_choice": "auto",
            "tools": [],
            "top_p": None,
            "truncation": "disabled",
            "usage": usage_of(tokens) if known else None,
            "metadata": {},
            **{name: value for name, value in frame.conversation.repeated.items() if value is not None},
        }
