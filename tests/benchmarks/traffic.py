"""The bytes of the benchmark's traffic: requests of about 1 KB, and what the upstream answers to them.

Rule: everything is built once, so that neither the upstream nor the load generator is what is measured. The token that
a request carries in `user` comes back in every event, so that an event of another stream is seen."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

EVENTS = 23
"""Events of a stream, its [DONE] included, the usage chunk that a gateway may ask for not."""
SHAPES = ("plain", "burst", "drip", "slow")
"""A JSON answer; a stream that arrives in one piece; one whose events arrive one by one; one whose events come 20 ms
apart. At many connections the events of `drip` come together all the same, those of `slow` do not."""
LONG_EVENTS = 200
"""Events of a long stream."""
LONG = ("long", "long-drip", "messages", "messages-drip")
"""Long streams, in one piece or one by one: for a chat client, and for a client of Anthropic's Messages API, whose
requests are translated."""
VECTOR = 1536
"""Numbers of an embedding, as DashScope's text-embedding-v1 has."""
USER_DIGITS = 8
_USER = b'"user":"'
_QUESTION = b'"content":"No. '
_TEXT = "The quick brown fox jumps over the lazy dog while the five boxing wizards look on. "
_HEAD = b"HTTP/1.1 200 OK\r\nserver: bench\r\nx-request-id: req_0123456789abcdef\r\n"


def request(shape: str, port: int, number: int = 0, *, path: str = "", headers: Sequence[str] = ()) -> bytes:
    """A request for one of SHAPES or LONG, with more headers. The number stands in its question, too. It is one for
    chat completions, unless the shape or the path says otherwise."""
    body: dict[str, Any] = {
        "model": f"bench-{shape.replace('messages', 'long')}",
        "messages": [
            {"role": "system", "content": "You are a helpful assistant."},
            {"role": "user", "content": f"No. {number:0{USER_DIGITS}}: {_TEXT * 9}"},
        ],
        "temperature": 0.7,
        "max_tokens": 256,
        "user": f"{number:0{USER_DIGITS}}",
    }
    if shape != "plain":
        body["stream"] = True
    api = "/v1/chat/completions"
    if shape.startswith("messages"):
        api = "/v1/messages"
        body = {**body, "system": body["messages"][0]["content"], "messages": body["messages"][1:]}
    text = json.dumps(body, separators=(",", ":")).encode()
    head = (
        f"POST {path or api} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: application/json\r\n"
        "Accept-Encoding: gzip, deflate\r\nConnection: keep-alive\r\nUser-Agent: OpenAI/Python 2.0.0\r\nX-Stainless-Lang: python\r\n"
        "X-Stainless-Retry-Count: 0\r\nAuthorization: Bearer sk-client\r\nContent-Type: application/json\r\n"
        f"{''.join(f'{each}{chr(13)}{chr(10)}' for each in headers)}Content-Length: {len(text)}\r\n\r\n"
    )
    return head.encode() + text


def user_of(message: bytes) -> bytes:
    """The token of a request, zeros if it has none."""
    at = message.find(_USER)
    return message[at + len(_USER) :][:USER_DIGITS] if at >= 0 else b"0" * USER_DIGITS


def around_number(message: bytes) -> tuple[bytes, bytes]:
    """A request before and after the number in its question, to ask another question each time."""
    start = message.index(_QUESTION) + len(_QUESTION)
    return message[:start], message[start + USER_DIGITS :]


def plain_answer() -> bytes:
    """A whole HTTP response with a JSON body of about 1 KB."""
    return _response(_completion())


def cloud_answers() -> dict[bytes, bytes]:
    """By path, whole HTTP responses of the clouds that plugins ask: DashScope embeds and rewrites, DashVector finds."""
    rewritten = f"content-type:application/json\n\n{json.dumps(_completion())}"
    vector = [round(math.sin(place), 6) for place in range(VECTOR)]
    passage = {"id": "1", "score": 0.1, "fields": {"raw": _TEXT * 3}}
    bodies = {
        b"/api/v1/services/embeddings/text-embedding/text-embedding": {
            "output": {"embeddings": [{"embedding": vector, "text_index": 0}]}
        },
        b"/v1/collections/news/query": {"code": 0, "output": [passage]},
        b"/api/v1/services/aigc/text-generation/generation": {"output": {"text": rewritten, "finish_reason": "stop"}},
    }
    return {path: _response(body) for path, body in bodies.items()}


def _completion() -> dict[str, Any]:
    return {
        "id": "chatcmpl-0123456789",
        "object": "chat.completion",
        "created": 1700000000,
        "model": "bench-mapped",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": _TEXT * 9}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 170, "completion_tokens": 160, "total_tokens": 330},
    }


def _response(content: object) -> bytes:
    body = json.dumps(content).encode()
    return _HEAD + b"content-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body


def stream_head() -> bytes:
    return _HEAD + b"content-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def events(user: bytes, *, usage: bool = False, count: int = EVENTS) -> list[bytes]:
    """The events of a stream for the request with this token."""
    deltas: list[tuple[dict[str, str], str | None]] = [({"role": "assistant", "content": ""}, None)]
    deltas += [({"content": f" token{number}"}, None) for number in range(count - 3)]
    deltas.append(({}, "stop"))
    base = {
        "id": f"chatcmpl-{user.decode()}",
        "object": "chat.completion.chunk",
        "created": 1700000000,
        "model": "bench-mapped",
    }
    bodies = [base | {"choices": [{"index": 0, "delta": delta, "finish_reason": why}]} for delta, why in deltas]
    if usage:
        bodies = [body | {"usage": None} for body in bodies]  # as OpenAI does
        counts = {"prompt_tokens": 170, "completion_tokens": 21, "total_tokens": 191}
        bodies.append(base | {"choices": [], "usage": counts})
    texts = [json.dumps(body, separators=(",", ":")) for body in bodies]
    return [f"data: {text}\n\n".encode() for text in (*texts, "[DONE]")]


def chunked(piece: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(piece), piece)
