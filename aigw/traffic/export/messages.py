"""A recorded call as a conversation in the format of OpenAI's chat: messages, tools, and the answer.

The call may have been made with any API: what its dialect reads as turns is written. Images, sounds and files are not
in turns, and are left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from aigw.core.answer import ToolCall
from aigw.core.dialect import Asked, Turn
from aigw.core.model import Request
from aigw.traffic.format.call import Sent
from aigw.traffic.format.contents import body_of
from aigw.traffic.format.folder import Folder
from aigw.traffic.format.folding import dialect_named
from aigw.traffic.format.recording import Folded, Recording

Message = dict[str, Any]


class Conversation(NamedTuple):
    """A call as a conversation. `messages` are what the model got, `answer` is what it said to that. `media` counts
    images, sounds and files that are left out."""

    messages: list[Message]
    answer: Message
    tools: list[Message]
    media: int


class LeftOutError(ValueError):
    """A call is no conversation with an answer. The message says why, as the reason of one of several calls."""


def asked_of(recording: Recording, folder: Folder, name: str) -> Asked:
    """Returns a view of the request that was sent to the provider. Raises RecordingError."""
    request = sent_of(recording, folder, name)
    return dialect_named(recording.source.dialect).asked(request, recording.source.api)


def sent_of(recording: Recording, folder: Folder, name: str) -> Request:
    """Returns the request that was sent to the provider. Raises RecordingError."""
    sent = recording.request
    headers = tuple(sent.headers.items())
    return Sent(sent.method, sent.path, sent.query, headers, body_of(sent, folder, name)).request()


def conversation(recording: Recording, folder: Folder, name: str) -> Conversation:
    """Returns the conversation of a call. Raises LeftOutError if it has none, RecordingError if the recording is
    damaged."""
    if not recording.source.dialect:
        raise LeftOutError("without a conversation")  # a plugin made the call
    if not 200 <= recording.head.status < 300 or recording.end.ended != "complete" or recording.answer.error:
        raise LeftOutError("failed or broken off")
    asked = asked_of(recording, folder, name)
    try:
        turns = asked.turns if asked.generates else ()
    except ValueError:
        turns = ()
    if not turns or not (recording.answer.text or recording.answer.calls):
        raise LeftOutError("without a conversation")
    if asked.choices > 1:
        raise LeftOutError("with several choices")
    tools = [
        {"type": "function", "function": _function(tool.name, tool.description, tool.parameters)}
        for tool in asked.tools
    ]
    return Conversation(list(_messages(turns)), _answer(recording.answer), tools, asked.media)


def _function(name: str, description: str, parameters: Any) -> Message:
    named: Message = {"name": name} | ({"description": description} if description else {})
    return named if parameters is None else named | {"parameters": parameters}


def _answer(answer: Folded) -> Message:
    calls = [ToolCall(call.name, call.arguments, call.id) for call in answer.calls]
    ids = [call.id or f"call_{number}" for number, call in enumerate(calls)]
    return _assistant_message("\n".join(answer.text), calls, ids)


def _assistant_message(text: str, calls: Sequence[ToolCall], ids: Sequence[str]) -> Message:
    message: Message = {"role": "assistant", "content": text if text or not calls else None}
    if not calls:
        return message
    written = [
        {"id": id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
        for call, id in zip(calls, ids, strict=True)
    ]
    return message | {"tool_calls": written}


def _messages(turns: Sequence[Turn]) -> Iterator[Message]:
    """Yields the messages. Raises LeftOutError if a call has no result, or a result no call."""
    open_calls: list[tuple[str, str]] = []
    number = 0
    for turn in turns:
        if not turn.results and open_calls:
            raise LeftOutError("with calls of tools whose results cannot be told apart")
        if turn.results:
            yield from _results(turn, open_calls)
        elif turn.role == "assistant":
            ids = []
            for call in turn.calls:
                ids.append(call.id or f"call_{number}")
                number += 1
            open_calls = [(id, call.name) for id, call in zip(ids, turn.calls, strict=True)]
            yield _assistant_message(turn.text, turn.calls, ids)
        else:
            yield {"role": turn.role or "user", "content": turn.text}
    if open_calls:
        raise LeftOutError("with calls of tools whose results cannot be told apart")


def _results(turn: Turn, open_calls: list[tuple[str, str]]) -> Iterator[Message]:
    """Yields a message for each result, and one for what the user says beside them."""
    texts: dict[str, list[str]] = {}
    beside = []
    for text, id in zip(turn.texts, turn.answers, strict=True):
        if not id and turn.name:  # Gemini's results have names
            id = next((each for each, name in open_calls if name == turn.name and each not in texts), "")
        if id:
            texts.setdefault(id, []).append(text)
        else:
            beside.append(text)
    for id, said in texts.items():
        if (place := next((at for at, each in enumerate(open_calls) if each[0] == id), None)) is None:
            raise LeftOutError("with calls of tools whose results cannot be told apart")
        del open_calls[place]
        yield {"role": "tool", "tool_call_id": id, "content": "\n".join(said)}
    if beside:
        yield {"role": "user", "content": "\n".join(beside)}
