"""Higress's semantic cache: a question gets the answer of a stored question that is near enough.

Rule: if the embedding or the search fails, it is a miss."""

from __future__ import annotations

from logging import Logger

from aigw.clients.callout import CalloutError
from aigw.clients.dashscope import DashScopeClient
from aigw.clients.dashvector import NearestQuestion, Questions


class Semantic:
    """Finds and stores questions by their vectors."""

    def __init__(self, embedder: DashScopeClient, vectors: Questions, log: Logger) -> None:
        self._embedder = embedder
        self._vectors = vectors
        self._log = log

    async def search(self, question: str) -> NearestQuestion | None:
        """Searches for the nearest stored question. Returns None if the search fails."""
        try:
            return await self._vectors.nearest(await self._embedder.embed(question))
        except CalloutError as error:
            self._log.warning("semantic cache: %s", error)
            return None

    async def remember(self, found: NearestQuestion, question: str, answer: str) -> None:
        """Stores a question and its answer. `found` is the result of the search for this question."""
        try:
            await self._vectors.add(found.vector, question, answer)
        except CalloutError as error:
            self._log.warning("semantic cache: %s", error)
