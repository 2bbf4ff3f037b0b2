"""Finds an agent in a loop: it makes the same tool call with the same arguments again and again. Sans-io.

Rule: only a request that brings results of tool calls is checked, and only its newest calls. So a conversation that has
left its loop may go on."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta, Struct, json

from aigw.core.answer import ToolCall
from aigw.core.dialect import Turn

_decode = json.Decoder().decode
_encode = json.Encoder(order="sorted").encode


class Repetition(Struct, frozen=True, kw_only=True):
    """How many repetitions mean that a client is in a loop."""

    tool_calls: Annotated[
        int,
        Meta(ge=0, description="refuse the call of a tool that is made so many times with equal arguments; 0: never"),
    ] = 0
    requests: Annotated[
        int, Meta(ge=0, description="refuse a request that comes so many times within `window`; 0: never")
    ] = 0
    window: Annotated[
        float,
        Meta(
            gt=0,
            le=2_592_000,
            description="the time in which equal requests are counted",
            examples=["10m"],
            extra={"unit": "duration"},
        ),
    ] = 600.0

    @property
    def watches(self) -> bool:
        return bool(self.tool_calls or self.requests)


def newest_calls(turns: Sequence[Turn]) -> tuple[list[ToolCall], list[list[ToolCall]]]:
    """Returns the tool calls whose results are at the end of the conversation, and the calls of each turn. Both are
    empty if the conversation does not end with results."""
    if not turns or not turns[-1].results:
        return [], []
    called = [[_canonical(call) for call in turn.calls] for turn in turns if turn.calls]
    return (called[-1], called) if called else ([], [])


def most_repeated(newest: Sequence[ToolCall], turns: Sequence[Sequence[ToolCall]]) -> tuple[ToolCall, int] | None:
    """Returns the one of the newest calls that was made in the most turns, and the number of these turns. Equal calls
    in one turn count once. Returns None if there are no calls."""
    counted = Counter(call for turn in turns for call in set(turn))
    return max(((call, counted[call]) for call in newest), key=lambda each: each[1], default=None)


def digest(*parts: str | bytes) -> str:
    sha = hashlib.sha256()
    for part in parts:
        encoded = part.encode("utf-8", "replace") if isinstance(part, str) else part
        sha.update(len(encoded).to_bytes(8, "big") + encoded)
    return sha.hexdigest()[:32]


def _canonical(call: ToolCall) -> ToolCall:
    """Returns the call without its id. Arguments that are equal as JSON become equal as text."""
    try:
        return ToolCall(call.name, _encode(_decode(call.arguments)).decode())
    except (ValueError, RecursionError):
        return ToolCall(call.name, call.arguments)
