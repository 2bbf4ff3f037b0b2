"""Brings a conversation into the form that providers ask for: all results of a turn's calls directly behind it.

Clients that were interrupted send calls without results, some send something between a call and its result, and some
use one id for several calls: a result then belongs to the nearest call before it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from aigw.core.pace import resting
from aigw.translation.hub import Call, Conversation, Message, Part, Result, Text, Thinking, Tool
from aigw.translation.notes import Notes

INTERRUPTED = "[no result: the tool was interrupted]"


def mended(messages: Sequence[Message], notes: Notes) -> tuple[Message, ...]:
    """Returns the messages, each turn of the assistant as one message, with a message of its results behind it if it
    has calls. A missing result says that it is missing. Results of no call are left out, and so are messages without
    anything but reasoning."""
    results = _by_call(messages, notes)
    out: list[Message] = []
    turn: list[Part] = []

    def close() -> None:
        calls = [part for part in turn if isinstance(part, Call)]
        if any(not isinstance(part, Thinking) for part in turn):
            out.append(Message("assistant", tuple(turn)))
        if calls:
            out.append(Message("user", tuple(results.get(id(call)) or _missing(call) for call in calls)))
        turn.clear()

    for message in resting(messages):
        if message.role == "assistant":
            turn += message.parts
            continue
        close()
        if rest := tuple(part for part in message.parts if not isinstance(part, Result)):
            out.append(Message(message.role, rest))
    close()
    return tuple(out)


def _missing(call: Call) -> Result:
    return Result(call.id, (Text(INTERRUPTED),), failed=True, custom=call.custom, name=call.name)


def _by_call(messages: Sequence[Message], notes: Notes) -> dict[int, Result]:
    """Returns the result of each call, by the identity of the call."""
    waiting: dict[str, list[Call]] = {}
    found: dict[int, Result] = {}
    for message in resting(messages):
        for part in message.parts:
            if isinstance(part, Call):
                waiting.setdefault(part.id, []).append(part)
            elif isinstance(part, Result):
                if calls := waiting.get(part.id):
                    call = calls.pop()
                    cached = part.cached or any(each.cached for each in part.parts)
                    found[id(call)] = Result(
                        part.id, part.parts, part.failed, call.custom, part.name or call.name, cached
                    )
                else:
                    notes.lose("a result without its call")
    return found


def known_tools(conversation: Conversation) -> tuple[Tool, ...]:
    """Returns the tools, or those of earlier calls if the client offers none any more: some providers want to know the
    tool of each call."""
    names = [call.name for message in conversation.messages for call in message.calls]
    return conversation.tools or tuple(Tool(name) for name in dict.fromkeys(names))


def told_by_user(message: Message) -> Message:
    """Returns what the system says between other messages, for providers that hear it only at the beginning."""
    texts = [part for part in message.parts if isinstance(part, Text)]
    rest = [part for part in message.parts if not isinstance(part, Text)]
    text = "\n\n".join([part.text for part in texts])
    said = [Text(f"<system>\n{text}\n</system>", any(part.cached for part in texts))] if text else []
    return Message("user", (*said, *rest))


def joined(messages: Iterable[Message]) -> tuple[Message, ...]:
    """Returns the messages with neighbours of one role as one, for providers that refuse two in a row."""
    out: list[Message] = []
    for message in messages:
        if out and out[-1].role == message.role:
            out[-1] = Message(message.role, (*out[-1].parts, *message.parts))
        else:
            out.append(message)
    return tuple(out)
