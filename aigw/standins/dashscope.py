"""DashScope's API for embeddings, answered by a model of this machine."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Literal

import msgspec

from aigw.clients.dashscope import EMBED_PATH
from aigw.core.model import Request
from aigw.core.retrieval import Embedder, Purpose, RetrievalError
from aigw.standins.answers import answer, read
from aigw.upstream.standin import StandinAnswer


class _Input(msgspec.Struct):
    texts: list[str]


class _Parameters(msgspec.Struct):
    text_type: Literal["query", "document"] = "document"


class _Body(msgspec.Struct):
    input: _Input
    model: str = ""
    parameters: _Parameters = msgspec.field(default_factory=_Parameters)


class DashScopeStandin:
    """`embedder` returns the one that answers, whatever model the request names."""

    def __init__(self, embedder: Callable[[], Awaitable[Embedder]], new_id: Callable[[], str]) -> None:
        self._embedder = embedder
        self._new_id = new_id

    async def __call__(self, request: Request) -> StandinAnswer:
        if request.path != EMBED_PATH:
            return self._refused("InvalidURL", f"{request.path} has no stand-in; there is {EMBED_PATH}", 404)
        try:
            body = read(request, _Body)
            embedder = await self._embedder()
            purpose: Purpose = "query" if body.parameters.text_type == "query" else "passage"
            vectors = await embedder.embed(body.input.texts, purpose)
        except ValueError as error:
            return self._refused("InvalidParameter", str(error), 400)
        except RetrievalError as error:
            return self._refused("InternalError", str(error), 500)
        rows = [{"text_index": index, "embedding": row.tolist()} for index, row in enumerate(vectors)]
        return answer({"output": {"embeddings": rows}, "usage": {"total_tokens": 0}, "request_id": self._new_id()})

    def _refused(self, code: str, message: str, status: int) -> StandinAnswer:
        told: dict[str, Any] = {"code": code, "message": message, "request_id": self._new_id()}
        return answer(told, status)
