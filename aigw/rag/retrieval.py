"""What plugins and commands get of retrieval: a search in a collection, by the embedder that made it. Where clients
brought the vectors, it is the embedder that they get of this gateway, if such vectors fit.

Rule: nothing is opened or loaded before the first search."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from aigw.core.retrieval import Collection, CollectionInfo, Collections, Embedder, Embedders, Hit, RetrievalError

if TYPE_CHECKING:
    from aigw.rag.search import Usual

MOST_KEPT = 32
"""Of how many collections it is kept what is usual in them: a megabyte each."""


class LocalRetrieval:
    """A `Retrieval`. `served` returns the embedder that clients get of this gateway (None: they get none)."""

    def __init__(
        self,
        collections: Collections,
        embedders: Embedders,
        served: Callable[[], Awaitable[Embedder]] | None = None,
    ) -> None:
        self._collections = collections
        self._embedders = embedders
        self._served = served
        self._usual: dict[str, Usual] = {}

    async def names(self) -> Sequence[str]:
        return await self._collections.names()

    async def search(self, collection: str, question: str, top: int) -> Sequence[Hit]:
        from aigw.rag.search import search

        found = await self._collections.get(collection)
        embedder = await self._embedder_for(found.info)
        return await search(found, embedder, question, top, await self._usual_in(found))

    def version(self, collection: str) -> str:
        try:
            return self._collections.version(collection)
        except RetrievalError:
            return ""

    async def _embedder_for(self, info: CollectionInfo) -> Embedder:
        if info.embedder:
            return self._embedders.get(info.embedder)
        why = "so nothing here can embed a question for it"
        if self._served is not None:
            served = await self._served()
            made = await served.dimension()
            if (made, "cosine") == (info.dimension, info.metric):
                return served
            why = f"which are {info.metric} of {info.dimension} numbers, and {served.name} makes cosine of {made}"
        raise RetrievalError(
            f"the collection {info.name} has vectors that clients brought, {why}; `aigw rag reindex -n {info.name}` "
            "embeds its texts"
        )

    async def _usual_in(self, collection: Collection) -> Usual:
        from aigw.rag.search import usual

        name = collection.info.name
        known = self._usual.pop(name, None)
        if known is None or known.version != collection.version():
            known = await usual(collection)
        self._usual[name] = known
        while len(self._usual) > MOST_KEPT:
            del self._usual[next(iter(self._usual))]
        return known
