"""Reads a request of Anthropic's clients into one for chat completions, as Higress's ClaudeToOpenAI converter does.

Rule: what Higress's structs do not have is lost, and an empty value is as if it was missing."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from aigw.dialects.json_values import Json
from aigw.higress.fields import flag, mapping, number, rows, text, texts, whole
from aigw.higress.go_json import filled
from aigw.higress.go_values import sorted_json

_BILLING = "x-anthropic-billing-header:"
_LOW, _MEDIUM = 4096, 16384
"""Budgets for thinking below these are a low and a medium effort."""


def read_request(body: Json, *, keeps_reasoning: bool = False, asks_for_usage: bool = True) -> Json:
    """`keeps_reasoning`: the provider wants the reasoning of earlier turns back. Raises ValueError, which names a field
    of the wrong type."""
    stream = flag(body, "stream")
    messages = [read for message in rows(body, "messages") for read in _messages(message, keeps_reasoning)]
    options = {
        "reasoning_effort": _effort(mapping(body, "thinking") or {}),
        "max_tokens": whole(body, "max_tokens"),
        "stop": texts(body, "stop_sequences"),
        "stream": stream,
        "stream_options": {"include_usage": True} if stream and asks_for_usage else None,
        "temperature": number(body, "temperature"),
        "top_p": number(body, "top_p"),
        "tools": [_tool(tool) for tool in rows(body, "tools")],
    }
    system = _system(body.get("system"))
    return {
        "messages": [*system, *messages] or None,
        "model": text(body, "model"),
        **filled(options),
        **_tool_choice(mapping(body, "tool_choice")),
    }


def _effort(thinking: Json) -> str:
    budget = whole(thinking, "budget_tokens")
    if text(thinking, "type") != "enabled":
        return ""
    return "low" if budget < _LOW else "medium" if budget < _MEDIUM else "high"


def _system(system: Any) -> list[Json]:
    if system is None:
        return []
    content = without_cch(system) if isinstance(system, str) else _Blocks.read(_blocks(system, "system")).parts
    return [{"role": "system", "content": content}]


def _blocks(value: Any, name: str) -> list[Json]:
    if not isinstance(value, list):
        raise ValueError(f"{name}: must be either a string or an array of content blocks")
    return rows({name: value}, name)


class _Blocks(Struct):
    """The content of one message. `parts` are its texts and images for a message without calls and results."""

    texts: list[str]
    parts: list[Json]
    thoughts: list[str]
    calls: list[Json]
    results: list[Json]
    thinks: bool = False

    @classmethod
    def read(cls, blocks: list[Json]) -> _Blocks:
        found = cls([], [], [], [], [])
        for block in blocks:
            found._add(block, text(block, "type"))
        return found

    def _add(self, block: Json, kind: str) -> None:
        if kind == "text" and (said := without_cch(text(block, "text"))):
            self.texts.append(said)
            marks = filled({"cache_control": mapping(block, "cache_control")})
            self.parts.append({**marks, "type": "text", "text": said})
        elif kind in ("thinking", "redacted_thinking"):
            self.thinks = True
            self.thoughts += [text(block, "thinking")] if kind == "thinking" and text(block, "thinking") else []
        elif kind == "image" and (url := _url(mapping(block, "source") or {})) is not None:
            self.parts.append({"type": "image_url", "text": "", "image_url": filled({"url": url})})
        elif kind == "tool_use" and text(block, "id") and text(block, "name"):
            self.calls.append(_call(block))
        elif kind == "tool_result":
            self.results.append(_result(block))


def _url(source: Json) -> str | None:
    kind = text(source, "type")
    if kind == "base64":
        return f"data:{text(source, 'media_type')};base64,{text(source, 'data')}"
    return text(source, "url") if kind == "url" else None


def _call(block: Json) -> Json:
    given = mapping(block, "input")
    arguments = "" if given is None else sorted_json(given)
    function = {"name": text(block, "name"), "arguments": arguments}
    return {"index": 0, "id": text(block, "id"), "type": "function", "function": function}


def _result(block: Json) -> Json:
    content = block.get("content")
    if not isinstance(content, str):
        said = [text(each, "text") for each in _blocks(content or [], "content")]
        content = "\n".join([each for each in said if each])
    return {"role": "tool", "content": content, **filled({"tool_call_id": text(block, "tool_use_id")})}


def _messages(message: Json, keeps_reasoning: bool) -> list[Json]:
    role, content = filled({"role": text(message, "role")}), message.get("content")
    if isinstance(content, str):
        return [{**role, "content": content}]
    blocks = _Blocks.read(_blocks(content, "content"))
    joined = "\n\n".join(blocks.texts)
    thought = filled({"reasoning_content": "\n\n".join(blocks.thoughts) if keeps_reasoning else ""})
    read: list[Json] = []
    if blocks.calls:
        read.append({**role, **filled({"content": joined}), **thought, "tool_calls": blocks.calls})
    if blocks.results:
        read += blocks.results
        read += [{**role, "content": joined}] if joined else []
    if not read:
        empty = {"content": ""} if blocks.thinks and not thought else {}
        read.append({**role, **(filled({"content": blocks.parts}) or empty), **thought})
    return read


def _tool(tool: Json) -> Json:
    described = filled({"description": text(tool, "description")})
    function = {**described, "name": text(tool, "name"), **filled({"parameters": mapping(tool, "input_schema")})}
    return {"type": "function", "function": function}


def _tool_choice(choice: Json | None) -> Json:
    if choice is None:
        return {}
    kind, name = text(choice, "type"), text(choice, "name")
    chosen: Any = "required" if kind == "any" else kind
    if kind == "tool" and name:
        chosen = {"type": "function", "function": {"name": name}}
    return {"tool_choice": chosen, "parallel_tool_calls": not flag(choice, "disable_parallel_tool_use")}


def without_cch(said: str) -> str:
    """Returns a text without the `cch` of Claude Code's billing header, which is another one in each request, so that
    no prompt would be found in the provider's cache."""
    if not said.startswith(_BILLING):
        return said
    while (place := said.find("; cch=")) >= 0:
        end = said.find(";", place + 2)
        said = said[:place] + (said[end:] if end >= 0 else "")
    return said
