"""What an OpenAI-compatible provider says, and scripts that say it."""

from __future__ import annotations

import json
from typing import Any

from stage.upstream import Peer, Script

DONE = b"data: [DONE]\n\n"
MESSAGES = [{"role": "user", "content": "Hello!"}]
CHAT = {"model": "gpt-4o", "messages": MESSAGES}
PATH = "/v1/chat/completions"


def completion(text: str = "Hi", **fields: Any) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 2, "completion_tokens": 1, "total_tokens": 3}
    answer = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-4o-2024",
        "choices": [choice],
    }
    return json.dumps({**answer, "usage": usage, **fields}).encode()


def chunk(delta: dict[str, Any] | None = None, finish: str | None = None, **fields: Any) -> bytes:
    """One event of a stream; without a delta only what `fields` say."""
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    event = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o-2024"}
    return data({**event, "choices": choices, **fields})


def data(value: Any) -> bytes:
    return b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\n\n"


def text_events(*texts: str) -> list[bytes]:
    """A complete stream that says `texts`."""
    first = chunk({"role": "assistant", "content": ""})
    return [first, *(chunk({"content": text}) for text in texts), chunk({}, "stop"), DONE]


def answers(body: bytes = b"", status: int = 200, headers: dict[str, str] | None = None, **more: Any) -> Script:
    async def script(peer: Peer) -> None:
        await peer.answer(body or completion(), status, headers, **more)

    return script


def streams(*pieces: bytes, headers: dict[str, str] | None = None, ends: bool = True) -> Script:
    """Sends each piece as a chunk of its own and ends the stream properly; without `ends`, closes the connection."""

    async def script(peer: Peer) -> None:
        await peer.begin(headers=headers)
        for piece in pieces:
            await peer.piece(piece)
        if ends:
            await peer.end()
        else:
            raise ConnectionError

    return script


def error_body(
    message: str = "nope", kind: str = "server_error", code: str | None = None, param: str | None = None
) -> bytes:
    return json.dumps({"error": {"message": message, "type": kind, "param": param, "code": code}}).encode()
