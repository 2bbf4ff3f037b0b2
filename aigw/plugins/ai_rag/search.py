"""Finds passages for a question: in a collection of this machine, or in DashVector by a vector of DashScope.

Rule: both return distances as DashVector counts them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from aigw.clients.callout import CalloutError
from aigw.clients.dashscope import DashScopeClient
from aigw.clients.dashvector import DashVectorClient
from aigw.core.retrieval import Hit, Passage, Retrieval, RetrievalError


class Searcher(Protocol):
    async def search(self, question: str) -> Sequence[Hit]:
        """The best passages, the best first. Raises RetrievalError."""
        ...


class LocalSearcher:
    """Searches a collection of this machine by words and by meaning."""

    def __init__(self, retrieval: Retrieval, collection: str, top: int) -> None:
        self._retrieval = retrieval
        self._collection = collection
        self._top = top

    async def search(self, question: str) -> Sequence[Hit]:
        return await self._retrieval.search(self._collection, question, self._top)


class RemoteSearcher:
    """Searches a collection of DashVector by the vector of the question. `field` has the text of a passage."""

    def __init__(self, embedder: DashScopeClient, vectors: DashVectorClient, top: int, field: str) -> None:
        self._embedder = embedder
        self._vectors = vectors
        self._top = top
        self._field = field

    async def search(self, question: str) -> Sequence[Hit]:
        try:
            vector = await self._embedder.embed(question)
            body = {"vector": vector, "topk": self._top, "output_fields": [self._field], "include_vector": False}
            found = await self._vectors.query(body)
        except CalloutError as error:
            raise RetrievalError(str(error)) from None
        texts = [(each, each.fields.get(self._field)) for each in found]
        return [
            Hit(Passage(each.id, text), 1 - each.score, each.score)
            for each, text in texts
            if isinstance(text, str) and text
        ]
