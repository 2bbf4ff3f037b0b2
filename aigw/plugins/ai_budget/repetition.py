"""An agent that runs in a circle: the same tool call with the same arguments again and again, or the same request.

Sans-io. Rule: only a request that brings the results of tool calls is looked
at, and only its newest calls: a conversation that has left its circle may go on."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta, Struct, json

from aigw.core.dialect import ToolCall, Turn

_decode = json.Decoder().decode
_encode = json.Encoder(order="sorted").encode


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


def newest_calls(turns: Sequence[Turn]) -> tuple[list[ToolCall], list[list[ToolCall]]]:
    """The calls whose results the conversation ends with, and those of each of its turns. Nothing for a conversation
    with another end."""
    if not turns or not turns[-1].results:
        return [], []
    called = [[_canonical(call) for call in turn.calls] for turn in turns if turn.calls]
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


def _canonical(call: ToolCall) -> ToolCall:
    """The call without its id, with arguments that are the same text where they are the same JSON."""
    try:
        return ToolCall(call.name, _encode(_decode(call.arguments)).decode())
    except (ValueError, RecursionError):
        return ToolCall(call.name, call.arguments)
