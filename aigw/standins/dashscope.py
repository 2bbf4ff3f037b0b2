"""DashScope's APIs for embeddings and for texts, answered by models of this machine and of this gateway."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Literal

import msgspec

from aigw.clients.dashscope import EMBED_PATH
from aigw.clients.dashscope_text import GENERATE_PATH
from aigw.core.asking import AskError
from aigw.core.model import Request
from aigw.core.retrieval import Embedder, Purpose, RetrievalError
from aigw.rag.embedders.local import CHARACTERS
from aigw.standins.answers import answer, read
from aigw.standins.dashscope_text import TextGeneration
from aigw.upstream.standin import StandinAnswer

MOST_TEXTS = 25
"""How many texts one request may have."""


class _Input(msgspec.Struct):
    texts: list[str] | str


class _Parameters(msgspec.Struct):
    text_type: Literal["query", "document"] = "document"
    dimension: int | None = None
    output_type: str | None = None


class _Body(msgspec.Struct):
    input: _Input
    model: str = ""
    parameters: _Parameters = msgspec.field(default_factory=_Parameters)


class DashScopeStandin:
    """`embedder` returns the one that answers for a model: that of this name, or else the one of the configuration.
    `texts` answers questions."""

    def __init__(
        self, embedder: Callable[[str], Awaitable[Embedder]], texts: TextGeneration, new_id: Callable[[], str]
    ) -> None:
        self._embedder = embedder
        self._texts = texts
        self._new_id = new_id

    async def __call__(self, request: Request) -> StandinAnswer:
        if request.path not in (EMBED_PATH, GENERATE_PATH) or request.method != "POST":
            there = f"POST {EMBED_PATH} and POST {GENERATE_PATH}"
            message = f"{request.method} {request.path} has no stand-in; there are {there}"
            return self._refused("InvalidURL", message, 404)
        try:
            if request.path == GENERATE_PATH:
                return await self._texts(request)
            body = read(request, _Body)
            return answer({**await self._embedded(body), "request_id": self._new_id()})
        except ValueError as error:
            return self._refused("InvalidParameter", str(error), 400)
        except (AskError, RetrievalError) as error:
            return self._refused("InternalError", str(error), 500)

    async def _embedded(self, body: _Body) -> dict[str, Any]:
        """Raises ValueError for what cannot be asked."""
        texts, wanted = body.input.texts, body.parameters
        texts = [texts] if isinstance(texts, str) else texts
        if not 1 <= len(texts) <= MOST_TEXTS or not all(texts):
            raise ValueError(f"input.texts should be 1 to {MOST_TEXTS} texts, none of them empty")
        if wanted.output_type not in (None, "dense"):
            raise ValueError(f"output_type {wanted.output_type}: the models of this machine make dense vectors only")
        embedder = await self._embedder(body.model)
        dimension = await embedder.dimension()
        if wanted.dimension not in (None, dimension):
            raise ValueError(f"dimension {wanted.dimension}: {embedder.name} makes vectors of {dimension} numbers")
        purpose: Purpose = "query" if wanted.text_type == "query" else "passage"
        vectors = await embedder.embed(texts, purpose)
        tokens = await asyncio.to_thread(_read_of, embedder, texts)
        rows = [{"text_index": index, "embedding": row.tolist()} for index, row in enumerate(vectors)]
        return {"output": {"embeddings": rows}, "usage": {"total_tokens": tokens}}

    def _refused(self, code: str, message: str, status: int) -> StandinAnswer:
        return answer({"code": code, "message": message, "request_id": self._new_id()}, status)


def _read_of(embedder: Embedder, texts: Sequence[str]) -> int:
    """Returns how many tokens of the texts the model has read."""
    window = embedder.window
    return sum(min(embedder.count(text[: CHARACTERS * window]), window) for text in texts)
