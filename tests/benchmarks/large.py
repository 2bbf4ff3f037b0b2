"""Large requests and answers, and the client that sends one of them again and again: `python -m tests.benchmarks.large
PORT KIND SECONDS` prints a line when it begins, and how many it has sent when it ends.

It uses as little of the processor as it can, and yields it to the others, so that only the gateway can be slow."""

from __future__ import annotations

import gzip
import json
import os
import sys
import time
from collections.abc import Callable
from http.client import HTTPConnection
from typing import Any, NamedTuple

MB = 1_000_000
SMALL_MESSAGES = 100_000
TOOL_CALLS = 8_000
EVENTS = 10_000
_NUMBER_PLACE = "#number#"
_BOUNDARY = "----large-things"
_WORDS = "The quick brown fox jumps over the lazy dog, and none of it is a secret of anybody. "


class Large(NamedTuple):
    """A large thing: what a client sends, and the model by which the provider knows what to answer. `plugins` names the
    gateway that it is sent to."""

    path: str
    body: Callable[[], bytes]
    plugins: str = "usual"
    kind: str = "application/json"
    coding: str = "identity"


def _chat(model: str, messages: list[dict[str, Any]], *, spaced: bool = False, **more: Any) -> bytes:
    first = {"role": "system", "content": f"You are number {_NUMBER_PLACE}."}
    body = {"model": f"large-{model}", **more, "messages": [first, *messages]}
    return json.dumps(body, separators=(", ", ": ") if spaced else (",", ":")).encode()


def _small_messages(*, spaced: bool = False) -> bytes:
    text = "x" * (10 * MB // SMALL_MESSAGES - (45 if spaced else 40))
    turns = [{"role": ("assistant", "user")[i % 2], "content": text} for i in range(SMALL_MESSAGES)]
    return _chat("plain", turns, spaced=spaced, max_tokens=100)


def _tool_calls() -> bytes:
    turns: list[dict[str, Any]] = [{"role": "user", "content": "Look for it."}]
    for number in range(TOOL_CALLS):
        call = {"name": "look", "arguments": json.dumps({"path": f"folder/{number}", "lines": number})}
        turns.append({"role": "assistant", "tool_calls": [{"id": f"c{number}", "type": "function", "function": call}]})
        turns.append({"role": "tool", "tool_call_id": f"c{number}", "content": f"nothing in number {number}"})
    look = {"name": "look", "parameters": {"type": "object", "properties": {"path": {"type": "string"}}}}
    return _chat("plain", turns, max_tokens=100, tools=[{"type": "function", "function": look}])


def _one_text(size: int) -> bytes:
    return _chat("plain", [{"role": "user", "content": _WORDS * (size // len(_WORDS))}], max_tokens=100)


def _asks(model: str, **more: Any) -> bytes:
    return _chat(model, [{"role": "user", "content": "Hello!"}], max_tokens=100, **more)


def _vectors() -> bytes:
    return json.dumps({"model": "large-vectors", "input": [_NUMBER_PLACE] * 300}).encode()


def _upload(*, fields_last: bool = False) -> bytes:
    """Of a form whose fields come last, a gateway has to hold the file until it knows the model."""
    fields = [_part(f'name="{name}"', value) for name, value in (("purpose", b"batch"), ("model", b"large-upload"))]
    file = _part('name="file"; filename="a.mp3"', bytes(100 * MB))
    parts = [file, *fields] if fields_last else [*fields, file]
    return b"".join([*parts, f"--{_BOUNDARY}--\r\n".encode()])


def _part(disposition: str, value: bytes) -> bytes:
    return f"--{_BOUNDARY}\r\ncontent-disposition: form-data; {disposition}\r\n\r\n".encode() + value + b"\r\n"


CHAT = "/v1/chat/completions"
_FORM = f"multipart/form-data; boundary={_BOUNDARY}"
KINDS = {
    "10 MB, 100,000 messages": Large(CHAT, _small_messages),
    "the same with white space": Large(CHAT, lambda: _small_messages(spaced=True)),
    "the same, Messages client": Large("/v1/messages", _small_messages),
    "10 MB, one text": Large(CHAT, lambda: _one_text(10 * MB)),
    "10 MB, one text, in gzip": Large(CHAT, lambda: _one_text(10 * MB), coding="gzip"),
    "8,000 tool calls": Large(CHAT, _tool_calls),
    "5 MB event": Large(CHAT, lambda: _asks("event", stream=True)),
    "10,000 events in one piece": Large(CHAT, lambda: _asks("events", stream=True)),
    "the same, Messages client ": Large("/v1/messages", lambda: _asks("events", stream=True)),
    "5 MB answer": Large(CHAT, lambda: _asks("answer")),
    "5 MB answer, Messages client": Large("/v1/messages", lambda: _asks("answer")),
    "10 MB of vectors": Large("/v1/embeddings", _vectors),
    "100 MB file": Large("/v1/files", _upload, kind=_FORM),
    "100 MB sound": Large("/v1/audio/transcriptions", _upload, kind=_FORM),
    "100 MB sound, its model last": Large("/v1/audio/transcriptions", lambda: _upload(fields_last=True), kind=_FORM),
    "10 MB, 100,000 messages, to Anthropic": Large(CHAT, _small_messages, "claude"),
    "8,000 tool calls, to Anthropic": Large(CHAT, _tool_calls, "claude"),
    "1 MB text, screened": Large(CHAT, lambda: _one_text(MB), "guard"),
    "10 MB, 100,000 messages, with a history": Large(CHAT, _small_messages, "history"),
    "5 MB answer, with a history": Large(CHAT, lambda: _asks("answer"), "history"),
    "10 MB, 100,000 messages, decorated": Large(CHAT, _small_messages, "prompts"),
}


def prepared(kind: str) -> Callable[[int], bytes]:
    """Returns a function that makes the body of the request with a number."""
    code = gzip.compress if KINDS[kind].coding == "gzip" else bytes
    before, mark, behind = KINDS[kind].body().partition(_NUMBER_PLACE.encode())
    first, last = code(before), code(behind) if mark else b""
    return lambda number: b"".join((first, code(b"%08d" % number), last)) if mark else first


def main() -> None:
    port, kind, seconds = int(sys.argv[1]), sys.argv[2], float(sys.argv[3])
    os.nice(10)
    large, body, taken = KINDS[kind], prepared(kind), []
    headers = {"content-type": large.kind, "content-encoding": large.coding, "authorization": "Bearer sk-client"}
    connection = HTTPConnection("127.0.0.1", port, timeout=120)
    began = time.time_ns() // 1_000_000 % 10_000_000
    until = time.perf_counter() + seconds
    while not taken or time.perf_counter() < until:
        if len(taken) == 1:
            print("begun", flush=True)
        sent, started = body(began + len(taken)), time.perf_counter()
        connection.request("POST", large.path, sent, headers)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            sys.exit(f"{kind}: {answer.status} {text[:500]!r}")
        taken.append(time.perf_counter() - started)
        if len(taken) == 1:
            until = time.perf_counter() + seconds
    print(json.dumps({"sent": len(taken), "p50_ms": sorted(taken)[len(taken) // 2] * 1000}), flush=True)


if __name__ == "__main__":
    main()
