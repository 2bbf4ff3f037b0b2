"""Writes answers that aigw itself makes, in the format of OpenAI's Responses API: whole, or as a stream of events.

Rules: all events have the same id. Codex reads the items that are done; other clients read the response in the last
event. If a tool was declared as custom or in a namespace, it is called in the same way, because otherwise Codex does
not find it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from aigw.core.answer import Answer, ToolCall
from aigw.core.tokens import Tokens
from aigw.dialects.json_values import Json, encoded
from aigw.dialects.openai_responses_whole import item_events, numbered
from aigw.dialects.typed_event import typed_event

_INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}


class ResponsesWriter:
    """A `core.answer.Writer`. Each answer is an item of one response."""

    def __init__(self, model: str, id: str, created: int, declared: Callable[[str], tuple[str, str]]) -> None:
        """`declared` takes the name of a tool, and returns its type and its namespace."""
        self._id = id
        self._head: Json = {"id": f"resp_{id}", "object": "response", "created_at": created}
        self._model = model
        self._declared = declared
        self._number = 0
        self._answers: dict[int, Answer] = {}

    def whole(self, answers: Sequence[Answer], usage: Tokens) -> bytes:
        return encoded(self._ended(dict(enumerate(answers)), usage))

    def opening(self, index: int, call: ToolCall | None) -> list[bytes]:
        begun = {"response": self._response("in_progress", [], None)}
        first = [{"type": "response.created", **begun}, {"type": "response.in_progress", **begun}]
        return self._written([*([] if self._number else first), *self._events(index, call, "", ".added")])

    def piece(self, index: int, text: str, call: ToolCall | None) -> list[bytes]:
        return self._written(self._events(index, call, text, ".delta"))

    def closing(self, index: int, answer: Answer) -> list[bytes]:
        self._answers[index] = answer
        return self._written(self._events(index, answer.call, answer.text, ".done"))

    def end(self, usage: Tokens | None) -> list[bytes]:
        response = self._ended(self._answers, usage)
        return self._written([{"type": f"response.{response['status']}", "response": response}])

    def _events(self, index: int, call: ToolCall | None, text: str, end: str) -> list[Json]:
        return [event for event in item_events(index, self._item(index, call, text)) if event["type"].endswith(end)]

    def _written(self, events: Sequence[Json]) -> list[bytes]:
        self._number += len(events)
        first = self._number - len(events)
        return [typed_event(numbered(event, first + place)).raw for place, event in enumerate(events)]

    def _item(self, index: int, call: ToolCall | None, text: str) -> Json:
        id = f"{self._id}_{index}" if index else self._id
        if call is None:
            part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
            return {"id": f"msg_{id}", "type": "message", "status": "completed", "role": "assistant", "content": [part]}
        kind, namespace = self._declared(call.name)
        named = {
            "call_id": call.id or f"call_{id}",
            "name": call.name,
            **({"namespace": namespace} if namespace else {}),
        }
        if kind == "custom":
            return {"id": f"ctc_{id}", "type": "custom_tool_call", "status": "completed", "input": text, **named}
        return {"id": f"fc_{id}", "type": "function_call", "status": "completed", "arguments": text, **named}

    def _ended(self, answers: Mapping[int, Answer], usage: Tokens | None) -> Json:
        reason = next((_INCOMPLETE[each.finish] for each in answers.values() if each.finish in _INCOMPLETE), None)
        items = [self._item(index, answers[index].call, answers[index].text) for index in sorted(answers)]
        response = self._response("incomplete" if reason else "completed", items, usage)
        return {**response, "incomplete_details": {"reason": reason}} if reason else response

    def _response(self, status: str, items: list[Json], usage: Tokens | None) -> Json:
        return {
            **self._head,
            "status": status,
            "error": None,
            "incomplete_details": None,
            "instructions": None,
            "max_output_tokens": None,
            "model": self._model,
            "output": items,
            "parallel_tool_calls": True,
            "previous_response_id": None,
            "store": False,
            "temperature": None,
            "text": {"format": {"type": "text"}},
            "tool_choice": "auto",
            "tools": [],
            "top_p": None,
            "truncation": "disabled",
            "usage": usage_of(usage),
            "metadata": {},
        }


def usage_of(tokens: Tokens | None) -> Json | None:
    """Returns tokens in the format of the Responses API, None if nothing is known. All fields are set, because Codex
    cannot read usage with missing fields."""
    if tokens is None or tokens.source == "absent":
        return None
    spent, made = tokens.prompt or 0, tokens.output or 0
    return {
        "input_tokens": spent,
        "input_tokens_details": {
            "cached_tokens": tokens.cache_read or 0,
            "cache_write_tokens": tokens.cache_write or 0,
        },
        "output_tokens": made,
        "output_tokens_details": {"reasoning_tokens": tokens.reasoning or 0},
        "total_tokens": spent + made,
    }
