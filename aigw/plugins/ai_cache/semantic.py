"""The semantic cache as Higress has it: a question that is near enough to a stored one gets its answer.

Rule: whatever goes wrong with the embedding or the vectors is a miss."""

from __future__ import annotations

from logging import Logger

from aigw.clients.callout import CalloutError
from aigw.clients.dashscope import DashScopeClient
from aigw.clients.dashvector import DashVectorClient, Found


class Semantic:
    def __init__(self, embedder: DashScopeClient, vectors: DashVectorClient, log: Logger) -> None:
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
