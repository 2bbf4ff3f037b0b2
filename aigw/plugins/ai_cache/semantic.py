"""The semantic cache as Higress has it (higress.md 7.3, 7.4): a question that is near enough to a stored one gets its
answer.

Rule: whatever goes wrong with the embedding or the vectors is a miss."""

from __future__ import annotations

import operator
from collections.abc import Callable
from logging import Logger
from typing import Any, NamedTuple

from aigw.clients.callout import Callout, CalloutError

EMBED_PATH = "/api/v1/services/embeddings/text-embedding/text-embedding"
EMBED_HOST = "dashscope.aliyuncs.com"
EMBED_MODEL = "text-embedding-v2"

RELATIONS: dict[str, Callable[[float, float], bool]] = {
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
}

Vector = list[float]


class Found(NamedTuple):
    """The nearest question that is near enough, with its answer if that is stored beside it; both "" if there is none.
    `vector` is that of the question that was looked for."""

    vector: Vector
    question: str = ""
    answer: str = ""


class DashScope:
    """Embeds questions."""

    def __init__(self, callout: Callout, key: str, model: str = "") -> None:
        self._callout = callout
        self._headers = {"authorization": f"Bearer {key}"}
        self._model = model or EMBED_MODEL

    async def embed(self, text: str) -> Vector:
        """Raises CalloutError."""
        body = {"model": self._model, "input": {"texts": [text]}, "parameters": {"text_type": "query"}}
        answer = await self._callout.post(EMBED_PATH, self._headers, body)
        try:
            vector: Vector = answer["output"]["embeddings"][0]["embedding"]
        except (TypeError, LookupError):
            raise CalloutError("the answer has no embedding") from None
        return vector


class DashVector:
    """Keeps the vectors of questions. `near` says whether a score is near enough."""

    def __init__(self, callout: Callout, key: str, collection: str, top: int, near: Callable[[float], bool]) -> None:
        self._callout = callout
        self._headers = {"dashvector-auth-token": key}
        self._path = f"/v1/collections/{collection}"
        self._top = top
        self._near = near

    async def nearest(self, vector: Vector) -> Found:
        """Raises CalloutError."""
        body = {"vector": vector, "topk": self._top, "include_vector": False}
        answer = await self._callout.post(f"{self._path}/query", self._headers, body)
        try:
            first = next(iter(answer.get("output") or ()), None)
            if first is None or not self._near(first["score"]):
                return Found(vector)
            fields: dict[str, Any] = first.get("fields") or {}
            return Found(vector, str(fields.get("query") or ""), str(fields.get("answer") or ""))
        except (AttributeError, TypeError, LookupError):
            raise CalloutError("the answer is no result of a query") from None

    async def add(self, vector: Vector, question: str, answer: str) -> None:
        """Raises CalloutError."""
        body = {"docs": [{"vector": vector, "fields": {"query": question, "answer": answer}}]}
        await self._callout.post(f"{self._path}/docs", self._headers, body)


class Semantic:
    def __init__(self, embedder: DashScope, vectors: DashVector, log: Logger) -> None:
        self._embedder = embedder
        self._vectors = vectors
        self._log = log

    async def search(self, question: str) -> Found | None:
        """None if it cannot be told."""
        try:
            return await self._vectors.nearest(await self._embedder.embed(question))
        except CalloutError as error:
            self._log.warning("semantic cache: %s", error)
            return None

    async def remember(self, found: Found, question: str, answer: str) -> None:
        try:
            await self._vectors.add(found.vector, question, answer)
        except CalloutError as error:
            self._log.warning("semantic cache: %s", error)
