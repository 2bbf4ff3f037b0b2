"""Finds the texts in the answers of OpenAI's Responses API, with the reasoning and the arguments of calls. Texts that
came in deltas are repeated in the events that say that something is done, and in the last event."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from aigw.core.answer import AnswerText
from aigw.core.json_path import JsonPath
from aigw.dialects.answer_texts import named
from aigw.dialects.json_values import Json
from aigw.dialects.view import text_of

_Kind = Literal["text", "reasoning", "call"]
_DELTAS: dict[str, _Kind] = {
    "response.output_text.delta": "text",
    "response.refusal.delta": "text",
    "response.reasoning_summary_text.delta": "reasoning",
    "response.reasoning_text.delta": "reasoning",
    "response.function_call_arguments.delta": "call",
    "response.mcp_call_arguments.delta": "call",
    "response.custom_tool_call_input.delta": "text",
    "response.code_interpreter_call_code.delta": "text",
}
_WHOLE: dict[str, _Kind] = {
    "text": "text", "refusal": "text", "arguments": "call", "input": "text", "code": "text", "output": "text",
}  # fmt: skip
"""The fields of parts, items and events that have a whole text."""

_TOOLS = ("action", "queries", "results", "outputs", "output", "operation")
"""The fields of items that say what the provider's own tools were asked and what they found."""
_SHOWN = (
    "annotations", "command", "commands", "diff", "logs", "queries", "query", "quote", "stderr", "stdout", "text",
    "title", "url",
)  # fmt: skip


def texts(body: Any) -> Iterator[AnswerText]:
    if not isinstance(body, dict):
        return
    kind = text_of(body.get("type"))
    if kind in _DELTAS:
        slot = " ".join(str(body.get(name)) for name in ("output_index", "item_id", "summary_index", "content_index"))
        if isinstance(text := body.get("delta"), str) and text:
            yield AnswerText(("delta",), text, _DELTAS[kind], 0, slot)
    elif isinstance(part := body.get("part"), dict):
        yield from _whole(("part",), part)
    elif isinstance(item := body.get("item"), dict):
        if kind.endswith(".added") and item.get("arguments") == "":  # the beginning of a call
            slot = " ".join(str(each) for each in (body.get("output_index"), item.get("id"), None, None))
            yield AnswerText(("item", "arguments"), "", "call", 0, slot)
        yield from _item(("item",), item)
    elif isinstance(response := body.get("response"), dict):
        yield from _output(("response",), response)
    elif isinstance(annotation := body.get("annotation"), dict):
        yield from named(("annotation",), annotation, _SHOWN)
    elif kind.endswith(".done"):
        yield from _whole((), body)
    else:
        yield from _output((), body)


def _output(path: JsonPath, response: Json) -> Iterator[AnswerText]:
    output = response.get("output")
    for index, item in enumerate(output if isinstance(output, list) else ()):
        if isinstance(item, dict):
            yield from _item((*path, "output", index), item)


def _item(path: JsonPath, item: Json) -> Iterator[AnswerText]:
    yield from _whole(path, item)
    for name in _TOOLS:
        yield from named((*path, name), item.get(name), _SHOWN)
    for name in ("summary", "content"):
        parts = item.get(name)
        for index, part in enumerate(parts if isinstance(parts, list) else ()):
            if isinstance(part, dict):
                yield from _whole((*path, name, index), part)


def _whole(path: JsonPath, value: Json) -> Iterator[AnswerText]:
    for name, kind in _WHOLE.items():
        if isinstance(text := value.get(name), str) and text:
            yield AnswerText((*path, name), text, kind)
    yield from named((*path, "annotations"), value.get("annotations"), _SHOWN)
