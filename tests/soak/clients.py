"""The clients of a soak: each sends one case after the other, and tells what came back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.soak.script import Case

PATH = "/api/openai/v1/chat/completions"
PATIENCE = 180.0
"""Seconds after which an answer counts as one that never comes: more than a machine that does much else needs."""
ID, CACHE = "x-aigw-request-id", "x-aigw-cache"
COMPARED = (ID, CACHE)
"""The headers that are needed when an answer has been judged."""


@dataclass(slots=True)
class Seen:
    """`ended` is whole, error (a stream that ends with one), broken, left (by the client itself) or never. `status` is
    0 without a head."""

    ended: str = "broken"
    status: int = 0
    text: str = ""
    usage: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes = b""
    said: str = ""

    @property
    def id(self) -> str:
        return self.headers.get(ID, "")

    @property
    def cached(self) -> bool:
        return self.headers.get(CACHE, "").startswith("hit")


async def send(session: aiohttp.ClientSession, url: str, case: Case) -> Seen:
    """Does what the client of the case does."""
    seen = Seen()
    headers = {"content-type": "application/json", "x-forwarded-for": case.address}
    data: Any = case.body()
    if case.kind == "left" and case.detail == "in the body":
        headers["content-length"] = str(len(data))
        data = _half(data, case)
    try:
        async with asyncio.timeout(case.at / 8 if case.detail == "waiting" else PATIENCE):
            async with session.post(url + PATH, data=data, headers=headers) as response:
                seen.status, seen.headers = response.status, response.headers
                await _read(response, case, seen)
    except TimeoutError:
        seen.ended = "left" if case.detail == "waiting" else "never"
    except _LeftError:
        seen.ended = "left"
    except (aiohttp.ClientError, ConnectionError) as error:
        seen.said = repr(error)
    return seen


class _LeftError(Exception):
    pass


async def _half(data: bytes, case: Case) -> AsyncIterator[bytes]:
    yield data[: max(1, int(len(data) * case.at * 0.9))]
    await asyncio.sleep(case.at / 50)
    raise _LeftError


async def _read(response: aiohttp.ClientResponse, case: Case, seen: Seen) -> None:
    if "event-stream" not in response.headers.get("content-type", ""):
        seen.raw = await response.read()
        seen.ended = "whole"
        _read_plain(seen)
        return
    leaves = int(case.at * 8) if case.detail == "in the stream" else 0 if case.detail == "at the head" else -1
    events = 0
    while True:
        if events == leaves:
            if case.words % 2 and response.connection is not None and response.connection.transport is not None:
                response.connection.transport.abort()
            response.close()
            raise _LeftError
        line = await response.content.readline()
        seen.raw += line
        if not line:
            return
        if line.startswith(b"data:"):
            events += 1
            _read_event(line[5:].strip(), seen)


def _read_plain(seen: Seen) -> None:
    try:
        body = json.loads(seen.raw)
        seen.text, seen.usage = body["choices"][0]["message"]["content"], body.get("usage")
    except (ValueError, LookupError, TypeError):
        pass  # it is no answer of a model; who judges it sees the bytes


def _read_event(data: bytes, seen: Seen) -> None:
    if data == b"[DONE]":
        seen.ended = "error" if seen.ended == "error" else "whole"
        return
    chunk = json.loads(data)
    if "error" in chunk:
        seen.ended = "error"
    for choice in chunk.get("choices", ()):
        seen.text += choice["delta"].get("content") or ""
        if choice.get("finish_reason") == "content_filter":
            seen.ended = "error"
    seen.usage = chunk.get("usage") or seen.usage
