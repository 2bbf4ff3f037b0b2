"""The clouds of a soak, as one server that follows the script: Qwen, DashScope's embeddings and texts, DashVector.

It also sees to it that what reaches a model is what the plugins must have made of the request, and of no other."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from aiohttp import web

from tests.soak.script import NAME, Case, Script

EMBED = "/api/v1/services/embeddings/text-embedding/text-embedding"
GENERATE = "/api/v1/services/aigc/text-generation/generation"
SEARCH = "/v1/collections/news/query"
FIRST = "请使用英语回答问题"
LAST = "每次回答完问题，尝试进行反问"
EVENT_WORDS = 3
"""How many words of an answer are in an event."""
LEAVE_SECONDS = 0.2
"""The longest time in which a client that is going to leave gets no answer."""


class Clouds:
    """`problems` say what should not have been asked. `asked` counts what was, by path."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self.problems: list[str] = []
        self.asked: Counter[str] = Counter()

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        with suppress(ConnectionError):  # whose client has left, or which is to break off
            return await self._answer(request)
        return web.Response()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        body = json.loads(await request.read())
        self.asked[request.path] += 1
        if request.path == EMBED:
            return self._embed(body["input"]["texts"][0])
        if request.path == SEARCH:
            return self._search(body["vector"])
        if request.path == GENERATE:
            return await self._rewrite(body["input"]["messages"])
        return await self._chat(request, body)

    def _case(self, text: str, place: str) -> Case | None:
        names = set(NAME.findall(text))
        if len(names) > 1:
            self.problems.append(f"{place}: {sorted(names)} are mixed")
        return self._script.case(names.pop()) if names else None

    def _embed(self, text: str) -> web.Response:
        case = self._case(text, "the embedder")
        if case is not None and case.passages == "no vector":
            return web.Response(status=500)
        vector = [ord(case.name[0]), int(case.name[1:])] if case is not None else [0, 0]
        return web.json_response({"output": {"embeddings": [{"embedding": vector, "text_index": 0}]}})

    def _search(self, vector: list[float]) -> web.Response:
        case = self._script.case(f"{chr(int(vector[0]))}{int(vector[1]):06}") if vector[0] else None
        if case is None or case.passages == "none":
            return web.json_response({"code": 0, "output": []})
        if case.passages == "no search":
            return web.Response(text="<html>", content_type="text/html")
        found = {"id": case.name, "score": 0.1, "fields": {"raw": case.passage}}
        return web.json_response({"code": 0, "output": [found]})

    async def _rewrite(self, messages: list[dict[str, str]]) -> web.Response:
        text = messages[-1]["content"]
        case = self._case(text, "the transformer's model")
        made, finish = f"x-made:{case.name if case else 'nobody'}\n{text}", "stop"
        what = case.rewriting if case is not None else "good"
        if what == "fails":
            return web.Response(status=503, text="busy")
        if what == "slow":
            await asyncio.sleep(0.05)
        elif what == "not http":
            made = f"I cannot do that for {case.name if case else 'nobody'}."
        elif what == "cut":
            made, finish = made[: len(made) // 2], "length"
        elif what == "framing":
            made = f"content-length:3\ntransfer-encoding:chunked\nconnection:close\ncontent-encoding:gzip\n{made}"
        return web.json_response({"output": {"text": made, "finish_reason": finish}})

    async def _chat(self, request: web.BaseRequest, body: dict[str, Any]) -> web.StreamResponse:
        messages = body.get("messages") if isinstance(body.get("messages"), list) else []
        case = self._case(json.dumps(messages, ensure_ascii=False), "the model")
        if case is None:
            return _error(400, "no case is named")
        self._check(case, messages, bool(body.get("stream")))
        fault = case.detail if case.kind == "fault" else ""
        if case.kind == "left" and case.detail == "waiting":
            await asyncio.sleep(LEAVE_SECONDS)
        elif fault == "slow":
            await asyncio.sleep(case.at / 2)
        if fault.isdigit():
            return _error(int(fault), f"this is {fault}")
        if fault == "reset":
            _abort(request)
        if fault == "web page":
            return web.Response(text="<html>Sorry</html>", content_type="text/html")
        if body.get("stream"):
            return await self._stream(request, case, fault)
        return await self._plain(request, case, fault)

    def _check(self, case: Case, messages: list[dict[str, Any]], streamed: bool) -> None:
        texts = [str(each.get("content")) for each in messages]
        wrong = []
        if texts[0] != FIRST or not texts[-1].endswith(LAST):
            wrong.append("was not decorated")
        if (case.passage in texts[-1]) != (case.passages == "found"):
            wrong.append(f"has not the passages {case.passages!r}")
        if case.mail in str(texts):
            wrong.append("was not masked")
        if case.kind in ("denied", "wrong body") or (case.kind != "popular" and streamed != case.streamed):
            wrong.append("should not have come so")
        self.problems += [f"{case}: what reached the model {each}: {texts}" for each in wrong]

    async def _plain(self, request: web.BaseRequest, case: Case, fault: str) -> web.StreamResponse:
        message = {"role": "assistant", "content": case.answer()}
        choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
        whole = {"id": case.name, "object": "chat.completion", "created": 1, "model": "qwen-max", "choices": choices}
        data = json.dumps({**whole, "usage": case.usage}).encode()
        if fault == "empty":
            data = b""
        elif fault == "not json":
            data = data[: len(data) // 2]
        response = web.StreamResponse(headers={"content-type": "application/json", "content-length": str(len(data))})
        await response.prepare(request)
        half = max(1, int(len(data) * case.at))
        if data:
            await response.write(data[:half])
        if fault == "cut":
            _abort(request)
        await response.write(data[half:])
        await response.write_eof()
        return response

    async def _stream(self, request: web.BaseRequest, case: Case, fault: str) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        words = case.answer().split(" ")
        pieces = [" ".join(words[at : at + EVENT_WORDS]) for at in range(0, len(words), EVENT_WORDS)]
        texts = [pieces[0], *(f" {piece}" for piece in pieces[1:])]
        last = int(len(texts) * case.at) if fault in ("cut", "unended", "error event") else len(texts)
        for number, text in enumerate(texts[:last]):
            if case.kind == "left" or fault == "slow" or number % 8 == 7:
                await asyncio.sleep(0.01)
            await response.write(_event(case, {"delta": {"content": text}, "finish_reason": None}))
        if fault == "cut":
            _abort(request)
        if fault == "error event":
            await response.write(b'data: {"error":{"message":"the model broke","code":"broken"}}\n\n')
        if fault not in ("unended", "error event"):
            await response.write(_event(case, {"delta": {}, "finish_reason": "stop"}))
            await response.write(_event(case, None) + b"data: [DONE]\n\n")
        await response.write_eof()
        return response


def _event(case: Case, choice: dict[str, Any] | None) -> bytes:
    """An event with a choice, or the last one, with the usage."""
    chunk: dict[str, Any] = {"id": case.name, "object": "chat.completion.chunk", "created": 1, "model": "qwen-max"}
    chunk |= {"choices": [{"index": 0, **choice}]} if choice else {"choices": [], "usage": case.usage}
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


def _error(status: int, message: str) -> web.Response:
    return web.json_response({"error": {"message": message, "type": "error", "code": str(status)}}, status=status)


def _abort(request: web.BaseRequest) -> None:
    """Resets the connection."""
    if request.transport is not None:
        request.transport.abort()
    raise ConnectionResetError


@asynccontextmanager
async def serving(clouds: Clouds) -> AsyncIterator[str]:
    """Gives the URL of the server."""
    runner = web.ServerRunner(web.Server(clouds, access_log=None), shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
