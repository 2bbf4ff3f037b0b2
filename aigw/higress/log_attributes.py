"""Where Higress finds the built-in attributes of its ai_log: the paths of texts in a request and its answer, the tool
calls of a stream, and the details of the usage. It has no paths for the texts of Responses and Gemini."""

from __future__ import annotations

from typing import Any

from aigw.higress.gjson import GjsonPath
from aigw.higress.values import text_of

REQUEST_PATHS = {"question": ("messages.@reverse.0.content",), "system": ("system",)}
BODY_PATHS = {
    "answer": ("choices.0.message.content", "content.0.text"),
    "reasoning": ("choices.0.message.reasoning_content",),
    "tool_calls": ("choices.0.message.tool_calls",),
}
STREAM_PATHS = {
    "answer": ("choices.0.delta.content", "delta.text"),
    "reasoning": ("choices.0.delta.reasoning_content",),
}
DETAILS = ("reasoning_tokens", "cached_tokens", "input_token_details", "output_token_details")


class ToolCalls:
    """Joins the tool calls of a stream of OpenAI or Anthropic, in the form that Higress logs: fields without a value
    are left out, also an index of 0."""

    def __init__(self) -> None:
        self._calls: dict[int, dict[str, Any]] = {}

    def feed(self, event: Any) -> None:
        if not isinstance(event, dict):
            return
        kind = event.get("type")
        if isinstance(kind, str) and kind.startswith("content_block_"):
            self._anthropic(kind, event)
        calls = _DELTA.get(event)
        for call in calls if isinstance(calls, list) else ():
            if isinstance(call, dict):
                self._openai(call)

    def _openai(self, call: dict[str, Any]) -> None:
        entry = self._entry(call.get("index"))
        entry["id"] = _text(call.get("id")) or entry["id"]
        entry["type"] = _text(call.get("type")) or entry["type"]
        function = call.get("function")
        if isinstance(function, dict):
            entry["name"] = _text(function.get("name")) or entry["name"]
            entry["arguments"].append(_text(function.get("arguments")))

    def _anthropic(self, kind: str, event: dict[str, Any]) -> None:
        block, delta = event.get("content_block"), event.get("delta")
        if kind == "content_block_start" and isinstance(block, dict) and block.get("type") == "tool_use":
            entry = self._entry(event.get("index"))
            entry.update(id=_text(block.get("id")), type="tool_use", name=_text(block.get("name")))
            if block.get("input"):
                entry["arguments"].append(text_of(block["input"]))
        elif kind == "content_block_delta" and isinstance(delta, dict) and event.get("index") in self._calls:
            self._entry(event.get("index"))["arguments"].append(_text(delta.get("partial_json")))

    def _entry(self, index: Any) -> dict[str, Any]:
        place = index if isinstance(index, int) else 0
        return self._calls.setdefault(place, {"id": "", "type": "", "name": "", "arguments": []})

    @property
    def value(self) -> Any:
        return [_call_data(index, call) for index, call in sorted(self._calls.items())] or None


_DELTA = GjsonPath("choices.0.delta.tool_calls")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _call_data(index: int, call: dict[str, Any]) -> dict[str, Any]:
    function = {"name": call["name"], "arguments": "".join(call["arguments"])}
    members = {"index": index, "id": call["id"], "type": call["type"]}
    return {name: value for name, value in members.items() if value} | {
        "function": {name: value for name, value in function.items() if value}
    }


def of_details(key: str, spent: dict[str, int], made: dict[str, int]) -> Any:
    """Returns the value of a built-in key from the details of the usage: a number, or the details of the input or of
    the output as JSON text."""
    if key == "reasoning_tokens":
        return made.get("reasoning_tokens")
    if key == "cached_tokens":
        return spent.get("cached_tokens")
    details = spent if key == "input_token_details" else made
    return text_of(dict(sorted(details.items()))) if details else None
