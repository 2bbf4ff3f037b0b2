"""Writes requests of OpenAI's formats in Gemini's, as Higress's provider `gemini` does.

Rule: calls and results of tools have no counterpart: only texts and images are written. Higress fetches images that a
URL names from the provider's own host, which has none; here they are refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aigw.dialects.json_values import Json
from aigw.higress.fields import flag, mapping, number, rows, text, texts, whole
from aigw.higress.go_json import filled
from aigw.translation.higress.chat_message import Part, data_url, parts_of

THINKING = frozenset(("gemini-2.5-pro", "gemini-2.5-flash", "gemini-2.5-flash-lite"))
"""The models that are told to think, and how much."""


def write_chat(body: Json, *, safety: Mapping[str, str], budget: int, context: str | None = None) -> Json:
    """`safety` are thresholds by category, `budget` the tokens to think with. `context` becomes the first text of the
    user. Raises ValueError, which names a field that cannot be used."""
    system, contents = _conversation(rows(body, "messages"))
    if context is not None:
        contents.insert(0, {"role": "user", "parts": [{"text": context}]})
    settings = [{"category": category, "threshold": threshold} for category, threshold in safety.items()]
    return {
        "contents": contents,
        **({} if system is None else {"system_instruction": system}),
        **filled({"safetySettings": settings}),
        "generationConfig": _options(body, budget),
        **({} if body.get("tools") is None else {"tools": [_tools(rows(body, "tools"))]}),
    }


def _options(body: Json, budget: int) -> Json:
    thinking = {"includeThoughts": True, **filled({"thinkingBudget": budget})}
    options = {
        "temperature": number(body, "temperature"),
        "topP": number(body, "top_p"),
        "logprobs": flag(body, "logprobs"),
        "maxOutputTokens": whole(body, "max_tokens"),
        "presencePenalty": int(number(body, "presence_penalty")),
        "frequencyPenalty": int(number(body, "frequency_penalty")),
        "responseModalities": texts(body, "modalities"),
        "thinkingConfig": thinking if text(body, "model") in THINKING else None,
    }
    return filled(options)


def _tools(tools: list[Json]) -> Json:
    return {"function_declarations": [_declaration(mapping(tool, "function") or {}) for tool in tools]}


def _declaration(function: Json) -> Json:
    described = filled({"description": text(function, "description")})
    return {**described, "name": text(function, "name"), **filled({"parameters": mapping(function, "parameters")})}


def _conversation(given: list[Json]) -> tuple[Json | None, list[Json]]:
    """Returns the last system text, and the other messages."""
    system: Json | None = None
    contents: list[Json] = []
    for message in given:
        role, parts = text(message, "role"), [_part(part) for part in parts_of(message) if part.kind != "file"]
        if role == "system":
            system = {"parts": parts}
        else:
            contents.append({**filled({"role": "model" if role == "assistant" else role}), "parts": parts})
    return system, contents


def _part(part: Part) -> Json:
    if part.kind == "text":
        return filled({"text": part.value})
    if part.value.startswith(("http://", "https://")):
        raise ValueError("messages: an image must be a data: URL here, Gemini fetches none")
    found = data_url(part.value) if part.value.startswith("data:") else ("", "")
    return {} if found is None else {"inlineData": {"mimeType": found[0], "data": found[1]}}


def write_embeddings(body: Json) -> Json:
    given: Any = body.get("input")
    several = given if isinstance(given, list) else [given]
    inputs = [each for each in several if isinstance(each, str)]
    model = f"models/{text(body, 'model')}"
    return {"requests": [{"model": model, "content": {"parts": [filled({"text": each})]}} for each in inputs]}


def write_images(body: Json) -> Json:
    parameters = filled({"sampleCount": whole(body, "n")})
    return {"instances": [{"prompt": text(body, "prompt")}], "parameters": parameters}
