"""An agent that runs in a circle: the same tool call with the same arguments again and again, or the same request.

Sans-io. It reads the three dialects' tool calls. Rule: only a request that brings the results of tool calls is looked
at, and only its newest calls: a conversation that has left its circle may go on."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, NamedTuple

from msgspec import Meta, Struct, json

from aigw.core.document import Document
from aigw.core.model import Request

_MARKS = (b'"tool_calls"', b'"tool_use"', b'"function_call"')
_decode = json.Decoder().decode
_encode = json.Encoder(order="sorted").encode
_RESULTS = ("tool", "function")


class Repetition(Struct, frozen=True, kw_only=True):
    """When a client is thought to run in a circle. 0 switches a detector off."""

    tool_calls: Annotated[
        int, Meta(ge=0, description="so many times the same tool with the same arguments, in a conversation or session")
    ] = 0
    requests: Annotated[int, Meta(ge=0, description="so many times the same request within `window`")] = 0
    window: Annotated[
        float,
        Meta(
            gt=0,
            le=2_592_000,
            description="the time in which `requests` counts",
            examples=["10m"],
            extra={"unit": "duration"},
        ),
    ] = 600.0

    @property
    def watches(self) -> bool:
        return bool(self.tool_calls or self.requests)


class ToolCall(NamedTuple):
    """`arguments` are JSON with sorted keys, or the text as it stands where it is none."""

    name: str
    arguments: str


def newest_calls(request: Request) -> tuple[list[ToolCall], list[list[ToolCall]]]:
    """The calls whose results the request brings, and those of each turn of the conversation. Nothing for any other
    request."""
    if not request.is_json:
        return [], []
    try:
        document = request.document
        if not any(map(document.mentions, _MARKS)):
            return [], []
        turns = _turns(document)
    except ValueError:
        return [], []  # it is for the provider to say what is wrong with it
    if not turns or turns[-1] is not None:
        return [], []
    called = [turn for turn in turns if turn]
    return (called[-1], called) if called else ([], [])


def most_repeated(newest: Sequence[ToolCall], turns: Sequence[Sequence[ToolCall]]) -> tuple[ToolCall, int] | None:
    """The newest call that was made most often, and in how many turns: the same call twice in one turn is no circle."""
    counted = Counter(call for turn in turns for call in set(turn))
    return max(((call, counted[call]) for call in newest), key=lambda each: each[1], default=None)


def digest(*parts: str | bytes) -> str:
    sha = hashlib.sha256()
    for part in parts:
        encoded = part.encode("utf-8", "replace") if isinstance(part, str) else part
        sha.update(len(encoded).to_bytes(8, "big") + encoded)
    return sha.hexdigest()[:32]


def _turns(document: Document) -> list[list[ToolCall] | None]:
    """For each message its calls; None for one that brings results of calls."""
    turns: list[list[ToolCall] | None] = []
    for message in _list(document.get("messages")) or _list(document.get("input")):
        if not isinstance(message, dict):
            continue
        calls = list(_calls(message))
        if _brings_results(message):
            turns.append(None)
        elif message.get("type") == "function_call" and turns and turns[-1]:
            turns[-1] += calls  # Responses: the calls of one turn are items of their own
        else:
            turns.append(calls)
    return turns


def _brings_results(message: dict[str, Any]) -> bool:
    if message.get("role") in _RESULTS or message.get("type") == "function_call_output":
        return True
    return any(isinstance(part, dict) and part.get("type") == "tool_result" for part in _list(message.get("content")))


def _calls(message: dict[str, Any]) -> Iterator[ToolCall]:
    for call in _list(message.get("tool_calls")):
        function = call.get("function") if isinstance(call, dict) else None
        if isinstance(function, dict):
            yield _call(function.get("name"), function.get("arguments"))
    for part in _list(message.get("content")):
        if isinstance(part, dict) and part.get("type") == "tool_use":
            yield _call(part.get("name"), part.get("input"))
    if message.get("type") == "function_call":
        yield _call(message.get("name"), message.get("arguments"))


def _call(name: Any, arguments: Any) -> ToolCall:
    try:
        value = _decode(arguments) if isinstance(arguments, str) else arguments
        return ToolCall(str(name), _encode(value).decode())
    except (ValueError, RecursionError):
        return ToolCall(str(name), str(arguments))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
