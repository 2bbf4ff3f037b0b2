"""Reads a request for OpenAI's chat completions into a conversation.

How much to think has many names in it: `reasoning_effort` is OpenAI's, and clients that know one provider send what
that one calls it. All of them are read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from aigw.dialects.json_values import Json
from aigw.dialects.view import rows_of, text_of
from aigw.translation.chat.read_messages import read_messages
from aigw.translation.hub import Conversation, Effort, Format, Reasoning, Sampling, Tool
from aigw.translation.notes import NOTHING, Notes, refused
from aigw.translation.values import boolean, integer, limit, switch, texts

_READ = frozenset(
    ("model", "messages", "tools", "tool_choice", "parallel_tool_calls", "max_tokens", "max_completion_tokens", "stop",
     "n", "temperature", "top_p", "top_k", "seed", "frequency_penalty", "presence_penalty", "response_format",
     "reasoning_effort", "reasoning", "thinking", "enable_thinking", "thinking_budget", "stream", "stream_options",
     "user", "safety_identifier", "verbosity", "functions", "function_call")
)  # fmt: skip
_OPENAIS = (
    "metadata", "moderation", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "service_tier",
)  # fmt: skip
"""What OpenAI's Responses API has, too, in the same words."""
_DEFAULTS = {"modalities": ["text"], "service_tier": "auto"}
_SEARCH = "web_search_options"
_CHOICES = {"auto": "", "required": "required", "any": "required", "none": "none"}
_EFFORTS: dict[str, Effort] = {
    name: name for name in ("none", "minimal", "low", "medium", "high", "xhigh", "max")
}  # fmt: skip


def read_request(body: Json, notes: Notes) -> Conversation:
    """Raises GatewayError for what cannot be left out without a wrong answer."""
    _check_modalities(body.get("modalities"))
    beside = _other_fields(body)
    notes.lose_unread(beside, frozenset(_OPENAIS))
    if body.get(_SEARCH) == {}:  # which asks for a search
        notes.lose(_SEARCH)
    one_call = bool(rows_of(body.get("functions"))) and not body.get("tools")
    if body.get("functions") and not one_call:
        notes.lose("functions")
    tools = tuple(_tools(_functions(body) if one_call else body.get("tools"), notes))
    choice, tools = _choice(_old_choice(body.get("function_call")) if one_call else body.get("tool_choice"), tools)
    options = body.get("stream_options")
    most = limit(body.get("max_completion_tokens"), "max_completion_tokens")
    return Conversation(
        model=text_of(body.get("model")),
        messages=tuple(read_messages(body.get("messages"), notes)),
        tools=tools,
        choice=choice,
        parallel=False if one_call else boolean(body.get("parallel_tool_calls")),
        max_tokens=limit(body.get("max_tokens"), "max_tokens") if most is None else most,
        stop=texts(body.get("stop")),
        choices=max(1, integer(body.get("n")) or 1),
        sampling=_sampling(body),
        format=_format(body.get("response_format"), notes),
        reasoning=_reasoning(body),
        stream=switch(body.get("stream")),
        wants_usage=isinstance(options, dict) and switch(options.get("include_usage")),
        user=text_of(body.get("safety_identifier")) or text_of(body.get("user")),
        verbosity=text_of(body.get("verbosity")),
        openais={name: beside[name] for name in _OPENAIS if beside.get(name) not in NOTHING},
        one_call=one_call,
    )


def _check_modalities(given: Any) -> None:
    asked = texts(given)
    if asked and "text" not in asked:
        raise refused("modalities", "this provider answers with text")


def _other_fields(body: Json) -> Json:
    """Returns the fields that other formats do not have, unless they say what is the case anyway."""
    beside = {name: value for name, value in body.items() if name not in _READ}
    return {name: value for name, value in beside.items() if value is not False and value != _DEFAULTS.get(name)}


def _functions(body: Json) -> list[Json]:
    """Returns the functions of the form before tools as tools."""
    return [{"type": "function", "function": function} for function in rows_of(body.get("functions"))]


def _old_choice(given: Any) -> Any:
    return {"function": given} if isinstance(given, dict) else given


_READ_OF_TOOLS = frozenset(("type", "function", "custom", "cache_control"))
_READ_OF_FUNCTIONS = frozenset(("name", "description", "parameters", "strict", "format"))


def _tools(given: Any, notes: Notes) -> Iterator[Tool]:
    for tool in rows_of(given):
        notes.lose_unread(tool, _READ_OF_TOOLS, "tools: ")
        cached = bool(tool.get("cache_control"))
        if isinstance(function := tool.get("function"), dict):
            notes.lose_unread(function, _READ_OF_FUNCTIONS, "tools: ")
            name, description = text_of(function.get("name")), text_of(function.get("description"))
            yield Tool(name, description, function.get("parameters"), boolean(function.get("strict")), cached=cached)
        elif isinstance(custom := tool.get("custom"), dict):
            notes.lose_unread(custom, _READ_OF_FUNCTIONS, "tools: ")
            name, description = text_of(custom.get("name")), text_of(custom.get("description"))
            yield Tool(name, description, custom=True, grammar=_grammar(custom.get("format")), cached=cached)
        else:
            notes.lose(f"tools: {text_of(tool.get('type')) or 'a tool without a type'}")


def _grammar(format: Any) -> Any:
    """Returns the grammar without the object around it that only chat completions have. Any text needs none."""
    if not isinstance(format, dict) or format.get("type") != "grammar":
        return None
    inner = format.get("grammar")
    return {"type": "grammar", **inner} if isinstance(inner, dict) else format


def _choice(choice: Any, tools: tuple[Tool, ...]) -> tuple[str | tuple[Literal["tool"], str], tuple[Tool, ...]]:
    """Returns the choice, and the tools that are left of it."""
    if isinstance(choice, str):
        return _CHOICES.get(choice, ""), tools
    if not isinstance(choice, dict):
        return "", tools
    if isinstance(allowed := choice.get("allowed_tools"), dict):
        names = {_named(tool) for tool in rows_of(allowed.get("tools"))}
        mode = text_of(allowed.get("mode"))
        return _CHOICES.get(mode, ""), tuple(tool for tool in tools if tool.name in names)
    return (("tool", name) if (name := _named(choice)) else ""), tools


def _named(tool: Json) -> str:
    inner = tool.get("function") or tool.get("custom")
    return text_of(inner.get("name")) if isinstance(inner, dict) else ""


def _sampling(body: Json) -> Sampling:
    return Sampling(
        temperature=body.get("temperature"),
        top_p=body.get("top_p"),
        top_k=body.get("top_k"),
        seed=body.get("seed"),
        frequency_penalty=body.get("frequency_penalty") or None,
        presence_penalty=body.get("presence_penalty") or None,
    )


def _format(given: Any, notes: Notes) -> Format | None:
    kind = text_of(given.get("type")) if isinstance(given, dict) else ""
    if kind == "json_object":
        return Format()
    inner = given.get("json_schema") if kind == "json_schema" else None
    if isinstance(inner, dict):
        strict, about = boolean(inner.get("strict")), text_of(inner.get("description"))
        return Format(inner.get("schema"), text_of(inner.get("name")), strict, about)
    if kind not in ("", "text"):
        notes.lose(f"response_format: {kind}")
    return None


def _reasoning(body: Json) -> Reasoning:
    """Reads the names of OpenAI, OpenRouter (`reasoning`), DeepSeek and others (`thinking`), and Qwen."""
    effort = _EFFORTS.get(text_of(body.get("reasoning_effort")), "")
    budget = integer(body.get("thinking_budget"))
    switched, shown = boolean(body.get("enable_thinking")), None
    if isinstance(given := body.get("reasoning"), dict):
        effort = effort or _EFFORTS.get(text_of(given.get("effort")), "")
        budget = integer(given.get("max_tokens")) if budget is None else budget
        switched = boolean(given.get("enabled")) if switched is None else switched
        shown = False if given.get("exclude") is True else None
    if isinstance(given := body.get("thinking"), dict):
        budget = integer(given.get("budget_tokens")) if budget is None else budget
        kind = text_of(given.get("type"))
        switched = kind != "disabled" if kind and switched is None else switched
    if switched is False:
        return Reasoning("none", shown=shown)
    return Reasoning(effort or ("medium" if switched and budget is None else ""), budget, shown)
