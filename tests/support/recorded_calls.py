"""Calls that were recorded: made by hand, and written into a folder as a gateway would."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

from aigw.traffic.format.call import Answered, Begun, Sent
from aigw.traffic.format.folder import Folder
from aigw.traffic.recordings import new_run
from aigw.traffic.volatility.rules import Rules, VolatileConfig
from aigw.traffic.writing.folder_writer import FolderWriter

RULES = Rules.of(VolatileConfig(), folder="/home/me/project", home="/home/me")
CHAT = "openai/v1/chatcompletions"
_ids = itertools.count()


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def assistant(text: str) -> dict[str, Any]:
    return {"role": "assistant", "content": text}


def chat_call(
    *messages: dict[str, Any], headers: tuple[tuple[str, str], ...] = (), exchange: str = "", **fields: Any
) -> Begun:
    """A chat that was sent to OpenAI. Each has an exchange of its own unless one is named."""
    body = json.dumps({"model": "gpt-4o", "messages": list(messages), **fields}, ensure_ascii=False).encode()
    sent = Sent("POST", "/v1/chat/completions", "", (("content-type", "application/json"), *headers), body)
    exchange = exchange or f"exchange-{next(_ids)}"
    return Begun(
        sent, sent, exchange, CHAT, "openai-chat", "openai-chat", "openai", "default", "https://api.openai.com:443",
        "gpt-4o", "default", 0, 1_790_000_000.0,
    )  # fmt: skip


def embeddings_call(text: str) -> Begun:
    """A call without turns."""
    body = json.dumps({"model": "text-embedding-3-small", "input": text}).encode()
    sent = Sent("POST", "/v1/embeddings", "", (("content-type", "application/json"),), body)
    return Begun(
        sent, sent, f"exchange-{next(_ids)}", "openai/v1/embeddings", "openai-embeddings", "openai-embeddings", "openai",
        "default", "https://api.openai.com:443", "text-embedding-3-small", "default", 0, 1_790_000_000.0,
    )  # fmt: skip


def said(text: str, **more: Any) -> Answered:
    """A plain answer."""
    message = {"role": "assistant", "content": text}
    body = {"model": "gpt-4o-2024", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    data = json.dumps(body, ensure_ascii=False).encode()
    return Answered(
        **{"status": 200, "headers": (("Content-Type", "application/json"),), "pieces": [(0.1, data)],
           "after": 0.2, "whole": True, **more}
    )  # fmt: skip


def streamed(*events: bytes, **more: Any) -> Answered:
    """A stream whose events came one hundredth of a second apart."""
    pieces = [(number / 100, event) for number, event in enumerate(events, 1)]
    return Answered(
        **{"status": 200, "headers": (("content-type", "text/event-stream"),), "pieces": pieces,
           "after": len(events) / 100, "whole": True, **more}
    )  # fmt: skip


def delta(text: str, choice: int = 0) -> bytes:
    body = {"choices": [{"index": choice, "delta": {"content": text}, "finish_reason": None}]}
    return b"data: " + json.dumps(body, ensure_ascii=False).encode() + b"\n\n"


END = (
    b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2}}\n\n',
    b"data: [DONE]\n\n",
)


def written(path: Path, *calls: tuple[Begun, Answered], secrets: tuple[str, ...] = ()) -> Folder:
    """Records calls that came one after the other."""
    folder = Folder(path)
    folder_writer = FolderWriter(folder, folder.claim(new_run()), RULES, secrets, "c0ffee")
    for number, (begun, answered) in enumerate(calls):
        folder_writer.begun(number, begun)
        folder_writer.answered(number, answered)
    folder.release()
    return folder
