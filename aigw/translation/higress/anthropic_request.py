"""Writes a request for chat completions in Anthropic's format, as Higress's provider `claude` does.

Rule: what Higress's structs do not have is lost, and an empty value is as if it was missing."""

from __future__ import annotations

from typing import Any

from aigw.dialects.json_values import Json, object_of
from aigw.higress.fields import flag, mapping, number, rows, text, texts, whole
from aigw.higress.go_json import filled
from aigw.translation.higress.chat_message import Part, data_url, parts_of, string_content

DEFAULT_MAX_TOKENS = 4096
CLAUDE_CODE = "You are Claude Code, Anthropic's official CLI for Claude."
"""The system text of requests in `claudeCodeMode` that have none."""
_LEAST_BUDGET = 1024
_BUDGETS = {"low": 1024, "high": 16384}
_MEDIUM = 8192
"""The budget for any other effort."""
_CHOICES = {"required": "any", "function": "auto"}


def write_request(body: Json, *, claude_code: bool = False, context: str | None = None) -> Json:
    """`context` is put in front of the system text. Raises ValueError, which names a field of the wrong type."""
    most = whole(body, "max_completion_tokens")
    most = (most if most > 0 else whole(body, "max_tokens")) or DEFAULT_MAX_TOKENS
    thinking = _thinking(body, most)
    said, messages = _conversation(rows(body, "messages"))
    system = _system(said, claude_code=claude_code, context=context)
    options = {
        "max_tokens": most,
        "stop_sequences": [body["stop"]] if isinstance(body.get("stop"), str) else texts(body, "stop"),
        "stream": flag(body, "stream"),
        "temperature": number(body, "temperature"),
        "top_p": number(body, "top_p"),
        "tool_choice": _tool_choice(body, thinks=(thinking or {}).get("type") not in (None, "", "disabled")),
        "tools": [_tool(tool) for tool in rows(body, "tools")],
        "thinking": thinking,
        "output_config": mapping(body, "claude_output_config"),
    }
    conversation = {"messages": messages or None, **({} if system is None else {"system": system})}
    return {**filled({"model": text(body, "model")}), **conversation, **filled(options)}


def _thinking(body: Json, most: int) -> Json | None:
    given = mapping(body, "claude_thinking")
    if given is not None:
        return {"type": text(given, "type"), **filled({name: given.get(name) for name in ("budget_tokens", "display")})}
    effort, budget = text(body, "reasoning_effort"), whole(body, "reasoning_max_tokens")
    if not effort and budget <= 0:
        return None
    if budget <= 0:
        budget = _BUDGETS.get(effort, _MEDIUM)
    budget = min(max(budget, _LEAST_BUDGET), most - 1)
    return {"type": "enabled", "budget_tokens": budget} if budget >= _LEAST_BUDGET else None


def _system(system: str | None, *, claude_code: bool, context: str | None) -> str | list[Json] | None:
    if claude_code and system is None:
        system = CLAUDE_CODE
    if context is not None:
        return f"{context}\n{system}" if system else context
    if not claude_code or system is None:
        return system
    return [filled({"type": "text", "text": system, "cache_control": {"type": "ephemeral"}})]


def _conversation(given: list[Json]) -> tuple[str | None, list[Json]]:
    """Returns the last system text, and the other messages."""
    system: str | None = None
    written: list[Json] = []
    for message in given:
        role = text(message, "role")
        if role == "system":
            system = string_content(message)
        elif role == "tool":
            _add_result(written, _result(message))
        elif role == "assistant" and (calls := rows(message, "tool_calls")):
            written.append({"role": role, "content": _with_calls(message, calls)})
        else:
            written.append({"role": role, "content": _content(message)})
    return system, written


def _result(message: Json) -> Json:
    content = message.get("content")
    told = (
        content
        if isinstance(content, str)
        else "\n".join([part.value for part in parts_of(message) if part.kind == "text"])
    )
    return {"type": "tool_result", **filled({"tool_use_id": text(message, "tool_call_id")}), "content": told}


def _add_result(written: list[Json], result: Json) -> None:
    """Adds it to the results before it, if the last message has such."""
    blocks = written[-1]["content"] if written and written[-1]["role"] == "user" else None
    if isinstance(blocks, list) and any(block["type"] == "tool_result" for block in blocks):
        blocks.append(result)
    else:
        written.append({"role": "user", "content": [result]})


def _with_calls(message: Json, calls: list[Json]) -> list[Json]:
    content = message.get("content")
    said = [{"type": "text", "text": content}] if isinstance(content, str) and content else []
    return [*said, *[_call(call) for call in calls]]


def _call(call: Json) -> Json:
    function = mapping(call, "function") or {}
    names = filled({"id": text(call, "id"), "name": text(function, "name")})
    return {"type": "tool_use", **names, "input": arguments_of(text(function, "arguments"))}


def arguments_of(arguments: str) -> Json | None:
    """Returns the arguments of a call: None if they are `null`, and an empty object if they are no JSON object."""
    if arguments.strip() == "null":
        return None
    try:
        return object_of(arguments.encode())
    except (ValueError, UnicodeEncodeError):
        return {}


def _content(message: Json) -> str | list[Json]:
    content = message.get("content")
    if isinstance(content, str):
        return content
    return [block for part in parts_of(message) if (block := _block(part)) is not None]


def _block(part: Part) -> Json | None:
    if part.kind == "text":
        return {"type": "text", **filled({"text": part.value})}
    if part.kind == "file":
        return {"type": "file", "source": {"type": "url", **filled({"file_id": part.value})}}
    if not part.value.startswith("data:"):
        return {"type": "image", "source": {"type": "url", **filled({"url": part.value})}}
    if (found := data_url(part.value)) is None:
        return None
    return {"type": "image", "source": {"type": "base64", **filled({"media_type": found[0], "data": found[1]})}}


def _tool(tool: Json) -> Json:
    function = mapping(tool, "function") or {}
    described = {"description": text(function, "description"), "input_schema": mapping(function, "parameters")}
    return {"name": text(function, "name"), **filled(described)}


def _tool_choice(body: Json, *, thinks: bool) -> Json | None:
    """A model that thinks may not be made to use a tool."""
    given: Any = body.get("tool_choice")
    kind = given if isinstance(given, str) else text(given, "type") if isinstance(given, dict) else ""
    alone = filled({"disable_parallel_tool_use": body.get("parallel_tool_calls") is False})
    name = text(mapping(given, "function") or {}, "name") if isinstance(given, dict) and kind == "function" else ""
    if name and not thinks:
        return {"type": "tool", "name": name, **alone}
    kind = _CHOICES.get(kind, kind)
    if thinks and kind in ("any", "tool"):
        kind = "auto"
    return {"type": kind, **(alone if kind != "none" else {})} if kind else None
