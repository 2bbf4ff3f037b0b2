"""Writes the prompt of a template for chats in the format of another API, so that one template serves all clients.

Rule: a template that has a prompt of the client's own API stays as it is. Only texts are written in another format: a
template with tool calls or images needs a twin for that API."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aigw.dialects import apis
from aigw.dialects.json_values import Json
from aigw.dialects.openai_chat import content_places
from aigw.dialects.view import text_of

_Turns = list[tuple[str, str]]
_SYSTEM = ("system", "developer")
_CHAT_ROLES = (*_SYSTEM, "tool", "function")
_CHAT_PARTS = ("image_url", "input_audio", "file")
"""Roles and kinds of parts that Messages does not have."""


def fitted(api: str, fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns the fields of a template for a request of this API. Raises ValueError if they cannot be written so."""
    form = _FORMS.get(api)
    if form is None or "messages" not in fields:
        return fields
    own, write, options = form
    if own & fields.keys() or (api in _KEEP_MESSAGES and not _is_chat(fields["messages"])):
        return fields
    rest = {name: value for name, value in fields.items() if name not in ("messages", *options)}
    written = write(_turns(fields["messages"]), {options[name]: fields[name] for name in options if name in fields})
    return {**rest, **written}


def _is_chat(messages: Any) -> bool:
    """Whether something of the messages is as Messages does not have it."""
    return isinstance(messages, list) and any(
        isinstance(message, dict) and (message.get("role") in _CHAT_ROLES or _has_calls(message) or _has_media(message))
        for message in messages
    )


def _has_calls(message: Mapping[str, Any]) -> bool:
    return bool(message.get("tool_calls") or message.get("function_call"))


def _has_media(message: Mapping[str, Any]) -> bool:
    content = message.get("content")
    parts = content if isinstance(content, list) else []
    return any(isinstance(part, dict) and part.get("type") in _CHAT_PARTS for part in parts)


def _turns(messages: Any) -> _Turns:
    turns = []
    for message in messages if isinstance(messages, list) else ():
        content = message.get("content") if isinstance(message, dict) else None
        texts = [place.text for place in content_places((), content, "")]
        of_tools = isinstance(message, dict) and (message.get("role") in ("tool", "function") or _has_calls(message))
        if not texts or of_tools or (isinstance(content, list) and len(texts) < len(content)):
            raise ValueError("the template has more than texts; write one for this API")
        turns.append((text_of(message.get("role")), "\n".join(texts)))
    return turns


def _instructions(turns: _Turns) -> str:
    return "\n\n".join(text for role, text in turns if role in _SYSTEM)


def _without_system(turns: _Turns) -> _Turns:
    return [("assistant" if role == "assistant" else "user", text) for role, text in turns if role not in _SYSTEM]


def _messages(turns: _Turns, options: Json) -> Json:
    return {
        "system": _instructions(turns),
        "messages": [{"role": role, "content": text} for role, text in _without_system(turns)],
        **options,
    }


def _responses(turns: _Turns, options: Json) -> Json:
    said: Json = {
        "input": [{"type": "message", "role": role, "content": text} for role, text in _without_system(turns)],
        **options,
    }
    return {"instructions": system, **said} if (system := _instructions(turns)) else said


def _completions(turns: _Turns, options: Json) -> Json:
    return {"prompt": "\n\n".join(text for _, text in turns), **options}


def _gemini(turns: _Turns, options: Json) -> Json:
    said = [("model" if role == "assistant" else role, text) for role, text in _without_system(turns)]
    system = _instructions(turns)
    return {
        **({"systemInstruction": {"parts": [{"text": system}]}} if system else {}),
        "contents": [{"role": role, "parts": [{"text": text}]} for role, text in said],
        **({"generationConfig": options} if options else {}),
    }


_LIMITS = ("max_tokens", "max_completion_tokens")
_OF_GEMINI = {"temperature": "temperature", "top_p": "topP", **dict.fromkeys(_LIMITS, "maxOutputTokens")}
_KEEP_MESSAGES = (apis.MESSAGES, apis.COUNT_TOKENS)
_FORMS: dict[str, tuple[set[str], Callable[[_Turns, Json], Json], dict[str, str]]] = {
    apis.MESSAGES: ({"system"}, _messages, dict.fromkeys(_LIMITS, "max_tokens")),
    apis.COUNT_TOKENS: ({"system"}, _messages, {}),
    apis.RESPONSES: ({"input", "instructions"}, _responses, dict.fromkeys(_LIMITS, "max_output_tokens")),
    apis.COMPLETIONS: ({"prompt"}, _completions, dict.fromkeys(_LIMITS, "max_tokens")),
    apis.GENERATE_CONTENT: ({"contents"}, _gemini, _OF_GEMINI),
    apis.STREAM_GENERATE_CONTENT: ({"contents"}, _gemini, _OF_GEMINI),
}
"""For each API, the fields of its own prompt, what writes the prompt of a chat, and how it names the options of a
chat."""
