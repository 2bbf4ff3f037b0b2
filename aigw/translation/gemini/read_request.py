"""Reads a request of Gemini's generateContent into a conversation.

Rules of the format: each name may be in camelCase or in snake_case, also both in one body, an enum in any case, and
base64 in either alphabet. The model stands in the path, and so does whether the answer is a stream."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aigw.dialects.gemini_request import field, items_of, snake, spellings, tool_of
from aigw.dialects.gemini_schema import json_schema
from aigw.dialects.json_values import Json
from aigw.dialects.view import text_of
from aigw.translation.gemini.read_contents import Contents
from aigw.translation.hub import Conversation, Effort, Format, Message, Reasoning, Sampling, Text, Tool
from aigw.translation.notes import Notes, refused
from aigw.translation.values import integer, limit, texts

_READ = spellings("model", "contents", "systemInstruction", "tools", "toolConfig", "generationConfig")
_CONFIG = spellings(
    "temperature", "topP", "topK", "seed", "frequencyPenalty", "presencePenalty", "maxOutputTokens", "stopSequences",
    "candidateCount", "responseMimeType", "responseSchema", "responseJsonSchema", "responseModalities",
    "thinkingConfig",
)  # fmt: skip
_LEVELS: dict[str, Effort] = {
    "MINIMAL": "minimal", "LOW": "low", "MEDIUM": "medium", "HIGH": "high", "XHIGH": "xhigh",
}  # fmt: skip


def read_request(body: Json, notes: Notes) -> Conversation:
    """Raises GatewayError for what cannot be left out without a wrong answer."""
    if field(body, "cachedContent"):
        raise refused("cachedContent", "a prompt that Google keeps cannot be sent to another provider")
    config = field(body, "generationConfig")
    config = config if isinstance(config, dict) else {}
    notes.lose_unread(body, _READ)
    notes.lose_unread(config, _CONFIG, "generationConfig.")
    _check_modalities(config, notes)
    system = _system(field(body, "systemInstruction"), notes)
    choice, allowed = _choice(_calling(field(body, "toolConfig"), notes))
    return Conversation(
        model="",
        messages=(*system, *Contents(notes).messages(body.get("contents"))),
        tools=tuple(tool for tool in _tools(body, notes) if not allowed or tool.name in allowed),
        choice=choice,
        max_tokens=_limit(field(config, "maxOutputTokens")),
        stop=texts(field(config, "stopSequences")),
        choices=integer(field(config, "candidateCount")) or 1,
        sampling=_sampling(config),
        format=_format(config, notes),
        reasoning=_reasoning(field(config, "thinkingConfig"), notes),
    )


def _calling(given: Any, notes: Notes) -> Any:
    calling = field(given, "functionCallingConfig")
    if isinstance(given, dict):
        notes.lose_unread(given, spellings("functionCallingConfig"), "toolConfig.")
    if isinstance(calling, dict):
        notes.lose_unread(calling, spellings("mode", "allowedFunctionNames"), "toolConfig.functionCallingConfig.")
    return calling


def _system(given: Any, notes: Notes) -> list[Message]:
    parts = [given] if isinstance(given, str) else [part for _, part in items_of((), field(given, "parts"))]
    for part in parts:
        if isinstance(part, dict):
            notes.lose_unread(part, frozenset(("text",)), "systemInstruction: ")
    said = [part if isinstance(part, str) else text_of(field(part, "text")) for part in parts]
    return [Message("system", tuple(map(Text, filter(None, said))))] if any(said) else []


_READ_OF_THINKING = spellings("includeThoughts", "thinkingBudget", "thinkingLevel")
_READ_OF_TOOLS = spellings("name", "description", "parameters", "parametersJsonSchema")


def _tools(body: Json, notes: Notes) -> Iterator[Tool]:
    for _, tool in items_of((), body.get("tools")):
        for name, value in tool.items() if isinstance(tool, dict) else ():
            if name not in ("functionDeclarations", "function_declarations"):
                notes.lose(f"tools: {name}")
                continue
            for _, declaration in items_of((), value):
                if isinstance(declaration, dict):
                    notes.lose_unread(declaration, _READ_OF_TOOLS, "tools: ")
                    declared = tool_of(declaration)
                    yield Tool(declared.name, declared.description, declared.parameters)


def _choice(calling: Any) -> tuple[Any, frozenset[str]]:
    """Returns the choice, and the tools that may be called, none for all."""
    mode, names = text_of(field(calling, "mode")).upper(), texts(field(calling, "allowedFunctionNames"))
    if mode == "ANY":
        return ("tool", names[0]) if len(names) == 1 else "required", frozenset(names if len(names) > 1 else ())
    return "none" if mode == "NONE" else "", frozenset(names if mode == "VALIDATED" else ())


def _limit(value: Any) -> int | None:
    """Reads the largest number of tokens. Text with digits counts, too, because Google accepts it."""
    digits = isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 20
    return limit(int(value) if digits else value, "maxOutputTokens")


def _sampling(config: Json) -> Sampling:
    names = ("temperature", "topP", "topK", "seed", "frequencyPenalty", "presencePenalty")
    top_k = field(config, "topK")
    given = {snake(name): field(config, name) for name in names}
    if isinstance(top_k, float) and top_k.is_integer():
        given["top_k"] = int(top_k)  # Google's SDK has it as a float
    return Sampling(**given)


def _format(config: Json, notes: Notes) -> Format | None:
    kind = text_of(field(config, "responseMimeType")).lower()
    if kind in ("", "text/plain"):
        return None
    if kind != "application/json":
        notes.lose(f"generationConfig.responseMimeType {kind}")
        return None
    schema = field(config, "responseJsonSchema")
    return Format(json_schema(field(config, "responseSchema")) if schema is None else schema, "answer")


def _reasoning(thinking: Any, notes: Notes) -> Reasoning:
    """Thoughts are shown only to who asks for them."""
    if isinstance(thinking, dict):
        notes.lose_unread(thinking, _READ_OF_THINKING, "generationConfig.thinkingConfig.")
    effort = _LEVELS.get(text_of(field(thinking, "thinkingLevel")).upper(), "")
    budget = integer(field(thinking, "thinkingBudget"))
    return Reasoning(effort, budget, shown=field(thinking, "includeThoughts") is True)


def _check_modalities(config: Json, notes: Notes) -> None:
    asked = [each.upper() for each in texts(field(config, "responseModalities"))]
    if asked and "TEXT" not in asked:
        raise refused("generationConfig.responseModalities", "this provider answers with text")
    notes.lose(*(f"generationConfig.responseModalities {each}" for each in asked if each != "TEXT"))
